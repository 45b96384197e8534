//! Compares queries with codes and with full vectors.
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use carrel_domain::vector::Code;
use carrel_domain::{ChunkId, DocumentSelection, WorkspaceDocumentId};
use pulp::{Arch, Simd, WithSimd};

use super::pool::Pool;
use super::segment::{ByteCodes, Codes, Segment};
use super::snapshot::Snapshot;

/// The number of candidates ranked exactly per requested passage.
const CANDIDATES_PER_HIT: usize = 4;
/// The minimum number of candidates ranked exactly.
const FEWEST_CANDIDATES: usize = 40;
/// The same limits for two-bit codes, which are less precise.
const CANDIDATES_PER_HIT_OF_BITS: usize = 24;
const FEWEST_CANDIDATES_OF_BITS: usize = 512;

/// The maximum number of dimensions for which the product of two codes fits into 32 bits: 2^16
/// times 2^14.
pub const MAX_DIMENSIONS: usize = 1 << 16;

/// The number of rows compared before their scores are examined.
const BLOCK: usize = 512;

/// A query in the forms that codes are compared with.
pub struct CodeQuery {
    /// The query scaled to length 1.
    unit: Vec<f32>,
    code: Vec<i8>,
    /// Converts products with the code to cosines.
    factor: f32,
}

impl CodeQuery {
    /// Quantizes a query. `to` must be finite and not zero.
    pub fn of(to: &[f32]) -> Self {
        let squares: f64 = to.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
        let length = squares.sqrt();
        let unit = to.iter().map(|value| (f64::from(*value) / length) as f32).collect();
        let code = Code::of(to).values;
        let squares: f64 = code.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
        Self { unit, code, factor: (1.0 / squares.sqrt()) as f32 }
    }

    /// Returns how many candidates to rank exactly for `limit` hits in a snapshot.
    pub fn keep(&self, snapshot: &Snapshot, limit: usize) -> usize {
        let (per_hit, fewest) = match snapshot.frame(self.code.len()) {
            None => (CANDIDATES_PER_HIT, FEWEST_CANDIDATES),
            Some(_) => (CANDIDATES_PER_HIT_OF_BITS, FEWEST_CANDIDATES_OF_BITS),
        };
        limit.saturating_mul(per_hit).max(fewest)
    }
}

/// Returns the chunks whose codes are most similar to a query, at most `keep`, in any order.
///
/// No similarity threshold applies here, because the most similar chunks pass any threshold that
/// others pass.
pub fn candidates(
    snapshot: &Snapshot,
    query: &CodeQuery,
    among: DocumentSelection<&[WorkspaceDocumentId]>,
    keep: usize,
) -> Vec<ChunkId> {
    let mut best = Best { keep, heap: BinaryHeap::new() };
    let segments: Vec<_> = snapshot.segments(query.code.len()).collect();
    let bits = snapshot.frame(query.code.len()).map(|frame| frame.query(&query.unit));
    let mut pool = Pool::new(keep);
    for (number, segment) in segments.iter().enumerate() {
        for range in segment.ranges(among) {
            match (segment.codes(), &bits) {
                (Codes::Bytes(bytes), _) => scan_bytes(segment, bytes, query, range, &mut best),
                (Codes::Bits(codes), Some(bits)) => pool.scan(number, codes, bits, range),
                (Codes::Bits(_), None) => {}
            }
        }
    }
    let codes = |segment: usize| match segments[segment].codes() {
        Codes::Bits(codes) => Some(codes),
        Codes::Bytes(_) => None,
    };
    if let Some(bits) = &bits {
        for near in pool.finish(codes, bits) {
            best.offer(near.estimate, segments[near.segment].chunks()[near.row]);
        }
    }
    best.heap.into_iter().map(|candidate| candidate.chunk).collect()
}

fn scan_bytes(
    segment: &Segment,
    bytes: &ByteCodes,
    query: &CodeQuery,
    range: Range<usize>,
    best: &mut Best,
) {
    let arch = Arch::new();
    let mut products = [0; BLOCK];
    for start in range.clone().step_by(BLOCK) {
        let rows = start..range.end.min(start + BLOCK);
        let products = &mut products[..rows.len()];
        let values = bytes.values(rows.clone(), query.code.len());
        arch.dispatch(|| multiply(&query.code, values, products));
        let factors = &bytes.factors[rows.clone()];
        let chunks = &segment.chunks()[rows];
        for ((product, factor), chunk) in products.iter().zip(factors).zip(chunks) {
            best.offer(*product as f32 * factor * query.factor, *chunk);
        }
    }
}

/// Computes the product of `query` with each row of `codes`.
///
/// Always inlined, so that it is compiled for each instruction set that [`Arch::dispatch`] selects
/// from. Compilers vectorize this loop. Overflow checks would prevent that, and [`MAX_DIMENSIONS`]
/// makes them unnecessary.
#[inline(always)]
fn multiply(query: &[i8], codes: &[i8], products: &mut [i32]) {
    for (row, product) in codes.chunks_exact(query.len()).zip(products) {
        *product = query
            .iter()
            .zip(row)
            .fold(0, |sum: i32, (a, b)| sum.wrapping_add(i32::from(*a) * i32::from(*b)));
    }
}

/// The best candidates so far, with the worst of them on top of the heap.
struct Best {
    keep: usize,
    heap: BinaryHeap<Candidate>,
}

impl Best {
    #[inline]
    fn offer(&mut self, score: f32, chunk: ChunkId) {
        let offered = Candidate { score, chunk };
        if self.heap.len() < self.keep {
            self.heap.push(offered);
            return;
        }
        if let Some(mut worst) = self.heap.peek_mut()
            && score >= worst.score
            && offered < *worst
        {
            *worst = offered;
        }
    }
}

/// A greater candidate is worse: less similar, or equally similar and added later.
#[derive(Clone, Copy)]
struct Candidate {
    score: f32,
    chunk: ChunkId,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.chunk.cmp(&other.chunk))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// Returns the cosine similarity of two vectors, clamped to 0 to 1, and 0 if one of them is zero.
/// Returns `None` if they have different lengths or values that are not finite.
pub fn similarity(a: &[f32], b: &[f32]) -> Option<f32> {
    if a.len() != b.len() {
        return None;
    }
    let [product, a_squares, b_squares] = Arch::new().dispatch(Products { a, b });
    let lengths = (a_squares * b_squares).sqrt();
    if lengths == 0.0 {
        return Some(0.0);
    }
    let cosine = product / lengths;
    cosine.is_finite().then(|| cosine.clamp(0.0, 1.0) as f32)
}

/// The product of two vectors and the square of each, compiled for each instruction set.
struct Products<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Products<'_> {
    type Output = [f64; 3];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Self::Output {
        // Sums in eight lanes, because the order of a single sum would prevent vectorization.
        const LANES: usize = 8;
        let mut sums = [[0f64; LANES]; 3];
        let mut add = |lane: usize, a: f32, b: f32| {
            let (a, b) = (f64::from(a), f64::from(b));
            sums[0][lane] += a * b;
            sums[1][lane] += a * a;
            sums[2][lane] += b * b;
        };
        let (a, b) = (self.a.chunks_exact(LANES), self.b.chunks_exact(LANES));
        for (lane, (a, b)) in a.remainder().iter().zip(b.remainder()).enumerate() {
            add(lane, *a, *b);
        }
        for (a, b) in a.zip(b) {
            for lane in 0..LANES {
                add(lane, a[lane], b[lane]);
            }
        }
        sums.map(|lanes| lanes.iter().sum())
    }
}
