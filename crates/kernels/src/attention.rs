//! Multi-head attention for a strip of rows.
use std::ops::Range;

use pulp::Simd;

use crate::elementwise::{scale, softmax_unscaled};
use crate::kernel::{PANEL, PanelRow, Rows, multiply};

/// The number of queries multiplied at once.
const QUERIES: usize = 12;

/// The width of the attention heads.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// The width of all heads together.
    pub hidden: usize,
    /// The width of one head, a multiple of [`PANEL`].
    pub head: usize,
}

/// Working memory for one head of one text, reused between calls.
#[derive(Default)]
pub struct Scratch {
    queries: Vec<f32>,
    keys: Vec<PanelRow>,
    values: Vec<PanelRow>,
    scores: Vec<f32>,
}

/// Computes the attention output of the strip's rows: for each row, the average of the values of
/// its text, weighted by the softmax of query times keys.
///
/// `spans` are the row ranges of the texts. Each row of `attention` holds its query, key and value,
/// each of width `hidden`, one after another. Overwrites `context`.
#[inline(always)]
pub fn attend<S: Simd>(
    simd: S,
    Heads { hidden: width, head }: Heads,
    strip: Range<usize>,
    spans: &[Range<usize>],
    attention: &[f32],
    context: &mut [f32],
    scratch: &mut Scratch,
) {
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
