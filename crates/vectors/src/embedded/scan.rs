//! Comparison of a query with codes and with full vectors.
use std::cmp::Ordering;
use std::collections::BinaryHeap;

use carrel_domain::{ChunkId, DocumentSelection, WorkspaceDocumentId};
use pulp::Arch;

use super::snapshot::Snapshot;

/// Up to this many dimensions, the product of two codes fits into 32 bits: 2^16 times 2^14.
pub const MOST_DIMENSIONS: usize = 1 << 16;

/// Rows that are compared before their scores are examined.
const BLOCK: usize = 512;

/// Returns the chunks whose codes are most similar to `code`, at most `keep`, in no order.
///
/// No threshold applies here: if any chunks pass it, the most similar ones do.
pub fn candidates(
    snapshot: &Snapshot,
    code: &[i8],
    among: DocumentSelection<&[WorkspaceDocumentId]>,
    keep: usize,
) -> Vec<ChunkId> {
    let arch = Arch::new();
    let mut best = Best { keep, heap: BinaryHeap::new() };
    let mut products = [0; BLOCK];
    for segment in snapshot.segments(code.len()) {
        for range in segment.ranges(among) {
            for start in range.clone().step_by(BLOCK) {
                let rows = start..range.end.min(start + BLOCK);
                let products = &mut products[..rows.len()];
                arch.dispatch(|| multiply(code, segment.codes(rows.clone()), products));
                let factors = &segment.factors()[rows.clone()];
                let chunks = &segment.chunks()[rows];
                for ((product, factor), chunk) in products.iter().zip(factors).zip(chunks) {
                    best.offer(*product as f32 * factor, *chunk);
                }
            }
        }
    }
    best.heap.into_iter().map(|candidate| candidate.chunk).collect()
}

/// Computes the product of `query` with each row of `codes`.
///
/// Always inlined, so that it is compiled for each instruction set that [`Arch::dispatch`] selects
/// from. Compilers vectorize this loop. Checked arithmetic would prevent that, and
/// [`MOST_DIMENSIONS`] makes it unnecessary.
#[inline(always)]
fn multiply(query: &[i8], codes: &[i8], products: &mut [i32]) {
    for (row, product) in codes.chunks_exact(query.len()).zip(products) {
        *product = query
            .iter()
            .zip(row)
            .fold(0, |sum: i32, (a, b)| sum.wrapping_add(i32::from(*a) * i32::from(*b)));
    }
}

/// The best candidates so far, the worst of them on top.
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

/// Greater is worse: less similar, or equally similar and added later.
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

/// Returns the cosine of the angle between two vectors, clamped to 0 to 1; 0 if one of them is
/// zero. `None` if they cannot be compared: other dimensions, or values that are not finite.
pub fn similarity(a: &[f32], b: &[f32]) -> Option<f32> {
    if a.len() != b.len() {
        return None;
    }
    let (mut product, mut a_squares, mut b_squares) = (0f64, 0f64, 0f64);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        product += a * b;
        a_squares += a * a;
        b_squares += b * b;
    }
    let lengths = (a_squares * b_squares).sqrt();
    if lengths == 0.0 {
        return Some(0.0);
    }
    let cosine = product / lengths;
    cosine.is_finite().then(|| cosine.clamp(0.0, 1.0) as f32)
}
