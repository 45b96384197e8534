//! Attention of one strip of rows.
use std::ops::Range;

use pulp::Simd;

use crate::elementwise::{scale, softmax_unscaled};
use crate::kernel::{PANEL, PanelRow, Rows, multiply};

/// Queries processed at a time.
const QUERIES: usize = 12;

/// How heads divide the columns of queries, keys and values.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// Columns of all heads.
    pub hidden: usize,
    /// Columns of one head, a multiple of a panel's.
    pub head: usize,
}

/// Working memory for one head of one text.
#[derive(Default)]
pub struct Scratch {
    queries: Vec<f32>,
    keys: Vec<PanelRow>,
    values: Vec<PanelRow>,
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
