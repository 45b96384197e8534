//! The encoder: maps the spectrogram of a window to 1,500 rows.
//!
//! Rows are split into strips that go through each layer in parallel. Only attention reads beyond
//! its strip: the keys and values that all strips have computed in the step before.
use std::ops::Range;

use carrel_kernels::attention::{self, Heads, attend};
use carrel_kernels::elementwise::{add, gelu_all, layer_norm};
use carrel_kernels::kernel::{Instructions, PanelRow, Rows};
use carrel_kernels::panels::Panels;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::weights::{EncoderLayer, FRAMES, FeedForward, HEAD, Projection, WhisperWeights};

/// Frames of the spectrogram in one window: 30 seconds.
pub const WINDOW: usize = 2 * FRAMES;
/// Rows of a strip: a multiple of the tile height on every processor.
const STRIP: usize = 132;

pub struct SoundEncoder<'w> {
    pub weights: &'w WhisperWeights,
    pub instructions: Instructions,
}

impl SoundEncoder<'_> {
    /// Encodes `mel`, which has [`WINDOW`] frames. Runs on the current thread pool.
    pub fn encode(&self, mel: &[f32]) -> Vec<f32> {
        let WhisperWeights { width, bands, convolutions, encoder, .. } = self.weights;
        let [first, second] = convolutions;
        let halfway = self.convolve(first, mel, *bands, 1, None);
        let positions = Some(self.weights.encoder_positions.as_slice());
        let mut hidden = self.convolve(second, &halfway, *width, 2, positions);
        drop(halfway);
        let mut inputs = vec![0.0; 3 * hidden.len()];
        let mut next = vec![0.0; 3 * hidden.len()];
        for layer in 0..=encoder.len() {
            self.step(layer, &mut hidden, &inputs, &mut next);
            std::mem::swap(&mut inputs, &mut next);
        }
        hidden
    }

    /// Applies a convolution over three frames, every `stride` frames, and the activation.
    fn convolve(
        &self,
        dense: &Projection,
        input: &[f32],
        columns: usize,
        stride: usize,
        positions: Option<&[f32]>,
    ) -> Vec<f32> {
        let width = self.weights.width;
        let frames = input.len() / columns;
        let mut out = vec![0.0; frames / stride * width];
        out.par_chunks_mut(STRIP * width).enumerate().for_each(|(strip, out)| {
            let start = strip * STRIP;
            let mut rows = vec![0.0; out.len() / width * 3 * columns];
            for (index, row) in rows.chunks_mut(3 * columns).enumerate() {
                let middle = (start + index) * stride;
                for (tap, part) in row.chunks_mut(columns).enumerate() {
                    // Beyond both ends the input is zero.
                    let frame = (middle + tap).checked_sub(1).filter(|frame| *frame < frames);
                    if let Some(frame) = frame {
                        part.copy_from_slice(&input[frame * columns..][..columns]);
                    }
                }
            }
            let positions = positions.map(|all| &all[start * width..][..out.len()]);
            let left = Rows { values: &rows, width: 3 * columns };
            self.instructions.run(Convolution { dense, left, out, width, positions });
        });
        out
    }

    /// Computes every strip from the attention of the layer before `layer` up to the attention
    /// inputs of `layer`.
    fn step(&self, layer: usize, hidden: &mut [f32], inputs: &[f32], next: &mut [f32]) {
        let width = self.weights.width;
        hidden
            .par_chunks_mut(STRIP * width)
            .zip(next.par_chunks_mut(3 * STRIP * width))
            .enumerate()
            .for_each_init(EncoderScratch::default, |scratch, (strip, (hidden, next))| {
                let start = strip * STRIP;
                let weights = self.weights;
                self.instructions.run(Strip {
                    weights,
                    layer,
                    start,
                    inputs,
                    hidden,
                    next,
                    scratch,
                });
            });
    }
}

/// Buffers of one thread.
#[derive(Default)]
pub struct EncoderScratch {
    normal: Vec<f32>,
    context: Vec<f32>,
    inner: Vec<f32>,
    panels: Vec<PanelRow>,
    attention: attention::Scratch,
}

struct Convolution<'a> {
    dense: &'a Projection,
    left: Rows<'a>,
    out: &'a mut [f32],
    width: usize,
    positions: Option<&'a [f32]>,
}

impl WithSimd for Convolution<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { dense, left, out, width, positions } = self;
        apply(simd, dense, left, out, width, &mut Vec::new());
        gelu_all(simd, out);
        if let Some(positions) = positions {
            add(simd, out, positions);
        }
    }
}

struct Strip<'a> {
    weights: &'a WhisperWeights,
    layer: usize,
    /// The strip's first row.
    start: usize,
    /// Query, key and value of all rows.
    inputs: &'a [f32],
    hidden: &'a mut [f32],
    next: &'a mut [f32],
    scratch: &'a mut EncoderScratch,
}

impl WithSimd for Strip<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, layer, start, inputs, hidden, next, scratch } = self;
        let width = weights.width;
        let heads = Heads { hidden: width, head: HEAD };
        if let Some(EncoderLayer { attention, feed, .. }) =
            layer.checked_sub(1).and_then(|before| weights.encoder.get(before))
        {
            let rows: Range<usize> = start..start + hidden.len() / width;
            scratch.context.resize(hidden.len(), 0.0);
            let (context, room) = (&mut scratch.context, &mut scratch.attention);
            attend(simd, heads, rows, std::slice::from_ref(&(0..FRAMES)), inputs, context, room);
            add_product(simd, &attention.output, context, hidden, width, &mut scratch.panels);
            feed_forward(simd, feed, hidden, width, scratch);
        }
        match weights.encoder.get(layer) {
            Some(layer) => {
                let normal =
                    normalized(simd, hidden, width, &layer.attention.norm, &mut scratch.normal);
                let left = Rows { values: normal, width };
                apply(simd, &layer.inputs, left, next, 3 * width, &mut scratch.panels);
            }
            None => {
                for row in hidden.chunks_mut(width) {
                    layer_norm(simd, row, &weights.encoder_norm);
                }
            }
        }
    }
}

/// Normalises the rows of `hidden`.
#[inline(always)]
pub fn normalized<'a, S: Simd>(
    simd: S,
    hidden: &[f32],
    width: usize,
    norm: &carrel_kernels::elementwise::Norm,
    room: &'a mut Vec<f32>,
) -> &'a [f32] {
    room.clear();
    room.extend_from_slice(hidden);
    for row in room.chunks_mut(width) {
        layer_norm(simd, row, norm);
    }
    room
}

/// Multiplies the rows by a matrix, adds its bias, and writes the result to `out`.
#[inline(always)]
pub fn apply<S: Simd>(
    simd: S,
    dense: &Projection,
    left: Rows<'_>,
    out: &mut [f32],
    width: usize,
    scratch: &mut Vec<PanelRow>,
) {
    out.chunks_mut(width).for_each(|row| row.copy_from_slice(&dense.bias));
    multiply(simd, &dense.panels, left, out, width, scratch);
}

/// Adds the product of the rows and a matrix, and its bias, to `hidden`.
#[inline(always)]
pub fn add_product<S: Simd>(
    simd: S,
    dense: &Projection,
    rows: &[f32],
    hidden: &mut [f32],
    width: usize,
    scratch: &mut Vec<PanelRow>,
) {
    for row in hidden.chunks_mut(width) {
        add(simd, row, &dense.bias);
    }
    let left = Rows { values: rows, width: rows.len() / (hidden.len() / width) };
    multiply(simd, &dense.panels, left, hidden, width, scratch);
}

/// Adds the product of the rows and a matrix to `out`. The decoder mostly has a single row.
#[inline(always)]
pub fn multiply<S: Simd>(
    simd: S,
    panels: &Panels,
    left: Rows<'_>,
    out: &mut [f32],
    width: usize,
    scratch: &mut Vec<PanelRow>,
) {
    match left.values.len() == left.width {
        true => panels.multiply_row(simd, left.values, out, scratch),
        false => panels.multiply(simd, left, out, (width, 0), scratch),
    }
}

#[inline(always)]
pub fn feed_forward<S: Simd>(
    simd: S,
    feed: &FeedForward,
    hidden: &mut [f32],
    width: usize,
    scratch: &mut EncoderScratch,
) {
    let EncoderScratch { normal, inner, panels, .. } = scratch;
    let normal = normalized(simd, hidden, width, &feed.norm, normal);
    inner.resize(4 * hidden.len(), 0.0);
    apply(simd, &feed.inward, Rows { values: normal, width }, inner, 4 * width, panels);
    gelu_all(simd, inner);
    add_product(simd, &feed.outward, inner, hidden, width, panels);
}
