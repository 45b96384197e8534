//! The BERT encoder, which turns token ids into one unit vector per text.
//!
//! Texts are concatenated without padding. The rows, one per token, are cut into strips of equal
//! height regardless of text boundaries, and the strips pass through each layer in parallel. So one
//! long text and many short ones keep all threads equally busy. Only attention reads beyond its
//! strip: it needs the keys and values of the previous layer, which all strips have finished by
//! then.
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::architecture::Pooling;
use crate::rotation;
use crate::weights::{Dense, Layer, Weights};
use carrel_kernels::attention::{self, Heads, attend};
use carrel_kernels::elementwise::{add, gate_by_silu, gelu_all, layer_norm};
use carrel_kernels::kernel::{Instructions, PanelRow, Rows};

#[cfg(test)]
mod tests;

/// Maximum height of a strip. A thread's working set then stays in its cache.
const HIGHEST_STRIP: usize = 256;
/// Strip heights are multiples of this number of rows, which are whole tiles on every processor.
/// Low strips are exempt, because the work would be uneven.
const STRIP_STEP: usize = 12;
/// Minimum height of a strip. Short queries are split as well, although each strip reads all weights
/// again: this saves half a millisecond for a third more work. With lower strips, threads would only
/// wait for memory.
const LOWEST_STRIP: usize = 4;

pub struct Encoder {
    pub weights: Weights,
    instructions: Instructions,
    /// Working memory of earlier calls, kept for reuse.
    idle: Mutex<Vec<Workspace>>,
}

/// Working memory for all intermediate results.
#[derive(Default)]
struct Workspace {
    hidden: Vec<f32>,
    /// Query, key and value of each row, for the current and the next layer.
    attention: Vec<f32>,
    next: Vec<f32>,
    strips: Vec<Scratch>,
}

/// Working memory of one strip.
#[derive(Default)]
struct Scratch {
    context: Vec<f32>,
    block: Vec<f32>,
    gate_values: Vec<f32>,
    panels: Vec<PanelRow>,
    attention: attention::Scratch,
}

impl Encoder {
    pub fn new(weights: Weights, instructions: Instructions) -> Self {
        Self { weights, instructions, idle: Mutex::default() }
    }

    /// Returns one unit vector per text.
    ///
    /// Every text must have 1 to `max_tokens` ids, all within the vocabulary. Runs on the current
    /// thread pool.
    pub fn encode(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let tokens: Vec<Token> = texts.iter().flat_map(|ids| Token::of(ids)).collect();
        let spans: Vec<Range<usize>> = texts
            .iter()
            .scan(0, |end, ids| {
                let start = std::mem::replace(end, *end + ids.len());
                Some(start..*end)
            })
            .collect();

        let height = strip_height(tokens.len(), rayon::current_num_threads());
        let mut workspace = self.take_workspace(tokens.len(), height);
        for layer in 0..=self.weights.layers.len() {
            self.step(layer, height, &tokens, &spans, &mut workspace);
        }
        let width = self.weights.architecture.hidden;
        let pooling = self.weights.architecture.pooling;
        let rows = |span: Range<usize>| &workspace.hidden[span.start * width..span.end * width];
        let vectors = spans.into_iter().map(|span| pool(rows(span), width, pooling)).collect();
        self.return_workspace(workspace);
        vectors
    }

    /// Advances every strip from the attention of the previous layer to the attention inputs of
    /// `layer`.
    fn step(
        &self,
        layer: usize,
        height: usize,
        tokens: &[Token],
        spans: &[Range<usize>],
        workspace: &mut Workspace,
    ) {
        let width = self.weights.architecture.hidden;
        let (values, all) = (tokens.len() * width, 3 * tokens.len() * width);
        let attention = &workspace.attention[..all];
        workspace.hidden[..values]
            .par_chunks_mut(height * width)
            .zip(workspace.next[..all].par_chunks_mut(3 * height * width))
            .zip(&mut workspace.strips)
            .enumerate()
            .for_each(|(index, ((hidden, next), scratch))| {
                let start = index * height;
                let tokens = &tokens[start..start + hidden.len() / width];
                let weights = &self.weights;
                self.instructions.run(Strip {
                    weights,
                    layer,
                    start,
                    tokens,
                    spans,
                    attention,
                    hidden,
                    next,
                    scratch,
                });
            });
        std::mem::swap(&mut workspace.attention, &mut workspace.next);
    }

    fn take_workspace(&self, rows: usize, height: usize) -> Workspace {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut workspace = idle.unwrap_or_default();
        let values = rows * self.weights.architecture.hidden;
        if workspace.hidden.len() < values {
            workspace.hidden.resize(values, 0.0);
            workspace.attention.resize(3 * values, 0.0);
            workspace.next.resize(3 * values, 0.0);
        }
        let strips = rows.div_ceil(height).max(workspace.strips.len());
        workspace.strips.resize_with(strips, Scratch::default);
        workspace
    }

    fn return_workspace(&self, workspace: Workspace) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }
}

/// Returns the strip height for `rows` rows on `threads` threads.
fn strip_height(rows: usize, threads: usize) -> usize {
    let rounds = rows.div_ceil(threads * HIGHEST_STRIP);
    let even = rows.div_ceil(threads * rounds);
    if even > 2 * STRIP_STEP { even.next_multiple_of(STRIP_STEP) } else { even.max(LOWEST_STRIP) }
}

#[derive(Clone, Copy)]
struct Token {
    id: u32,
    /// Position within its text.
    position: usize,
    /// Length of its text, in tokens.
    length: usize,
}

impl Token {
    fn of(ids: &[u32]) -> impl Iterator<Item = Self> {
        let length = ids.len();
        ids.iter().enumerate().map(move |(position, &id)| Self { id, position, length })
    }
}

/// The work on one strip between the attention of two layers.
struct Strip<'a> {
    weights: &'a Weights,
    layer: usize,
    /// First row of the strip.
    start: usize,
    tokens: &'a [Token],
    /// The rows of each text.
    spans: &'a [Range<usize>],
    /// Query, key and value of all rows.
    attention: &'a [f32],
    hidden: &'a mut [f32],
    next: &'a mut [f32],
    scratch: &'a mut Scratch,
}

impl WithSimd for Strip<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, layer, start, tokens, spans, attention, hidden, next, scratch } = self;
        let width = weights.architecture.hidden;
        match layer.checked_sub(1) {
            None => {
                for (token, row) in tokens.iter().zip(hidden.chunks_mut(width)) {
                    weights.embed(token.id, token.position, row);
                    layer_norm(simd, row, &weights.embedding_norm);
                }
            }
            Some(before) => {
                scratch.context.resize(hidden.len(), 0.0);
                let rows = start..start + tokens.len();
                let (context, room) = (&mut scratch.context, &mut scratch.attention);
                let heads = Heads { hidden: width, head: weights.architecture.head() };
                attend(simd, heads, rows, spans, attention, context, room);
                transform(simd, &weights.layers[before], hidden, scratch, width);
            }
        }
        if let Some(Layer { attention, .. }) = weights.layers.get(layer) {
            let left = Rows { values: hidden, width };
            apply(simd, attention, left, next, 3 * width, &mut scratch.panels);
            let positions = tokens.iter().map(|token| (token.position, token.length));
            rotation::rotate(&weights.architecture, positions, next);
        }
    }
}

/// Writes the products of the rows with a matrix, plus the bias, to `out`.
#[inline(always)]
fn apply<S: Simd>(
    simd: S,
    dense: &Dense,
    left: Rows<'_>,
    out: &mut [f32],
    width: usize,
    scratch: &mut Vec<PanelRow>,
) {
    out.chunks_mut(width).for_each(|row| row.copy_from_slice(&dense.bias));
    dense.panels.multiply(simd, left, out, (width, 0), scratch);
}

/// Computes the part of a layer after attention: the output matrix and the feed-forward step, each
/// with residual and norm.
#[inline(always)]
fn transform<S: Simd>(
    simd: S,
    layer: &Layer,
    hidden: &mut [f32],
    scratch: &mut Scratch,
    width: usize,
) {
    let Scratch { context, block, gate_values: gate, panels, .. } = scratch;
    for row in hidden.chunks_mut(width) {
        add(simd, row, &layer.output.bias);
    }
    let left = Rows { values: context, width };
    layer.output.panels.multiply(simd, left, hidden, (width, 0), panels);
    // The context is no longer needed, so its memory collects the sum of the feed-forward step.
    for (row, sum) in hidden.chunks_mut(width).zip(context.chunks_mut(width)) {
        layer_norm(simd, row, &layer.output_norm);
        sum.copy_from_slice(row);
        add(simd, sum, &layer.outward_bias);
    }
    let left = Rows { values: hidden, width };
    for part in &layer.blocks {
        let inner = part.inward.bias.len();
        let rows = left.values.len() / width;
        block.resize(rows * inner, 0.0);
        apply(simd, &part.inward, left, block, inner, panels);
        match &part.gate {
            None => gelu_all(simd, block),
            Some(dense) => {
                gate.resize(rows * inner, 0.0);
                apply(simd, dense, left, gate, inner, panels);
                gate_by_silu(simd, block, gate);
            }
        }
        let left = Rows { values: block, width: inner };
        part.outward.multiply(simd, left, context, (width, 0), panels);
    }
    hidden.copy_from_slice(context);
    for row in hidden.chunks_mut(width) {
        layer_norm(simd, row, &layer.outward_norm);
    }
}

/// Combines the rows of a text into its unit vector.
fn pool(rows: &[f32], width: usize, pooling: Pooling) -> Vec<f32> {
    let rows = match pooling {
        Pooling::Mean => rows,
        Pooling::Cls => &rows[..width],
    };
    let mut sum = vec![0.0; width];
    for row in rows.chunks(width) {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    // The sum has the direction of the mean, so a division by the number of rows is unnecessary.
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    sum.iter_mut().for_each(|value| *value /= length.max(f32::MIN_POSITIVE));
    sum
}
