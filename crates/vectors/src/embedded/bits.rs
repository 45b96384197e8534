//! Two-bit codes, for workspaces whose one-byte codes would take much memory.
//!
//! The mean of the workspace's vectors is subtracted from each vector, and the result is rotated.
//! One bit of each value is its sign, the other tells whether it is large. The signs alone roughly
//! identify near vectors; both bits together estimate a vector's product with a query (after Gao
//! and Long, "RaBitQ", 2024).
use std::sync::Arc;

use pulp::Simd;

use super::instructions::ones;
use super::rotation::Rotation;

/// The number of rows whose words are interleaved, so that one instruction compares several rows.
pub const LANES: usize = 8;

/// The optimal four-level quantizer of a normal distribution: the two magnitudes, in units of the
/// standard deviation, and the threshold between them (Max, 1960).
const SMALL: f32 = 0.4528;
const LARGE: f32 = 1.5104;
const BORDER: f32 = 0.9816;

/// The number of bits of each value of a query in an estimate. More did not change the
/// recall, fewer lowered it.
const PLANES: usize = 8;
/// The value of each bit of an integer in two's complement.
const WEIGHTS: [i64; PLANES] = [1, 2, 4, 8, 16, 32, 64, -128];

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
        let signs = packed(&moved, |value| value >= 0.0);
        let (planes, step, sum) = planes(&turned);
        BitQuery { signs, planes, step, sum, base }
    }
}

/// A query to compare with [`BitCodes`].
pub struct BitQuery {
    signs: Vec<u64>,
    /// The rotated query as integers in two's complement: for each 64 dimensions, one word per bit
    /// of the integers, the lowest first.
    planes: Vec<[u64; PLANES]>,
    /// The value of the integer 1.
    step: f32,
    /// The sum of the integers.
    sum: f32,
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

/// Rounds a query to integers. Returns their bits, the value of the integer 1, and their sum.
fn planes(query: &[f32]) -> (Vec<[u64; PLANES]>, f32, f32) {
    let largest = query.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let step = largest / ((1 << (PLANES - 1)) - 1) as f32;
    let rounded: Vec<f32> = query.iter().map(|value| (value / step).round()).collect();
    let plane = |bit: usize| packed(&rounded, |value| value as i32 >> bit & 1 == 1);
    let planes: [Vec<u64>; PLANES] = std::array::from_fn(plane);
    let words = (0..query.len().div_ceil(64)).map(|word| planes.each_ref().map(|p| p[word]));
    (words.collect(), step, rounded.iter().sum())
}

/// Returns the sum of the integers of a query that a code selects, given how often the code selects
/// a one in each of their bits.
#[inline(always)]
fn weighted(counts: [u64; PLANES]) -> f32 {
    let bits = counts.iter().zip(WEIGHTS).map(|(count, weight)| *count as i64 * weight);
    bits.sum::<i64>() as f32
}

/// A word of the signs of each of eight rows, in one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lanes([u64; LANES]);

/// The two-bit codes of several rows.
#[derive(Clone)]
pub struct BitCodes {
    frame: Arc<Frame>,
    rows: usize,
    /// The sign bits, interleaved by groups of eight rows: the first word of all eight, then the
    /// second.
    signs: Vec<Lanes>,
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
        self.signs.capacity() * size_of::<Lanes>()
            + self.sizes.capacity() * size_of::<u64>()
            + self.factors.capacity() * size_of::<f32>()
    }

    pub fn shrink_to_fit(&mut self) {
        self.signs.shrink_to_fit();
        self.sizes.shrink_to_fit();
        self.factors.shrink_to_fit();
    }

    /// Makes room for `rows` more rows.
    pub fn reserve(&mut self, rows: usize) {
        let words = self.frame.words();
        self.signs.reserve_exact(rows.div_ceil(LANES) * words);
        self.sizes.reserve_exact(rows * words);
        self.factors.reserve_exact(rows);
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
        let signs: Vec<_> = of.group(row / LANES).iter().map(|word| word.0[row % LANES]).collect();
        self.add(&signs, &of.sizes[row * words..(row + 1) * words], of.factors[row]);
    }

    fn add(&mut self, signs: &[u64], sizes: &[u64], factor: f32) {
        let (row, words) = (self.rows, self.frame.words());
        if row.is_multiple_of(LANES) {
            self.signs.resize(self.signs.len() + words, Lanes([0; LANES]));
        }
        for (word, bits) in self.signs[row / LANES * words..].iter_mut().zip(signs) {
            word.0[row % LANES] = *bits;
        }
        self.sizes.extend_from_slice(sizes);
        self.factors.push(factor);
        self.rows += 1;
    }

    /// Returns the signs of a group of eight rows.
    #[inline(always)]
    fn group(&self, group: usize) -> &[Lanes] {
        let words = self.frame.words();
        &self.signs[group * words..(group + 1) * words]
    }

    /// Counts the signs in which each of eight rows differs from a query. Missing rows of the last
    /// group are counted too.
    ///
    /// Always inlined, like [`estimate`](Self::estimate), so that it is compiled for the instruction
    /// set of its caller.
    #[inline(always)]
    pub fn differences<S: Simd>(&self, simd: S, query: &BitQuery, group: usize) -> [u64; LANES] {
        let mut counts = [0; LANES];
        let sums = S::as_mut_simd_u64s(&mut counts).0;
        for (word, lanes) in query.signs.iter().zip(self.group(group)) {
            let word = simd.splat_u64s(*word);
            for (sum, lanes) in sums.iter_mut().zip(S::as_simd_u64s(&lanes.0).0) {
                *sum = simd.add_u64s(*sum, ones(simd, simd.xor_u64s(*lanes, word)));
            }
        }
        counts
    }

    /// Estimates the cosine of the angle between a row and a query.
    #[inline(always)]
    pub fn estimate<S: Simd>(&self, simd: S, query: &BitQuery, row: usize) -> f32 {
        match S::U64_LANES {
            8 => self.estimate_in::<S, 1>(simd, query, row),
            4 => self.estimate_in::<S, 2>(simd, query, row),
            2 => self.estimate_in::<S, 4>(simd, query, row),
            _ => self.estimate_in::<S, PLANES>(simd, query, row),
        }
    }

    /// Counts the ones of each plane in `VECTORS` vectors.
    #[inline(always)]
    fn estimate_in<S: Simd, const VECTORS: usize>(
        &self,
        simd: S,
        query: &BitQuery,
        row: usize,
    ) -> f32 {
        let words = self.frame.words();
        let sizes = &self.sizes[row * words..(row + 1) * words];
        let signs = self.group(row / LANES);
        let mut sums = [[simd.splat_u64s(0); VECTORS]; 3];
        for ((planes, signs), sizes) in query.planes.iter().zip(signs).zip(sizes) {
            let planes = S::as_simd_u64s(planes).0;
            let (positive, large) = (signs.0[row % LANES], *sizes);
            for (sums, code) in sums.iter_mut().zip([positive, large, positive & large]) {
                let code = simd.splat_u64s(code);
                for vector in 0..VECTORS {
                    let selected = ones(simd, simd.and_u64s(planes[vector], code));
                    sums[vector] = simd.add_u64s(sums[vector], selected);
                }
            }
        }
        let [positive, large, both] = sums.map(|sums| {
            let mut counts = [0; PLANES];
            S::as_mut_simd_u64s(&mut counts).0.copy_from_slice(&sums);
            weighted(counts)
        });
        // The products of the query with the signs, and with the signs of the large values.
        let (of_all, of_large) = (2.0 * positive - query.sum, 2.0 * both - large);
        let product = SMALL * of_all + (LARGE - SMALL) * of_large;
        query.base + self.factors[row] * query.step * product
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
            let simd = pulp::Scalar128b;
            let differences = codes.differences(simd, &query, 0);
            assert!(differences[4] <= 1 + dimensions as u64 / 50, "{differences:?}");
            let mut copy = BitCodes::new(Arc::clone(codes.frame()));
            (0..21).rev().for_each(|row| copy.push_row(&codes, row));
            for row in 0..21 {
                let estimate = codes.estimate(simd, &query, row);
                let exact: f32 = vectors[row].iter().zip(&vectors[4]).map(|(a, b)| a * b).sum();
                let most = 1.5 / (dimensions as f32).sqrt();
                assert!((estimate - exact).abs() < most, "{dimensions}: {estimate} {exact}");
                assert_eq!(copy.estimate(simd, &query, 20 - row), estimate);
            }
        }
    }
}
