//! Collects the rows whose signs differ least from a query's, over all segments with two-bit codes.
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::bits::{BitCodes, BitQuery, LANES};
use super::instructions::dispatch_counting;
use super::segment::SEGMENT_ROWS;

/// The minimum number of rows estimated with both bits.
const FEWEST: usize = 5_120;
/// The number of rows estimated with both bits for each row ranked exactly.
const PER_CANDIDATE: usize = 2;

/// The low bits of a candidate, which number the rows of all segments. The bits above them are the
/// number of differences, so smaller candidates are nearer and, among equally near ones, earlier.
const ROW_BITS: u32 = 44;

/// A row of a segment.
#[derive(Clone, Copy)]
pub struct Candidate {
    pub segment: usize,
    pub row: usize,
    /// The estimate of its cosine.
    pub estimate: f32,
}

/// The best rows so far.
pub struct Pool {
    size: usize,
    rows: Vec<u64>,
    /// Rows with at least this many differences cannot be among the best. Among equal rows, earlier
    /// ones win.
    border: u64,
}

impl Pool {
    /// Creates a pool for a search that ranks `keep` rows exactly.
    pub fn new(keep: usize) -> Self {
        let size = keep.saturating_mul(PER_CANDIDATE).max(FEWEST);
        Self { size, rows: Vec::new(), border: 1 << (u64::BITS - ROW_BITS) }
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
        let (_, worst, _) = self.rows.select_nth_unstable(last);
        self.border = *worst >> ROW_BITS;
        self.rows.truncate(self.size);
    }

    /// Returns the nearest rows. `codes` returns the codes of a segment.
    pub fn finish<'a>(
        mut self,
        codes: impl Fn(usize) -> Option<&'a BitCodes>,
        query: &BitQuery,
    ) -> Vec<Candidate> {
        self.shrink();
        let candidate = |near: u64| {
            let number = (near & ((1 << ROW_BITS) - 1)) as usize;
            let (segment, row) = (number / SEGMENT_ROWS, number % SEGMENT_ROWS);
            Candidate { segment, row, estimate: 0.0 }
        };
        let mut near: Vec<_> = self.rows.into_iter().map(candidate).collect();
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
        let first = (segment * SEGMENT_ROWS) as u64;
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
                    pool.rows.push(differences << ROW_BITS | (first + row as u64));
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
    near: &'a mut [Candidate],
    codes: F,
    query: &'a BitQuery,
}

impl<'a, F: Fn(usize) -> Option<&'a BitCodes>> WithSimd for Estimate<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for near in self.near {
            if let Some(codes) = (self.codes)(near.segment) {
                near.estimate = codes.estimate(simd, self.query, near.row);
            }
        }
    }
}
