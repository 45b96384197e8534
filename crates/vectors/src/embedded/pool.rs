//! Collects the rows whose signs differ least from a query's, over all segments with two-bit codes.
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::bits::{BitCodes, BitQuery, LANES};

/// The minimum number of rows estimated with both bits.
const FEWEST: usize = 4_096;
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
        let order =
            |candidate: &Candidate| (candidate.differences, candidate.segment, candidate.row);
        let (_, worst, _) = self.rows.select_nth_unstable_by_key(last, order);
        self.border = worst.differences;
        self.rows.truncate(self.size);
    }

    /// Returns the nearest rows.
    pub fn finish(mut self) -> Vec<Candidate> {
        self.shrink();
        self.rows
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
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { pool, segment, codes, query, rows } = self;
        for group in rows.start / LANES..rows.end.div_ceil(LANES) {
            let counts = codes.differences(query, group);
            let least = counts.iter().fold(u64::MAX, |least, count| least.min(*count));
            // Most groups contain no row that is near enough.
            if least >= pool.border {
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
