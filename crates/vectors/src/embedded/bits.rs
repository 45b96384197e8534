//! Two-bit codes, for workspaces whose one-byte codes would take much memory.
//!
//! The mean of the workspace's vectors is subtracted from each vector, and the result is rotated.
//! One bit of each value is its sign, the other tells whether it is large. The signs alone roughly
//! identify near vectors; both bits together estimate a vector's product with a query (after Gao
//! and Long, "RaBitQ", 2024).
use std::sync::Arc;

use super::rotation::Rotation;

/// The number of rows whose words are interleaved, so that one instruction compares several rows.
pub const LANES: usize = 8;

/// The optimal four-level quantizer of a normal distribution: the two magnitudes, in units of the
/// standard deviation, and the threshold between them (Max, 1960).
const SMALL: f32 = 0.4528;
const LARGE: f32 = 1.5104;
const BORDER: f32 = 0.9816;

/// The number of dimensions that share an entry of a query's table.
const NIBBLE: usize = 4;

/// The transformation of a workspace's vectors before quantization.
pub struct Frame {
    rotation: Rotation,
    center: Vec<f32>,
}

impl Frame {
    /// Creates the transformation. `center` is the mean of unit vectors.
    pub fn new(center: Vec<f32>) -> Self {
        Self { rotation: Rotation::new(center.len()), center }
    }

    pub fn dimensions(&self) -> usize {
        self.center.len()
    }

    fn words(&self) -> usize {
        self.dimensions().div_ceil(64)
    }

    /// Returns the form of a query that codes are compared with. `to` is a unit vector.
    pub fn query(&self, to: &[f32]) -> BitQuery {
        let mut moved: Vec<f32> = to.iter().zip(&self.center).map(|(a, b)| a - b).collect();
        let mut turned = to.to_vec();
        self.rotation.apply(&mut moved);
        self.rotation.apply(&mut turned);
        let base = to.iter().zip(&self.center).map(|(a, b)| a * b).sum();
        BitQuery { signs: packed(&moved, |value| value >= 0.0), table: table(&turned), base }
    }
}

/// A query to compare with [`BitCodes`].
pub struct BitQuery {
    signs: Vec<u64>,
    /// For each four dimensions, the product of the query with each of the 256 combinations of four
    /// signs and four sizes.
    table: Vec<f32>,
    /// The product of the query and the center.
    base: f32,
}

/// Packs one bit per value into words of 64 bits.
fn packed(values: &[f32], is_set: impl Fn(f32) -> bool) -> Vec<u64> {
    let word = |values: &[f32]| {
        let bits = values.iter().enumerate().filter(|(_, value)| is_set(**value));
        bits.fold(0, |word, (at, _)| word | 1 << at)
    };
    values.chunks(64).map(word).collect()
}

fn table(query: &[f32]) -> Vec<f32> {
    let mut table = Vec::with_capacity(query.len().div_ceil(NIBBLE) * 256);
    for part in query.chunks(NIBBLE) {
        let value = |at: usize| part.get(at).copied().unwrap_or_default();
        let (low, high) = (products(value(0), value(1)), products(value(2), value(3)));
        let entry =
            |pair: usize| low[pair & 3 | pair >> 2 & 12] + high[pair >> 2 & 3 | pair >> 4 & 12];
        table.extend((0..256).map(entry));
    }
    table
}

/// Returns the product of two values with each combination of two signs (low bits) and two sizes
/// (high bits).
fn products(first: f32, second: f32) -> [f32; 16] {
    let product = |value: f32, is_positive: bool, is_large: bool| {
        let size = if is_large { LARGE } else { SMALL };
        if is_positive { value * size } else { -value * size }
    };
    std::array::from_fn(|pair| {
        let is_set = |bit: usize| pair >> bit & 1 == 1;
        product(first, is_set(0), is_set(2)) + product(second, is_set(1), is_set(3))
    })
}

/// The two-bit codes of several rows.
#[derive(Clone)]
pub struct BitCodes {
    frame: Arc<Frame>,
    rows: usize,
    /// The sign bits, interleaved by groups of eight rows: the first word of all eight, then the
    /// second.
    signs: Vec<u64>,
    /// The size bits, row by row, because they are read only for candidates.
    sizes: Vec<u64>,
    /// The factor of each row that converts a product with its code to a product with its centered
    /// vector.
    factors: Vec<f32>,
}

impl BitCodes {
    pub fn new(frame: Arc<Frame>) -> Self {
        Self { frame, rows: 0, signs: Vec::new(), sizes: Vec::new(), factors: Vec::new() }
    }

    pub fn frame(&self) -> &Arc<Frame> {
        &self.frame
    }

    pub fn bytes(&self) -> usize {
        (self.signs.capacity() + self.sizes.capacity()) * size_of::<u64>()
            + self.factors.capacity() * size_of::<f32>()
    }

    pub fn shrink_to_fit(&mut self) {
        self.signs.shrink_to_fit();
        self.sizes.shrink_to_fit();
        self.factors.shrink_to_fit();
    }

    /// Adds the code of a vector, given as a one-byte code and its factor.
    pub fn push(&mut self, code: &[i8], factor: f32) {
        let values = code.iter().zip(&self.frame.center);
        let mut moved: Vec<f32> = values.map(|(a, b)| f32::from(*a) * factor - b).collect();
        self.frame.rotation.apply(&mut moved);
        let squares: f32 = moved.iter().map(|value| value * value).sum();
        let border = BORDER * (squares / moved.len() as f32).sqrt();
        let size = |value: &f32| if value.abs() > border { LARGE } else { SMALL };
        let product: f32 = moved.iter().map(|value| value.abs() * size(value)).sum();
        let factor = if product > 0.0 { squares / product } else { 0.0 };
        let signs = packed(&moved, |value| value >= 0.0);
        let sizes = packed(&moved, |value| value.abs() > border);
        self.add(&signs, &sizes, factor);
    }

    /// Copies a row from codes with the same frame.
    pub fn push_row(&mut self, of: &Self, row: usize) {
        let words = self.frame.words();
        let signs: Vec<_> = (0..words).map(|word| of.signs[of.at(row, word)]).collect();
        self.add(&signs, &of.sizes[row * words..(row + 1) * words], of.factors[row]);
    }

    fn add(&mut self, signs: &[u64], sizes: &[u64], factor: f32) {
        let row = self.rows;
        if row.is_multiple_of(LANES) {
            let length = self.signs.len() + self.frame.words() * LANES;
            self.signs.resize(length, 0);
        }
        for (word, bits) in signs.iter().enumerate() {
            let at = self.at(row, word);
            self.signs[at] = *bits;
        }
        self.sizes.extend_from_slice(sizes);
        self.factors.push(factor);
        self.rows += 1;
    }

    /// Returns the position of a word of a row's signs.
    fn at(&self, row: usize, word: usize) -> usize {
        (row / LANES * self.frame.words() + word) * LANES + row % LANES
    }

    /// Counts the signs in which each of eight rows differs from a query. Missing rows of the last
    /// group are counted too.
    ///
    /// Always inlined, so that it is compiled for the instruction set of its caller.
    #[inline(always)]
    pub fn differences(&self, query: &BitQuery, group: usize) -> [u64; LANES] {
        let length = query.signs.len() * LANES;
        let signs = &self.signs[group * length..(group + 1) * length];
        let mut counts = [0; LANES];
        for (word, lanes) in query.signs.iter().zip(signs.chunks_exact(LANES)) {
            for (count, lane) in counts.iter_mut().zip(lanes) {
                *count += u64::from((lane ^ word).count_ones());
            }
        }
        counts
    }

    /// Estimates the cosine of the angle between a row and a query.
    pub fn estimate(&self, query: &BitQuery, row: usize) -> f32 {
        // Several sums, because each addition to a single sum would wait for the previous one.
        let mut products = [0.0; 64 / NIBBLE];
        let tables = query.table.chunks(256 * 64 / NIBBLE);
        let words = self.frame.words();
        let sizes = &self.sizes[row * words..(row + 1) * words];
        for (word, (tables, sizes)) in tables.zip(sizes).enumerate() {
            let (mut signs, mut sizes) = (self.signs[self.at(row, word)], *sizes);
            for (product, table) in products.iter_mut().zip(tables.chunks_exact(256)) {
                *product += table[(signs & 15 | (sizes & 15) << NIBBLE) as usize];
                (signs, sizes) = (signs >> NIBBLE, sizes >> NIBBLE);
            }
        }
        let product: f32 = products.iter().sum();
        query.base + self.factors[row] * product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns unit vectors around a common direction.
    fn vectors(dimensions: usize, count: usize) -> Vec<Vec<f32>> {
        let vector = |number: usize| {
            let value = |at: usize| ((number * 7919 + at * 104_729 + 1) as f32).sin() + 0.5;
            let values: Vec<f32> = (0..dimensions).map(value).collect();
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            values.iter().map(|value| value / length).collect()
        };
        (0..count).map(vector).collect()
    }

    #[test]
    fn estimates_are_close_to_the_cosine() {
        for dimensions in [3, 64, 100, 384] {
            let vectors = vectors(dimensions, 21);
            let center = (0..dimensions).map(|at| {
                vectors.iter().map(|vector| vector[at]).sum::<f32>() / vectors.len() as f32
            });
            let mut codes = BitCodes::new(Arc::new(Frame::new(center.collect())));
            for vector in &vectors {
                let code: Vec<i8> = vector.iter().map(|value| (value * 127.0) as i8).collect();
                codes.push(&code, 1.0 / 127.0);
            }
            let query = codes.frame().query(&vectors[4]);
            assert_eq!(query.table.len(), dimensions.div_ceil(4) * 256);
            let differences = codes.differences(&query, 0);
            assert!(differences[4] <= 1 + dimensions as u64 / 50, "{differences:?}");
            let mut copy = BitCodes::new(Arc::clone(codes.frame()));
            (0..21).rev().for_each(|row| copy.push_row(&codes, row));
            for row in 0..21 {
                let estimate = codes.estimate(&query, row);
                let exact: f32 = vectors[row].iter().zip(&vectors[4]).map(|(a, b)| a * b).sum();
                let most = 1.5 / (dimensions as f32).sqrt();
                assert!((estimate - exact).abs() < most, "{dimensions}: {estimate} {exact}");
                assert_eq!(copy.estimate(&query, 20 - row), estimate);
            }
        }
    }
}
