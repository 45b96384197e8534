//! Determines the times of words from the decoder's attention.
//!
//! Some heads follow the words. Dynamic time warping finds the path of greatest attention through
//! tokens and frames.
use super::Whisper;
use super::decoder::Decoder;
use super::transcript::{TimedSegment, TimedWord};
use super::vocabulary::{TokenId, Vocabulary};
use super::weights::FRAMES;
use crate::audio::RATE;

/// Frames of the median filter of attention: 140 ms.
const SMOOTHED: usize = 7;
/// Frames per second.
const FRAME_RATE: usize = 50;

/// Sets the times of the words in a window's segments. `beginning` are the marks that begin a
/// transcript.
pub fn place(
    whisper: &Whisper,
    decoder: &mut Decoder<'_>,
    beginning: &[TokenId],
    at: f64,
    length: usize,
    segments: &mut [TimedSegment],
) {
    let marks = &whisper.vocabulary.marks;
    let text = segments.iter().flat_map(|segment| &segment.tokens).copied();
    let text: Vec<TokenId> = text.filter(|token| *token < marks.end).collect();
    let frames = (length * FRAME_RATE).div_ceil(RATE).clamp(1, FRAMES);
    let mut tokens = beginning.to_vec();
    tokens.push(marks.no_times);
    let first = tokens.len();
    tokens.extend(&text);
    tokens.push(marks.end);
    let attention = watch(whisper, decoder, &tokens, frames);
    // A word's times come from the row of the token before it.
    let rows = &attention[(first - 1) * frames..(tokens.len() - 1) * frames];
    let starts = walk(rows, frames);
    let seconds = |token: usize| {
        let frame = starts.get(token).copied().unwrap_or(frames);
        at + frame as f64 / FRAME_RATE as f64
    };
    let mut token = 0;
    for segment in segments {
        let (start, end) = (segment.start, segment.end);
        let own: Vec<TokenId> =
            segment.tokens.iter().copied().filter(|token| *token < marks.end).collect();
        for part in words(&whisper.vocabulary, &own) {
            let next = token + part.len();
            let from = seconds(token).clamp(start, end);
            let to = seconds(next).clamp(from, end);
            segment.words.push(TimedWord {
                text: whisper.vocabulary.text(part),
                start: from,
                end: to,
            });
            token = next;
        }
    }
}

/// Returns the mean attention of the alignment heads for each token and frame, each head relative
/// to its own mean.
fn watch(
    whisper: &Whisper,
    decoder: &mut Decoder<'_>,
    tokens: &[TokenId],
    frames: usize,
) -> Vec<f32> {
    let heads = whisper.alignment.len();
    let mut attention = vec![0.0; heads * tokens.len() * frames];
    decoder.shorten(0);
    decoder.watch(tokens, &whisper.alignment, |token, head, weights| {
        let row = &mut attention[(head * tokens.len() + token) * frames..][..frames];
        row.copy_from_slice(&weights[..frames]);
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|weight| *weight /= sum.max(f32::MIN_POSITIVE));
    });
    let mut mean = vec![0.0; tokens.len() * frames];
    for head in attention.chunks_mut(tokens.len() * frames) {
        standardize(head, frames);
        for (sums, row) in mean.chunks_mut(frames).zip(head.chunks(frames)) {
            for (frame, sum) in sums.iter_mut().enumerate() {
                *sum += median(row, frame) / heads as f32;
            }
        }
    }
    mean
}

/// Normalises every frame to mean 0 and variance 1 over the tokens.
fn standardize(rows: &mut [f32], frames: usize) {
    let count = (rows.len() / frames) as f32;
    let (mut sums, mut squares) = (vec![0.0_f32; frames], vec![0.0_f32; frames]);
    for row in rows.chunks(frames) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / count);
    }
    for row in rows.chunks(frames) {
        for ((square, value), mean) in squares.iter_mut().zip(row).zip(&sums) {
            *square += (value - mean).powi(2) / count;
        }
    }
    for row in rows.chunks_mut(frames) {
        for ((value, mean), square) in row.iter_mut().zip(&sums).zip(&squares) {
            *value = (*value - mean) / square.sqrt().max(1e-9);
        }
    }
}

/// Returns the median of the frames around one; the row is mirrored at both ends.
fn median(row: &[f32], frame: usize) -> f32 {
    let reach = (SMOOTHED / 2) as isize;
    let last = row.len() as isize - 1;
    let mut around = [0.0; SMOOTHED];
    for (value, offset) in around.iter_mut().zip(-reach..=reach) {
        let at = (frame as isize + offset).abs();
        let at = if at > last { 2 * last - at } else { at };
        *value = row[at.clamp(0, last) as usize];
    }
    around.sort_by(f32::total_cmp);
    around[SMOOTHED / 2]
}

/// Returns the frame at which each token begins on the path of greatest attention.
fn walk(rows: &[f32], frames: usize) -> Vec<usize> {
    let tokens = rows.len() / frames;
    let width = frames + 1;
    let mut costs = vec![f32::INFINITY; (tokens + 1) * width];
    // 0 advances both token and frame, 1 the token, 2 the frame.
    let mut steps = vec![0_u8; (tokens + 1) * width];
    costs[0] = 0.0;
    for token in 1..=tokens {
        for frame in 1..=frames {
            let before = [
                costs[(token - 1) * width + frame - 1],
                costs[(token - 1) * width + frame],
                costs[token * width + frame - 1],
            ];
            let step = if before[0] < before[1] && before[0] < before[2] {
                0
            } else if before[1] < before[2] {
                1
            } else {
                2
            };
            costs[token * width + frame] = before[step] - rows[(token - 1) * frames + frame - 1];
            steps[token * width + frame] = step as u8;
        }
    }
    let mut starts = vec![0; tokens];
    let (mut token, mut frame) = (tokens, frames);
    while token > 0 && frame > 0 {
        starts[token - 1] = frame - 1;
        match steps[token * width + frame] {
            0 => (token, frame) = (token - 1, frame - 1),
            1 => token -= 1,
            _ => frame -= 1,
        }
    }
    starts
}

/// Groups tokens into words: up to the next space, or character by character in scripts without
/// spaces.
fn words<'t>(vocabulary: &Vocabulary, tokens: &'t [TokenId]) -> Vec<&'t [TokenId]> {
    let mut words = Vec::new();
    let mut start = 0;
    for at in 1..=tokens.len() {
        let is_end = at == tokens.len();
        let is_within = vocabulary.ends_within_letter(&tokens[start..at]);
        let next = if is_end { String::new() } else { vocabulary.text(&tokens[at..=at]) };
        let begins = next.starts_with(' ') || next.chars().next().is_some_and(is_unparted);
        if is_end || (!is_within && begins) {
            words.push(&tokens[start..at]);
            start = at;
        }
    }
    words
}

/// Whether a character belongs to a script without spaces between words.
fn is_unparted(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}
