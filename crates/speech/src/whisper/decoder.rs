//! The decoder: maps the encoder's output and the tokens so far to the likelihoods of the next
//! token.
use std::ops::Range;

use carrel_kernels::elementwise::{add, layer_norm};
use carrel_kernels::kernel::{Instructions, PANEL, PanelRow, Rows};
use carrel_kernels::panels::Panels;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::encoder::{EncoderScratch, add_product, apply, feed_forward, multiply, normalized};
use super::memory::KeyValues;
use super::vocabulary::TokenId;
use super::weights::{
    DecoderLayer, FRAMES, LONGEST_TEXT, Projection, VOCABULARY_PART, WhisperWeights,
};

pub struct Decoder<'w> {
    weights: &'w WhisperWeights,
    instructions: Instructions,
    /// Keys and values of the encoder's output, for each layer.
    encoder_memory: Vec<KeyValues>,
    /// Keys and values of each text, for every layer.
    texts: Vec<Vec<KeyValues>>,
    /// Buffers for further texts.
    unused_texts: Vec<Vec<KeyValues>>,
    /// Number of tokens of each text.
    length: usize,
    room: Room,
}

/// An attention head: its layer and its number there.
pub type AlignmentHead = (usize, usize);

/// Buffers of a step.
#[derive(Default)]
struct Room {
    hidden: Vec<f32>,
    normal: Vec<f32>,
    inputs: Vec<f32>,
    context: Vec<f32>,
    scores: Vec<f32>,
    panels: Vec<PanelRow>,
    scratch: EncoderScratch,
}

impl<'w> Decoder<'w> {
    /// Creates a decoder. `heard` is the encoder's output for a window, `spare` are the buffers of
    /// a previous decoder. Runs on the current thread pool.
    pub fn new(
        weights: &'w WhisperWeights,
        instructions: Instructions,
        encoded: &[f32],
        mut unused_texts: Vec<Vec<KeyValues>>,
    ) -> Self {
        let memory = |layer: &DecoderLayer| {
            let width = weights.width;
            let mut both = vec![0.0; 2 * encoded.len()];
            let strips = both.par_chunks_mut(128 * 2 * width).zip(encoded.par_chunks(128 * width));
            strips.for_each(|(out, rows)| {
                let left = Rows { values: rows, width };
                instructions.run(Apply { dense: &layer.memory, left, out, width: 2 * width });
            });
            let mut memory = KeyValues::new(width, FRAMES);
            for (position, row) in both.chunks(2 * width).enumerate() {
                memory.set(position, &row[..width], &row[width..]);
            }
            memory
        };
        let encoder_memory = weights.decoder.iter().map(memory).collect();
        let texts = vec![unused_texts.pop().unwrap_or_else(|| text(weights))];
        Self {
            weights,
            instructions,
            encoder_memory,
            texts,
            unused_texts,
            length: 0,
            room: Room::default(),
        }
    }

    /// Returns the buffers for the decoder of the next window. Unused parts of them take up no
    /// memory.
    pub fn into_spare(mut self) -> Vec<Vec<KeyValues>> {
        self.unused_texts.append(&mut self.texts);
        self.unused_texts
    }

    /// Keeps only the first text, and its first `length` tokens.
    pub fn shorten(&mut self, length: usize) {
        self.length = self.length.min(length);
        while self.texts.len() > 1 {
            self.unused_texts.extend(self.texts.pop());
        }
    }

    /// Appends tokens to the only text and computes a row for each of them, from which
    /// [`Decoder::likelihoods`] reads. The text may have at most [`LONGEST_TEXT`] tokens.
    pub fn push(&mut self, tokens: &[TokenId]) {
        self.watch(tokens, &[], |_, _, _| ());
    }

    /// Works like [`Decoder::push`]. Calls `on_attention` with the index of the token, the index of the
    /// head in `heads`, and the attention that the head gives to each frame.
    pub fn watch(
        &mut self,
        tokens: &[TokenId],
        heads: &[AlignmentHead],
        on_attention: impl FnMut(usize, usize, &[f32]),
    ) {
        let start = self.length;
        self.length += tokens.len();
        let rows: Vec<_> = (start..self.length).map(|position| (0, position)).collect();
        self.step(tokens, &rows, heads, on_attention);
    }

    /// Replaces the texts: each new one continues the text with the index in `parents` with one
    /// token. Computes a row for each.
    pub fn branch(&mut self, parents: &[usize], tokens: &[TokenId]) {
        let mut next = std::mem::take(&mut self.unused_texts);
        next.resize_with(parents.len().max(next.len()), || text(self.weights));
        let extra = next.split_off(parents.len());
        for (memories, &parent) in next.iter_mut().zip(parents) {
            for (memory, parent) in memories.iter_mut().zip(&self.texts[parent]) {
                memory.copy_from(parent, self.length);
            }
        }
        self.unused_texts = std::mem::replace(&mut self.texts, next);
        self.unused_texts.extend(extra);
        let rows: Vec<_> = (0..parents.len()).map(|text| (text, self.length)).collect();
        self.length += 1;
        self.step(tokens, &rows, &[], |_, _, _| ());
    }

    fn step(
        &mut self,
        tokens: &[TokenId],
        rows: &[(usize, usize)],
        heads: &[AlignmentHead],
        on_attention: impl FnMut(usize, usize, &[f32]),
    ) {
        let Self { weights, instructions, encoder_memory, texts, room, .. } = self;
        instructions.run(Step {
            weights,
            encoder_memory,
            texts,
            rows,
            tokens,
            room,
            heads,
            on_attention,
        });
    }

    /// Returns the likelihoods of the next token after each of the last rows, as logarithms that
    /// are not normalised.
    pub fn likelihoods(&self, rows: Range<usize>) -> Vec<Vec<f32>> {
        let (weights, instructions) = (self.weights, self.instructions);
        let left = &self.room.hidden[rows.start * weights.width..rows.end * weights.width];
        // Padding rows of the last panels are not tokens.
        let size = weights.vocabulary.next_multiple_of(2 * PANEL);
        let part = |(number, panels): (usize, &Panels)| {
            let width = (size - number * VOCABULARY_PART).min(VOCABULARY_PART);
            let mut out = vec![0.0; rows.len() * width];
            let left = Rows { values: left, width: weights.width };
            instructions.run(Multiply { panels, left, out: &mut out, width });
            (out, width)
        };
        let parts: Vec<_> = weights.tokens.par_iter().enumerate().map(part).collect();
        let joined = |row: usize| {
            let mut all = Vec::with_capacity(size);
            for (out, width) in &parts {
                all.extend_from_slice(&out[row * width..][..*width]);
            }
            all.truncate(weights.vocabulary);
            all
        };
        (0..rows.len()).map(joined).collect()
    }

    /// Returns the instruction set for computations with likelihoods.
    pub fn instructions(&self) -> Instructions {
        self.instructions
    }
}

fn text(weights: &WhisperWeights) -> Vec<KeyValues> {
    weights.decoder.iter().map(|_| KeyValues::new(weights.width, LONGEST_TEXT)).collect()
}

struct Apply<'a> {
    dense: &'a Projection,
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
    panels: &'a Panels,
    left: Rows<'a>,
    out: &'a mut [f32],
    width: usize,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { panels, left, out, width } = self;
        multiply(simd, panels, left, out, width, &mut Vec::new());
    }
}

struct Step<'a, F> {
    weights: &'a WhisperWeights,
    encoder_memory: &'a [KeyValues],
    texts: &'a mut [Vec<KeyValues>],
    /// The text of each row and its position in that text.
    rows: &'a [(usize, usize)],
    tokens: &'a [u32],
    room: &'a mut Room,
    heads: &'a [AlignmentHead],
    on_attention: F,
}

impl<F: FnMut(usize, usize, &[f32])> WithSimd for Step<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, encoder_memory, texts, rows, tokens, room, heads, mut on_attention } =
            self;
        let width = weights.width;
        let Room { hidden, normal, inputs, context, scores, panels, scratch } = room;
        hidden.resize(tokens.len() * width, 0.0);
        for ((row, &token), (_, position)) in hidden.chunks_mut(width).zip(tokens).zip(rows) {
            weights.token(token, row);
            add(simd, row, &weights.decoder_positions[position * width..][..width]);
        }
        context.resize(hidden.len(), 0.0);
        for (number, (layer, memory)) in weights.decoder.iter().zip(encoder_memory).enumerate() {
            let values = normalized(simd, hidden, width, &layer.attention.norm, normal);
            inputs.resize(3 * hidden.len(), 0.0);
            apply(simd, &layer.inputs, Rows { values, width }, inputs, 3 * width, panels);
            let mut first = 0;
            for rows in rows.chunk_by(|one, other| one.0 == other.0) {
                let text = &mut texts[rows[0].0][number];
                let inputs = &inputs[first * 3 * width..][..rows.len() * 3 * width];
                for (row, (_, position)) in inputs.chunks(3 * width).zip(rows) {
                    text.set(*position, &row[width..2 * width], &row[2 * width..]);
                }
                let queries = Rows { values: inputs, width: 3 * width };
                let context = &mut context[first * width..][..rows.len() * width];
                text.attend(simd, queries, |row| rows[row].1 + 1, context, scores, |_, _, _| ());
                first += rows.len();
            }
            add_product(simd, &layer.attention.output, context, hidden, width, panels);

            let values = normalized(simd, hidden, width, &layer.cross.norm, normal);
            inputs.resize(hidden.len(), 0.0);
            apply(simd, &layer.query, Rows { values, width }, inputs, width, panels);
            let queries = Rows { values: inputs, width };
            memory.attend(
                simd,
                queries,
                |_| FRAMES,
                context,
                scores,
                |row, head, weights| {
                    let alignment = heads.iter().position(|aligned| *aligned == (number, head));
                    if let Some(alignment) = alignment {
                        on_attention(row, alignment, weights);
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
