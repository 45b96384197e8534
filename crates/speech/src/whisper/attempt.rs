//! Transcribes one window: with the likeliest text, or with a sampled one if that repeats itself.
use std::io::Write as _;

use carrel_kernels::elementwise::softmax_unscaled;
use carrel_kernels::kernel::Instructions;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use pulp::{Simd, WithSimd};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::beams;
use super::decoder::Decoder;
use super::rules::Rules;
use super::vocabulary::{TokenId, Vocabulary};
use super::weights::LONGEST_TEXT;

/// Maximum number of tokens of a window.
const MAX_TOKENS: usize = LONGEST_TEXT / 2;
/// Compression ratio above which a text counts as repetitive.
const MAX_COMPRESSION: f32 = 2.4;
/// Mean log probability of the tokens below which another attempt is made.
const LEAST_LIKELIHOOD: f32 = -1.0;
/// Probability of no speech above which a window is skipped, unless its text is likely.
pub const NO_SPEECH: f32 = 0.6;

/// The transcript of a window.
#[derive(Clone, Debug, Default)]
pub struct WindowText {
    /// Tokens of text and times.
    pub tokens: Vec<TokenId>,
    pub temperature: f32,
    pub average_log_probability: f32,
    pub compression_ratio: f32,
    pub no_speech_probability: f32,
}

impl WindowText {
    pub fn is_silence(&self) -> bool {
        self.no_speech_probability > NO_SPEECH && self.average_log_probability < LEAST_LIKELIHOOD
    }

    fn is_fine(&self) -> bool {
        let repeats = self.compression_ratio > MAX_COMPRESSION;
        let is_unlikely = self.average_log_probability < LEAST_LIKELIHOOD;
        !repeats && (!is_unlikely || self.no_speech_probability > NO_SPEECH)
    }
}

/// Transcribes a window after `prompt`, whose token at `start` begins the transcript. Tries rising
/// temperatures until the text is likely and not repetitive.
pub fn write(
    decoder: &mut Decoder<'_>,
    vocabulary: &Vocabulary,
    rules: &Rules<'_>,
    prompt: &[TokenId],
    start: usize,
    temperatures: &[f32],
) -> WindowText {
    decoder.shorten(0);
    decoder.push(prompt);
    let marks = rules.marks;
    let instructions = decoder.instructions();
    let most = MAX_TOKENS.min(LONGEST_TEXT - prompt.len());
    let before = decoder.likelihoods(start..start + 1).concat();
    let no_speech = before[marks.no_speech as usize] - log_sum(instructions, &before);
    let first = decoder.likelihoods(prompt.len() - 1..prompt.len()).concat();
    let mut written = WindowText::default();
    for (number, &temperature) in temperatures.iter().enumerate() {
        decoder.shorten(prompt.len());
        let (tokens, average) = if temperature > 0.0 {
            // A fixed seed gives the same transcript each time.
            let draw = StdRng::seed_from_u64(number as u64);
            sample(decoder, rules, first.clone(), (temperature, draw), most)
        } else {
            beams::search(decoder, rules, first.clone(), most)
        };
        let text: Vec<_> = tokens.iter().copied().filter(|token| *token < marks.end).collect();
        written = WindowText {
            compression_ratio: compression_ratio(vocabulary.text(&text).trim()),
            tokens,
            temperature,
            average_log_probability: average,
            no_speech_probability: no_speech.exp(),
        };
        if written.is_fine() {
            break;
        }
    }
    written
}

/// Samples tokens up to the end mark. Returns them and their mean log probability.
fn sample(
    decoder: &mut Decoder<'_>,
    rules: &Rules<'_>,
    mut next: Vec<f32>,
    (temperature, mut draw): (f32, StdRng),
    most: usize,
) -> (Vec<TokenId>, f32) {
    let (mut tokens, mut sum) = (Vec::new(), 0.0);
    loop {
        rules.apply(&tokens, &mut next);
        let token = sample_token(&next, temperature, &mut draw);
        sum += next[token] - log_sum(decoder.instructions(), &next);
        let token = token as TokenId;
        if token == rules.marks.end {
            break;
        }
        tokens.push(token);
        if tokens.len() >= most {
            break;
        }
        decoder.push(&[token]);
        next = decoder.likelihoods(0..1).concat();
    }
    let average = sum / (tokens.len() + 1) as f32;
    (tokens, average)
}

/// Samples a token at a temperature.
fn sample_token(next: &[f32], temperature: f32, draw: &mut StdRng) -> usize {
    let greatest = next.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> =
        next.iter().map(|value| ((value - greatest) / temperature).exp()).collect();
    let mut left = draw.random::<f32>() * powers.iter().sum::<f32>();
    for (index, power) in powers.iter().enumerate() {
        left -= power;
        if left < 0.0 {
            return index;
        }
    }
    next.iter().position(|value| *value == greatest).unwrap_or(0)
}

/// Returns the logarithm of the sum of the values' exponentials.
pub fn log_sum(instructions: Instructions, values: &[f32]) -> f32 {
    let greatest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut powers = values.to_vec();
    powers.resize(values.len().next_multiple_of(16), f32::NEG_INFINITY);
    greatest + instructions.run(Exponentials(&mut powers)).ln()
}

struct Exponentials<'a>(&'a mut [f32]);

impl WithSimd for Exponentials<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let length = self.0.len();
        softmax_unscaled(simd, self.0, length)
    }
}

/// Returns the size of the text divided by its compressed size.
fn compression_ratio(text: &str) -> f32 {
    if text.is_empty() {
        return 0.0;
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    text.len() as f32 / compressed.map_or(1, |bytes| bytes.len().max(1)) as f32
}
