//! The rows whose signs differ least from a query's, over all segments of two bits.
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::bits::{BitCodes, BitQuery, LANES};

/// Fewest rows that are estimated by both bits.
const FEWEST: usize = 4_096;
/// Rows that are estimated for each that is ranked exactly.
const PER_CANDIDATE: usize = 2;

/// A row of a segment.
#[derive(Clone, Copy)]
pub struct Candidate {
    differences: u64,
    pub segment: usize,
    pub row: usize,
}

/// Keeps rows while segments are scanned.
pub struct Pool {
    size: usize,
    rows: Vec<Candidate>,
    /// Rows with as many differences or more are among the worse: of equal rows, the earlier ones stay.
    border: u64,
}

impl Pool {
    /// A pool from which `keep` rows are ranked exactly.
    pub fn new(keep: usize) -> Self {
        let size = keep.saturating_mul(PER_CANDIDATE).max(FEWEST);
        Self { size, rows: Vec::new(), border: u64::MAX }
    }

    /// Compares the rows of a segment.
    pub fn scan(&mut self, segment: usize, codes: &BitCodes, query: &BitQuery, rows: Range<usize>) {
        Arch::new().dispatch(Scan { pool: self, segment, codes, query, rows });
    }

    /// Drops the worse half.
    fn shrink(&mut self) {
        if self.rows.len() <= self.size {
            return;
        }
        let last = self.size - 1;
        // Of equal rows, the earlier ones stay.
        let order = |near: &Candidate| (near.differences, near.segment, near.row);
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

/// A scan, compiled for each instruction set.
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
            // Most groups have no row that is near enough.
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
