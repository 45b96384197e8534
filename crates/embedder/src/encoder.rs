//! The BERT encoder: packed token ids in, one unit vector for each text out.
//!
//! Texts stand one after another with no padding. The rows, one for each token, are cut into strips of equal height
//! wherever a text begins or ends, and the strips go through each layer in parallel, so that one long text and many short
//! ones keep all threads equally busy. Attention alone looks beyond its strip, at keys and values of the layer before,
//! which all strips have finished by then.
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::elementwise::{add, gelu_rows, layer_norm, scale, softmax_unscaled};
use crate::kernel::{Instructions, Line, PANEL, multiply};
use crate::tokenizer::MAX_TOKENS;
use crate::weights::{ATTENTION, BLOCKS, HEAD, HEADS, HIDDEN, LAYERS, Layer, Row, Weights};

#[cfg(test)]
mod tests;

/// Strips are no higher, so that what a thread works on stays in its cache.
const HIGHEST_STRIP: usize = 256;
/// Strips are a multiple of this high, whole tiles on every processor, unless they are so low that it would not be fair.
const STRIP_STEP: usize = 12;
/// A short query is shared too, though each strip reads all weights anew: half a millisecond sooner for a third more work.
/// Strips lower than this would only wait for memory.
const LOWEST_STRIP: usize = 4;
/// Attention is computed for this many queries at a time.
const QUERIES: usize = 12;

pub struct Encoder {
    weights: Weights,
    instructions: Instructions,
    /// Working memory of earlier calls, to be used again.
    spare: Mutex<Vec<Workspace>>,
}

/// Room for everything that is computed on the way.
#[derive(Default)]
struct Workspace {
    hidden: Vec<Row>,
    /// Query, key and value of each row, for the layer at hand and for the one after.
    attention: Vec<[f32; ATTENTION]>,
    next: Vec<[f32; ATTENTION]>,
    strips: Vec<Scratch>,
}

/// What one strip needs for itself.
struct Scratch {
    context: Vec<Row>,
    block: Vec<Row>,
    queries: Vec<[f32; HEAD]>,
    keys: Vec<Line>,
    values: Vec<Line>,
    scores: Vec<[f32; MAX_TOKENS]>,
}

impl Scratch {
    fn new(rows: usize) -> Self {
        Self {
            context: vec![[0.0; HIDDEN]; rows],
            block: vec![[0.0; HIDDEN]; rows],
            queries: vec![[0.0; HEAD]; MAX_TOKENS],
            keys: vec![[0.0; PANEL]; MAX_TOKENS / PANEL * HEAD],
            values: vec![[0.0; PANEL]; MAX_TOKENS * (HEAD / PANEL)],
            scores: vec![[0.0; MAX_TOKENS]; QUERIES],
        }
    }
}

impl Encoder {
    pub fn new(weights: Weights, instructions: Instructions) -> Self {
        Self { weights, instructions, spare: Mutex::default() }
    }

    /// The mean over the tokens of each text, scaled to unit length.
    ///
    /// Every text has 1 to [`MAX_TOKENS`] ids, all of the vocabulary. Runs on the current thread pool.
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
        for layer in 0..=LAYERS {
            self.step(layer, height, &tokens, &spans, &mut workspace);
        }
        let vectors = spans.into_iter().map(|span| pool(&workspace.hidden[span])).collect();
        self.give_back(workspace);
        vectors
    }

    /// Takes every strip from the attention of the layer before `layer` up to the attention inputs of `layer`.
    fn step(
        &self,
        layer: usize,
        height: usize,
        tokens: &[Token],
        spans: &[Range<usize>],
        workspace: &mut Workspace,
    ) {
        let attention = &workspace.attention[..tokens.len()];
        workspace.hidden[..tokens.len()]
            .par_chunks_mut(height)
            .zip(workspace.next[..tokens.len()].par_chunks_mut(height))
            .zip(&mut workspace.strips)
            .enumerate()
            .for_each(|(index, ((hidden, next), scratch))| {
                let start = index * height;
                let tokens = &tokens[start..start + hidden.len()];
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
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut workspace = spare.unwrap_or_default();
        if workspace.hidden.len() < rows {
            workspace.hidden.resize(rows, [0.0; HIDDEN]);
            workspace.attention.resize(rows, [0.0; ATTENTION]);
            workspace.next.resize(rows, [0.0; ATTENTION]);
        }
        workspace.strips.retain(|strip| strip.block.len() >= height);
        workspace.strips.resize_with(rows.div_ceil(height).max(workspace.strips.len()), || {
            Scratch::new(height)
        });
        workspace
    }

    fn give_back(&self, workspace: Workspace) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }
}

/// How many rows a strip has when `rows` of them are shared by `threads`.
fn strip_height(rows: usize, threads: usize) -> usize {
    let rounds = rows.div_ceil(threads * HIGHEST_STRIP);
    let even = rows.div_ceil(threads * rounds);
    if even > 2 * STRIP_STEP { even.next_multiple_of(STRIP_STEP) } else { even.max(LOWEST_STRIP) }
}

#[derive(Clone, Copy)]
struct Token {
    id: u32,
    /// In its text.
    position: usize,
}

impl Token {
    fn of(ids: &[u32]) -> impl Iterator<Item = Self> {
        ids.iter().enumerate().map(|(position, &id)| Self { id, position })
    }
}

/// The work on one strip between two layers' attention.
struct Strip<'a> {
    weights: &'a Weights,
    layer: usize,
    /// The strip's first row.
    start: usize,
    tokens: &'a [Token],
    /// The rows of each text.
    spans: &'a [Range<usize>],
    /// Query, key and value of all rows.
    attention: &'a [[f32; ATTENTION]],
    hidden: &'a mut [Row],
    next: &'a mut [[f32; ATTENTION]],
    scratch: &'a mut Scratch,
}

impl WithSimd for Strip<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, layer, start, tokens, spans, attention, hidden, next, scratch } = self;
        match layer.checked_sub(1) {
            None => {
                for (token, row) in tokens.iter().zip(&mut *hidden) {
                    weights.embed(token.id, token.position, row);
                    let norm = &weights.embedding_norm;
                    layer_norm(simd, row, &norm.scale, &norm.shift);
                }
            }
            Some(before) => {
                attend(simd, start, hidden.len(), spans, attention, scratch);
                transform(simd, weights, before, hidden, scratch);
            }
        }
        if let Some(Layer { attention_bias, .. }) = weights.layers.get(layer) {
            next.fill(*attention_bias);
            multiply(simd, hidden, HIDDEN, weights.matrices(layer).attention, next, 0);
        }
    }
}

/// Fills the context of the strip's rows: the values of their texts, weighted by how well keys match queries.
#[inline(always)]
fn attend<S: Simd>(
    simd: S,
    start: usize,
    height: usize,
    spans: &[Range<usize>],
    attention: &[[f32; ATTENTION]],
    scratch: &mut Scratch,
) {
    let strip = start..start + height;
    scratch.context[..height].fill([0.0; HIDDEN]);
    let first = spans.partition_point(|span| span.end <= strip.start);
    for span in spans[first..].iter().take_while(|span| span.start < strip.end) {
        let rows = span.start.max(strip.start)..span.end.min(strip.end);
        let length = span.len();
        let panels = length.div_ceil(2 * PANEL) * 2;
        for head in 0..HEADS {
            let column = head * HEAD;
            let part = |row: usize, which: usize| -> &[f32] {
                &attention[row][which * HIDDEN + column..][..HEAD]
            };
            let keys = &mut scratch.keys[..panels * HEAD];
            let (first_values, second_values) = scratch.values[..2 * length].split_at_mut(length);
            for (index, row) in span.clone().enumerate() {
                let panel = &mut keys[index / PANEL * HEAD..][..HEAD];
                for (line, &value) in panel.iter_mut().zip(part(row, 1)) {
                    line[index % PANEL] = value;
                }
                let value = part(row, 2);
                first_values[index].copy_from_slice(&value[..PANEL]);
                second_values[index].copy_from_slice(&value[PANEL..]);
            }
            let queries = &mut scratch.queries[..rows.len()];
            for (query, row) in queries.iter_mut().zip(rows.clone()) {
                query.copy_from_slice(part(row, 0));
            }
            let context = &mut scratch.context[rows.start - start..rows.end - start];
            for (queries, context) in queries.chunks(QUERIES).zip(context.chunks_mut(QUERIES)) {
                let scores = &mut scratch.scores[..queries.len()];
                for row in scores.iter_mut() {
                    row[..panels * PANEL].fill(0.0);
                }
                multiply(simd, queries, HEAD, keys, scores, 0);
                let mut sums = [0.0; QUERIES];
                for (row, sum) in scores.iter_mut().zip(&mut sums) {
                    *sum = softmax_unscaled(simd, row, length);
                }
                multiply(simd, scores, length, &scratch.values[..2 * length], context, column);
                for (row, sum) in context.iter_mut().zip(sums) {
                    scale(simd, &mut row[column..column + HEAD], 1.0 / sum);
                }
            }
        }
    }
}

/// The rest of a layer after attention: its output matrix and the feed-forward step, each with residual and norm.
#[inline(always)]
fn transform<S: Simd>(
    simd: S,
    weights: &Weights,
    layer: usize,
    hidden: &mut [Row],
    scratch: &mut Scratch,
) {
    let matrices = weights.matrices(layer);
    let layer = &weights.layers[layer];
    let context = &mut scratch.context[..hidden.len()];
    let block = &mut scratch.block[..hidden.len()];

    for row in hidden.iter_mut() {
        add(simd, row, &layer.output_bias);
    }
    multiply(simd, context, HIDDEN, matrices.output, hidden, 0);
    // The context has done its part; from here its rows collect the sum of the feed-forward step.
    for (row, sum) in hidden.iter_mut().zip(&mut *context) {
        layer_norm(simd, row, &layer.output_norm.scale, &layer.output_norm.shift);
        *sum = *row;
        add(simd, sum, &layer.outward_bias);
    }
    for index in 0..BLOCKS {
        let (inward, outward) = matrices.block(index);
        block.fill(layer.inward_bias[index]);
        multiply(simd, hidden, HIDDEN, inward, block, 0);
        gelu_rows(simd, block);
        multiply(simd, block, HIDDEN, outward, context, 0);
    }
    for (row, sum) in hidden.iter_mut().zip(context) {
        *row = *sum;
        layer_norm(simd, row, &layer.outward_norm.scale, &layer.outward_norm.shift);
    }
}

/// The mean of the rows, scaled to unit length.
fn pool(rows: &[Row]) -> Vec<f32> {
    let mut sum = vec![0.0; HIDDEN];
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    // The length of the sum and of the mean differ, their direction does not.
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    sum.iter_mut().for_each(|value| *value /= length.max(f32::MIN_POSITIVE));
    sum
}
