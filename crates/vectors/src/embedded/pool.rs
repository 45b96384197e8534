//! Collects the rows whose signs differ least from a query's, over all segments with two-bit codes.
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::bits::{BitCodes, BitQuery, LANES};
use super::instructions::dispatch_counting;

/// The minimum number of rows estimated with both bits.
const FEWEST: usize = 5_120;
/// The number of rows estimated with both bits for each row ranked exactly.
const PER_CANDIDATE: usize = 2;

/// A row of a segment.
#[derive(Clone, Copy)]
pub struct Candidate {
    differences: u64,
    pub segment: usize,
    pub row: usize,
}

/// The best rows so far.
pub struct Pool {
    size: usize,
    rows: Vec<Candidate>,
    /// Rows with at least this many differences cannot be among the best. Among equal rows, earlier
    /// ones win.
    border: u64,
}

impl Pool {
    /// Creates a pool for a search that ranks `keep` rows exactly.
    pub fn new(keep: usize) -> Self {
        let size = keep.saturating_mul(PER_CANDIDATE).max(FEWEST);
        Self { size, rows: Vec::new(), border: u64::MAX }
    }

    /// Compares the rows of a segment with the query.
    pub fn scan(&mut self, segment: usize, codes: &BitCodes, query: &BitQuery, rows: Range<usize>) {
        Arch::new().dispatch(Scan { pool: self, segment, codes, query, rows });
    }

    /// Keeps the best `size` rows.
    fn shrink(&mut self) {
        if self.rows.len() <= self.size {
            return;
        }
        let last = self.size - 1;
        // Among equal rows, earlier ones win.
        let order = |near: &Candidate| (near.differences, near.segment, near.row);
        let (_, worst, _) = self.rows.select_nth_unstable_by_key(last, order);
        self.border = worst.differences;
        self.rows.truncate(self.size);
    }

    /// Returns the nearest rows, with an estimate of the cosine of each. `codes` returns the codes of
    /// a segment.
    pub fn finish<'a>(
        mut self,
        codes: impl Fn(usize) -> Option<&'a BitCodes>,
        query: &BitQuery,
    ) -> Vec<(Candidate, f32)> {
        self.shrink();
        let mut near: Vec<_> = self.rows.into_iter().map(|near| (near, 0.0)).collect();
        dispatch_counting(Estimate { near: &mut near, codes, query });
        near
    }
}

/// A scan that is compiled for each instruction set.
struct Scan<'a> {
    pool: &'a mut Pool,
    segment: usize,
    codes: &'a BitCodes,
    query: &'a BitQuery,
    rows: Range<usize>,
}

impl WithSimd for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pool, segment, codes, query, rows } = self;
        for group in rows.start / LANES..rows.end.div_ceil(LANES) {
            let counts = codes.differences(simd, query, group);
            // Most groups contain no row that is near enough.
            let border = simd.splat_u64s(pool.border);
            let is_near = |counts: &S::u64s| {
                let near = simd.less_than_u64s(*counts, border);
                simd.first_true_m64s(near) < S::U64_LANES
            };
            if !S::as_simd_u64s(&counts).0.iter().any(is_near) {
                continue;
            }
            for (row, differences) in (group * LANES..).zip(counts) {
                if differences < pool.border && rows.contains(&row) {
                    pool.rows.push(Candidate { differences, segment, row });
                }
            }
            if pool.rows.len() >= 2 * pool.size {
                pool.shrink();
            }
        }
    }
}

/// The estimates of rows, compiled for each instruction set.
struct Estimate<'a, F> {
    near: &'a mut [(Candidate, f32)],
    codes: F,
    query: &'a BitQuery,
}

impl<'a, F: Fn(usize) -> Option<&'a BitCodes>> WithSimd for Estimate<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (near, estimate) in self.near {
            if let Some(codes) = (self.codes)(near.segment) {
                *estimate = codes.estimate(simd, self.query, near.row);
            }
        }
    }
}
