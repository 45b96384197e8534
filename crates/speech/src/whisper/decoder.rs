//! The decoder: what was heard and the tokens so far in, how likely each token is to come next out.
use carrel_kernels::elementwise::{add, layer_norm};
use carrel_kernels::kernel::{Instructions, Line, PANEL, Rows};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::encoder::{Scratch, add_product, apply, feed_forward, normalized};
use super::memory::Memory;
use super::weights::{DecoderLayer, Dense, FRAMES, LONGEST_TEXT, VOCABULARY_PART, Weights};

pub struct Decoder<'w> {
    weights: &'w Weights,
    instructions: Instructions,
    /// What the encoder heard, for each layer.
    heard: Vec<Memory>,
    /// The text so far, for each layer.
    text: Vec<Memory>,
    /// Tokens so far.
    length: usize,
    room: Room,
}

/// A head whose attention is to be known: its layer and its number there.
pub type AlignmentHead = (usize, usize);

/// Room for what a step works on.
#[derive(Default)]
struct Room {
    hidden: Vec<f32>,
    normal: Vec<f32>,
    inputs: Vec<f32>,
    context: Vec<f32>,
    scores: Vec<f32>,
    panels: Vec<Line>,
    scratch: Scratch,
}

impl<'w> Decoder<'w> {
    /// `heard` is what the encoder made of a window. Runs on the current thread pool.
    pub fn new(weights: &'w Weights, instructions: Instructions, heard: &[f32]) -> Self {
        let memory = |layer: &DecoderLayer| {
            let width = weights.width;
            let mut both = vec![0.0; 2 * heard.len()];
            let strips = both.par_chunks_mut(128 * 2 * width).zip(heard.par_chunks(128 * width));
            strips.for_each(|(out, heard)| {
                let left = Rows { values: heard, width };
                instructions.run(Apply { dense: &layer.memory, left, out, width: 2 * width });
            });
            let mut memory = Memory::new(width, FRAMES);
            for (position, row) in both.chunks(2 * width).enumerate() {
                memory.set(position, &row[..width], &row[width..]);
            }
            memory
        };
        let heard = weights.decoder.iter().map(memory).collect();
        let text =
            weights.decoder.iter().map(|_| Memory::new(weights.width, LONGEST_TEXT)).collect();
        Self { weights, instructions, heard, text, length: 0, room: Room::default() }
    }

    /// Forgets all tokens from `length` on.
    pub fn shorten(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Appends tokens and returns a row for each of them, from which [`Decoder::likelihoods`] reads. With the tokens
    /// before they are at most [`LONGEST_TEXT`].
    pub fn push(&mut self, tokens: &[u32]) -> &[f32] {
        self.watch(tokens, &[], |_, _, _| ())
    }

    /// As [`Decoder::push`]. `seen` is told which share of a head's attention each frame has, by the number of the
    /// token and of the head in `heads`.
    pub fn watch(
        &mut self,
        tokens: &[u32],
        heads: &[AlignmentHead],
        seen: impl FnMut(usize, usize, &[f32]),
    ) -> &[f32] {
        let Self { weights, instructions, heard, text, length, room } = self;
        let start = *length;
        *length += tokens.len();
        instructions.run(Step { weights, heard, text, start, tokens, room, heads, seen });
        &self.room.hidden
    }

    /// How likely each token is after a row of [`Decoder::push`], in logarithms with a sum of their own.
    pub fn likelihoods(&self, row: &[f32]) -> Vec<f32> {
        let (weights, instructions) = (self.weights, self.instructions);
        // Rows that fill the last panels are no tokens.
        let mut all = vec![0.0; weights.vocabulary.next_multiple_of(2 * PANEL)];
        all.par_chunks_mut(VOCABULARY_PART).zip(&weights.tokens).for_each(|(out, panels)| {
            let left = Rows { values: row, width: weights.width };
            instructions.run(Multiply { panels, left, out });
        });
        all.truncate(weights.vocabulary);
        all
    }

    /// The last row of what [`Decoder::push`] returned for `tokens` tokens.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.room.hidden[index * self.weights.width..][..self.weights.width]
    }
}

struct Apply<'a> {
    dense: &'a Dense,
    left: Rows<'a>,
    out: &'a mut [f32],
    width: usize,
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        apply(simd, self.dense, self.left, self.out, self.width, &mut Vec::new());
    }
}

struct Multiply<'a> {
    panels: &'a carrel_kernels::panels::Panels,
    left: Rows<'a>,
    out: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.out.len();
        self.panels.multiply(simd, self.left, self.out, (width, 0), &mut Vec::new());
    }
}

struct Step<'a, F> {
    weights: &'a Weights,
    heard: &'a [Memory],
    text: &'a mut [Memory],
    start: usize,
    tokens: &'a [u32],
    room: &'a mut Room,
    heads: &'a [AlignmentHead],
    seen: F,
}

impl<F: FnMut(usize, usize, &[f32])> WithSimd for Step<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, heard, text, start, tokens, room, heads, mut seen } = self;
        let width = weights.width;
        let Room { hidden, normal, inputs, context, scores, panels, scratch } = room;
        hidden.resize(tokens.len() * width, 0.0);
        for (index, (row, &token)) in hidden.chunks_mut(width).zip(tokens).enumerate() {
            weights.token(token, row);
            add(simd, row, &weights.decoder_positions[(start + index) * width..][..width]);
        }
        context.resize(hidden.len(), 0.0);
        let layers = weights.decoder.iter().zip(heard).zip(text).enumerate();
        for (number, ((layer, heard), text)) in layers {
            let rows = normalized(simd, hidden, width, &layer.attention.norm, normal);
            inputs.resize(3 * hidden.len(), 0.0);
            apply(simd, &layer.inputs, Rows { values: rows, width }, inputs, 3 * width, panels);
            for (index, row) in inputs.chunks(3 * width).enumerate() {
                text.set(start + index, &row[width..2 * width], &row[2 * width..]);
            }
            let queries = Rows { values: inputs, width: 3 * width };
            text.attend(simd, queries, |row| start + row + 1, context, scores, |_, _, _| ());
            add_product(simd, &layer.attention.output, context, hidden, width, panels);

            let rows = normalized(simd, hidden, width, &layer.cross.norm, normal);
            inputs.resize(hidden.len(), 0.0);
            apply(simd, &layer.query, Rows { values: rows, width }, inputs, width, panels);
            let queries = Rows { values: inputs, width };
            heard.attend(
                simd,
                queries,
                |_| FRAMES,
                context,
                scores,
                |row, head, weights| {
                    let wanted = heads.iter().position(|wanted| *wanted == (number, head));
                    if let Some(wanted) = wanted {
                        seen(row, wanted, weights);
                    }
                },
            );
            add_product(simd, &layer.cross.output, context, hidden, width, panels);
            feed_forward(simd, &layer.feed, hidden, width, scratch);
        }
        for row in hidden.chunks_mut(width) {
            layer_norm(simd, row, &weights.decoder_norm);
        }
    }
}
