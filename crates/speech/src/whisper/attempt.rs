//! Writing down one window: token after token, the likeliest each time or a drawn one.
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::decoder::Decoder;
use super::rules::Rules;
use super::vocabulary::{Token, Vocabulary};
use super::weights::LONGEST_TEXT;

/// Tokens of one window.
const MOST_TOKENS: usize = LONGEST_TEXT / 2;
/// A text that compresses better repeats itself.
const MOST_COMPRESSION: f32 = 2.4;
/// A text that is less likely, by the mean logarithm of its tokens, is another attempt's.
const LEAST_LIKELIHOOD: f32 = -1.0;
/// Above it, a window of which nothing likely was written down is one without speech.
pub const NO_SPEECH: f32 = 0.6;

/// What was written down of a window.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Text and times.
    pub tokens: Vec<Token>,
    pub temperature: f32,
    pub average_log_probability: f32,
    pub compression_ratio: f32,
    pub no_speech_probability: f32,
}

impl Written {
    pub fn is_silence(&self) -> bool {
        self.no_speech_probability > NO_SPEECH && self.average_log_probability < LEAST_LIKELIHOOD
    }

    fn is_fine(&self) -> bool {
        let repeats = self.compression_ratio > MOST_COMPRESSION;
        let is_unlikely = self.average_log_probability < LEAST_LIKELIHOOD;
        !repeats && (!is_unlikely || self.no_speech_probability > NO_SPEECH)
    }
}

/// Writes down a window after `prompt`, whose token at `start` begins the transcript. Tries one temperature after the other
/// until the text is likely and does not repeat itself.
pub fn write(
    decoder: &mut Decoder<'_>,
    vocabulary: &Vocabulary,
    rules: &Rules<'_>,
    prompt: &[Token],
    start: usize,
    temperatures: &[f32],
) -> Written {
    decoder.shorten(0);
    decoder.push(prompt);
    let marks = rules.marks;
    let before = decoder.likelihoods(&decoder.row(start).to_vec());
    let no_speech_probability = Shares::of(&before).share(marks.no_speech as usize);
    let first = decoder.likelihoods(&decoder.row(prompt.len() - 1).to_vec());
    let mut written = Written::default();
    for (number, &temperature) in temperatures.iter().enumerate() {
        decoder.shorten(prompt.len());
        // The same recording is always written down in the same way.
        let draw = StdRng::seed_from_u64(number as u64);
        let (tokens, average) = attempt(decoder, rules, first.clone(), temperature, draw);
        let text: Vec<_> = tokens.iter().copied().filter(|token| *token < marks.end).collect();
        written = Written {
            compression_ratio: compression_ratio(vocabulary.text(&text).trim()),
            tokens,
            temperature,
            average_log_probability: average,
            no_speech_probability,
        };
        if written.is_fine() {
            break;
        }
    }
    written
}

/// The tokens up to the end, and the mean logarithm of their probabilities.
fn attempt(
    decoder: &mut Decoder<'_>,
    rules: &Rules<'_>,
    mut next: Vec<f32>,
    temperature: f32,
    mut draw: StdRng,
) -> (Vec<Token>, f32) {
    let (mut tokens, mut sum) = (Vec::new(), 0.0);
    loop {
        rules.apply(&tokens, &mut next);
        let shares = Shares::of(&next);
        let token = match temperature > 0.0 {
            true => drawn(&next, temperature, &mut draw),
            false => shares.likeliest,
        };
        sum += shares.share(token).ln();
        let token = token as Token;
        if token == rules.marks.end {
            break;
        }
        tokens.push(token);
        if tokens.len() >= MOST_TOKENS {
            break;
        }
        decoder.push(&[token]);
        next = decoder.likelihoods(&decoder.row(0).to_vec());
    }
    let average = sum / (tokens.len() + 1) as f32;
    (tokens, average)
}

/// The probabilities behind likelihoods.
pub struct Shares {
    powers: Vec<f32>,
    sum: f32,
    pub likeliest: usize,
}

impl Shares {
    pub fn of(values: &[f32]) -> Self {
        let (mut likeliest, mut greatest) = (0, f32::NEG_INFINITY);
        for (index, &value) in values.iter().enumerate() {
            if value > greatest {
                (likeliest, greatest) = (index, value);
            }
        }
        let powers: Vec<f32> = values.iter().map(|value| (value - greatest).exp()).collect();
        let sum = powers.iter().sum();
        Self { powers, sum, likeliest }
    }

    pub fn share(&self, index: usize) -> f32 {
        (self.powers[index] / self.sum).max(f32::MIN_POSITIVE)
    }
}

/// A token drawn by its probability at a temperature.
fn drawn(next: &[f32], temperature: f32, draw: &mut StdRng) -> usize {
    let scaled: Vec<f32> = next.iter().map(|value| value / temperature).collect();
    let shares = Shares::of(&scaled);
    let mut left = draw.random::<f32>() * shares.sum;
    for (index, power) in shares.powers.iter().enumerate() {
        left -= power;
        if left < 0.0 {
            return index;
        }
    }
    shares.likeliest
}

/// Bytes of the text by bytes of the text compressed.
fn compression_ratio(text: &str) -> f32 {
    if text.is_empty() {
        return 0.0;
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    text.len() as f32 / compressed.map_or(1, |bytes| bytes.len().max(1)) as f32
}
