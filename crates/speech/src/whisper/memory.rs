//! Keys and values of attention, laid out for the kernels: of the encoder's output and of the text
//! so far.
use carrel_kernels::elementwise::{scale, softmax_unscaled};
use carrel_kernels::kernel::{PANEL, PanelRow, Rows, multiply};
use pulp::Simd;

use super::weights::HEAD;

/// The keys and values of one layer, for a fixed number of positions.
pub struct KeyValues {
    heads: usize,
    positions: usize,
    /// For each head, panels of positions, with a line for each column.
    keys: Vec<PanelRow>,
    /// For each head, panels of columns, with a line for each position.
    values: Vec<PanelRow>,
}

impl KeyValues {
    pub fn new(width: usize, positions: usize) -> Self {
        let positions = positions.next_multiple_of(2 * PANEL);
        let lines = positions * width / PANEL;
        let (keys, values) = (vec![[0.0; PANEL]; lines], vec![[0.0; PANEL]; lines]);
        Self { heads: width / HEAD, positions, keys, values }
    }

    /// Writes the key and the value of one position.
    pub fn set(&mut self, position: usize, key: &[f32], value: &[f32]) {
        let per_head = self.positions / PANEL * HEAD;
        for head in 0..self.heads {
            let columns = head * HEAD..(head + 1) * HEAD;
            let panel = head * per_head + position / PANEL * HEAD;
            for (line, key) in self.keys[panel..].iter_mut().zip(&key[columns.clone()]) {
                line[position % PANEL] = *key;
            }
            for (panel, value) in value[columns].as_chunks().0.iter().enumerate() {
                self.values[head * per_head + panel * self.positions + position] = *value;
            }
        }
    }

    /// Copies the first `length` positions of another memory of the same size.
    pub fn copy_from(&mut self, other: &Self, length: usize) {
        let per_head = self.positions / PANEL * HEAD;
        let keys = length.div_ceil(PANEL) * HEAD;
        for head in 0..self.heads {
            let start = head * per_head;
            self.keys[start..start + keys].copy_from_slice(&other.keys[start..start + keys]);
            for panel in 0..HEAD / PANEL {
                let start = start + panel * self.positions;
                let lines = start..start + length;
                self.values[lines.clone()].copy_from_slice(&other.values[lines]);
            }
        }
    }

    /// Computes the attention of each row of queries over its first `lengths` positions and writes
    /// it to `context`. Calls `on_attention` with the weights of each head, row by row.
    #[inline(always)]
    pub fn attend<S: Simd>(
        &self,
        simd: S,
        queries: Rows<'_>,
        lengths: impl Fn(usize) -> usize,
        context: &mut [f32],
        scores: &mut Vec<f32>,
        mut on_attention: impl FnMut(usize, usize, &[f32]),
    ) {
        let (positions, width) = (self.positions, self.heads * HEAD);
        let per_head = positions / PANEL * HEAD;
        context.fill(0.0);
        let rows = context.len() / width;
        for head in 0..self.heads {
            let keys = &self.keys[head * per_head..][..per_head];
            let values = &self.values[head * per_head..][..per_head];
            scores.clear();
            scores.resize(rows * positions, 0.0);
            // The last row ends with its own head.
            let left = &queries.values[head * HEAD..(rows - 1) * queries.width + (head + 1) * HEAD];
            for row in 0..rows {
                let left = Rows { values: &left[row * queries.width..][..HEAD], width: HEAD };
                let scores = &mut scores[row * positions..][..positions];
                multiply(simd, left, HEAD, keys, scores, (positions, 0));
                let length = lengths(row);
                let sum = softmax_unscaled(simd, scores, length);
                scores[length..].fill(0.0);
                scale(simd, &mut scores[..length], 1.0 / sum);
                on_attention(row, head, &scores[..length]);
            }
            let left = Rows { values: scores, width: positions };
            multiply(simd, left, positions, values, context, (width, head * HEAD));
        }
    }
}
