//! Attention of one strip of rows, and the rotation of queries and keys for models with rotary
//! positions.
use std::ops::Range;

use pulp::Simd;

use crate::architecture::{Architecture, Positions};
use crate::elementwise::{scale, softmax_unscaled};
use crate::kernel::{Line, PANEL, Rows, multiply};

/// Queries processed at a time.
const QUERIES: usize = 12;

/// Working memory for one head of one text.
#[derive(Default)]
pub struct Scratch {
    queries: Vec<f32>,
    keys: Vec<Line>,
    values: Vec<Line>,
    scores: Vec<f32>,
}

/// Computes the context of the strip's rows: the values of their texts, weighted by how well keys
/// match queries.
///
/// `spans` has the rows of each text; `attention` has query, key and value of all rows side by
/// side.
#[inline(always)]
pub fn attend<S: Simd>(
    simd: S,
    architecture: &Architecture,
    strip: Range<usize>,
    spans: &[Range<usize>],
    attention: &[f32],
    context: &mut [f32],
    scratch: &mut Scratch,
) {
    let (width, head) = (architecture.hidden, architecture.head());
    let Scratch { queries, keys, values, scores } = scratch;
    context.fill(0.0);
    let first = spans.partition_point(|span| span.end <= strip.start);
    for span in spans[first..].iter().take_while(|span| span.start < strip.end) {
        let rows = span.start.max(strip.start)..span.end.min(strip.end);
        let length = span.len();
        let padded = length.next_multiple_of(2 * PANEL);
        keys.resize(padded / PANEL * head, [0.0; PANEL]);
        values.resize(length * (head / PANEL), [0.0; PANEL]);
        queries.resize(rows.len() * head, 0.0);
        scores.resize(QUERIES * padded, 0.0);
        let context =
            &mut context[(rows.start - strip.start) * width..(rows.end - strip.start) * width];
        for column in (0..width).step_by(head) {
            let part = |row: usize, which: usize| -> &[f32] {
                &attention[(3 * row + which) * width + column..][..head]
            };
            for (index, row) in span.clone().enumerate() {
                let panel = &mut keys[index / PANEL * head..][..head];
                for (line, &value) in panel.iter_mut().zip(part(row, 1)) {
                    line[index % PANEL] = value;
                }
                for (panel, value) in part(row, 2).as_chunks().0.iter().enumerate() {
                    values[panel * length + index] = *value;
                }
            }
            for (query, row) in queries.chunks_mut(head).zip(rows.clone()) {
                query.copy_from_slice(part(row, 0));
            }
            let turns = queries.chunks(QUERIES * head).zip(context.chunks_mut(QUERIES * width));
            for (queries, context) in turns {
                let scores = &mut scores[..queries.len() / head * padded];
                scores.fill(0.0);
                let left = Rows { values: queries, width: head };
                multiply(simd, left, head, keys, scores, (padded, 0));
                let mut sums = [0.0; QUERIES];
                for (row, sum) in scores.chunks_mut(padded).zip(&mut sums) {
                    *sum = softmax_unscaled(simd, row, length);
                }
                let left = Rows { values: scores, width: padded };
                multiply(simd, left, length, values, context, (width, column));
                for (row, sum) in context.chunks_mut(width).zip(sums) {
                    scale(simd, &mut row[column..column + head], 1.0 / sum);
                }
            }
        }
    }
}

/// Rotates the query and key of each row by the position and the length of its text, if the
/// architecture requires it.
///
/// The two halves of a head are the coordinates. Angles are rounded as in the reference
/// implementation.
pub fn rotate(
    architecture: &Architecture,
    positions: impl Iterator<Item = (usize, usize)>,
    attention: &mut [f32],
) {
    let Positions::Rotary { base, trained, scaling } = architecture.positions else { return };
    let (width, head) = (architecture.hidden, architecture.head());
    let mut frequencies = (0, Vec::new());
    let mut angles = vec![(0.0, 0.0); head / 2];
    for ((position, length), row) in positions.zip(attention.chunks_mut(3 * width)) {
        let length = length.max(trained);
        if frequencies.0 != length {
            let stretch = scaling * length as f32 / trained as f32 - (scaling - 1.0);
            let base = base * stretch.powf(head as f32 / (head as f32 - 2.0));
            let frequency = |pair: usize| 1.0 / base.powf((2 * pair) as f32 / head as f32);
            frequencies = (length, (0..head / 2).map(frequency).collect::<Vec<f32>>());
        }
        for (angle, frequency) in angles.iter_mut().zip(&frequencies.1) {
            *angle = (position as f32 * frequency).sin_cos();
        }
        for head in row[..2 * width].chunks_mut(head) {
            let (first, second) = head.split_at_mut(angles.len());
            for ((x, y), (sin, cos)) in first.iter_mut().zip(second).zip(&angles) {
                (*x, *y) = (*x * cos - *y * sin, *y * cos + *x * sin);
            }
        }
    }
}
