//! A segment: several thousand codes with the same dimensions, contiguous in memory.
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use carrel_domain::{ChunkId, DocumentSelection, WorkspaceDocumentId};

use super::bits::{BitCodes, Frame};

/// Rows per segment. A change copies the segments that it touches, so they should be small. A scan
/// visits them one by one, so they should not be tiny.
pub const SEGMENT_ROWS: usize = 8_192;

#[derive(Clone)]
pub struct Segment {
    dimensions: usize,
    codes: Codes,
    chunks: Vec<ChunkId>,
    /// The rows of each document. Sorted by document in a closed segment, by row in an open one.
    runs: Vec<Run>,
}

/// The codes of a segment's rows.
#[derive(Clone)]
pub enum Codes {
    Bytes(ByteCodes),
    /// Two-bit codes, which take a quarter of the memory, for closed segments of large workspaces.
    Bits(BitCodes),
}

/// One-byte codes.
#[derive(Clone, Default)]
pub struct ByteCodes {
    /// The codes, row by row.
    values: Vec<i8>,
    /// The reciprocal length of each row's code. The product of a row with a query, times this
    /// factor, orders rows like the cosine; the scale of the code cancels out.
    pub factors: Vec<f32>,
}

impl ByteCodes {
    pub fn values(&self, rows: Range<usize>, dimensions: usize) -> &[i8] {
        &self.values[rows.start * dimensions..rows.end * dimensions]
    }

    fn push(&mut self, code: &[i8], factor: f32) {
        self.values.extend_from_slice(code);
        self.factors.push(factor);
    }
}

#[derive(Clone, Copy)]
struct Run {
    document: WorkspaceDocumentId,
    start: usize,
    end: usize,
}

impl Segment {
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            codes: Codes::Bytes(ByteCodes::default()),
            chunks: Vec::new(),
            runs: Vec::new(),
        }
    }

    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub fn codes(&self) -> &Codes {
        &self.codes
    }

    /// Returns true if rows can be added.
    pub fn has_room(&self) -> bool {
        matches!(self.codes, Codes::Bytes(_)) && self.chunks.len() < SEGMENT_ROWS
    }

    pub fn chunks(&self) -> &[ChunkId] {
        &self.chunks
    }

    pub fn bytes(&self) -> usize {
        let codes = match &self.codes {
            Codes::Bytes(bytes) => {
                bytes.values.capacity() + bytes.factors.capacity() * size_of::<f32>()
            }
            Codes::Bits(bits) => bits.bytes(),
        };
        codes
            + self.chunks.capacity() * size_of::<ChunkId>()
            + self.runs.capacity() * size_of::<Run>()
    }

    /// Adds a row. The code must have this segment's dimensions, and the segment must [have
    /// room](Self::has_room).
    pub fn push(&mut self, chunk: ChunkId, document: WorkspaceDocumentId, code: &[i8]) {
        debug_assert_eq!(code.len(), self.dimensions);
        let row = self.chunks.len();
        match &mut self.codes {
            Codes::Bytes(bytes) => bytes.push(code, factor(code)),
            Codes::Bits(bits) => bits.push(code, factor(code)),
        }
        self.chunks.push(chunk);
        match self.runs.last_mut() {
            Some(run) if run.document == document => run.end = row + 1,
            _ => self.runs.push(Run { document, start: row, end: row + 1 }),
        }
    }

    /// Prepares the segment for searches.
    pub fn close(&mut self) {
        self.runs.sort_unstable_by_key(|run| (run.document, run.start));
        match &mut self.codes {
            Codes::Bytes(bytes) => {
                bytes.values.shrink_to_fit();
                bytes.factors.shrink_to_fit();
            }
            Codes::Bits(bits) => bits.shrink_to_fit(),
        }
        self.chunks.shrink_to_fit();
        self.runs.shrink_to_fit();
    }

    /// Prepares the segment for additions.
    pub fn reopen(&mut self) {
        self.runs.sort_unstable_by_key(|run| run.start);
    }

    /// Returns the rows of the documents selected by `among`. A list in `among` must be sorted.
    pub fn ranges(&self, among: DocumentSelection<&[WorkspaceDocumentId]>) -> Vec<Range<usize>> {
        match among {
            DocumentSelection::All => self.gaps(Vec::new()),
            DocumentSelection::Only(documents) => self.rows_of(documents),
            DocumentSelection::Except(documents) => self.gaps(self.rows_of(documents)),
        }
    }

    /// Returns the rows outside of these ranges, in as few ranges as possible, because long ranges
    /// are faster to scan.
    fn gaps(&self, mut left_out: Vec<Range<usize>>) -> Vec<Range<usize>> {
        left_out.sort_unstable_by_key(|rows| rows.start);
        let starts = iter::once(0).chain(left_out.iter().map(|rows| rows.end));
        let ends = left_out.iter().map(|rows| rows.start).chain([self.chunks.len()]);
        starts.zip(ends).map(|(start, end)| start..end).filter(|rows| !rows.is_empty()).collect()
    }

    /// Returns the rows of `documents`, which must be sorted.
    fn rows_of(&self, documents: &[WorkspaceDocumentId]) -> Vec<Range<usize>> {
        let rows = |run: &Run| run.start..run.end;
        if documents.len() > self.runs.len() {
            let is_selected = |run: &&Run| documents.binary_search(&run.document).is_ok();
            return self.runs.iter().filter(is_selected).map(rows).collect();
        }
        let runs = documents.iter().flat_map(|document| {
            let first = self.runs.partition_point(|run| run.document < *document);
            self.runs[first..].iter().take_while(|run| run.document == *document)
        });
        runs.map(rows).collect()
    }

    /// Returns the documents among `documents` that have rows here. `documents` must be sorted.
    pub fn those_of(&self, documents: &[WorkspaceDocumentId]) -> Vec<WorkspaceDocumentId> {
        let mut here: Vec<_> = self
            .runs
            .iter()
            .map(|run| run.document)
            .filter(|document| documents.binary_search(document).is_ok())
            .collect();
        here.dedup();
        here
    }

    /// Returns a closed copy with two-bit codes.
    pub fn compacted(&self, frame: &Arc<Frame>) -> Self {
        let Codes::Bytes(bytes) = &self.codes else { return self.clone() };
        let mut codes = BitCodes::new(Arc::clone(frame));
        codes.reserve(self.chunks.len());
        let rows = bytes.values.chunks_exact(self.dimensions).zip(&bytes.factors);
        rows.for_each(|(code, factor)| codes.push(code, *factor));
        let (chunks, runs) = (self.chunks.clone(), self.runs.clone());
        let mut copy =
            Self { dimensions: self.dimensions, codes: Codes::Bits(codes), chunks, runs };
        copy.close();
        copy
    }

    /// Returns the mean of the rows, each scaled to length 1.
    pub fn mean(&self) -> Vec<f32> {
        let mut sums = vec![0f32; self.dimensions];
        if let Codes::Bytes(bytes) = &self.codes {
            let rows = bytes.values.chunks_exact(self.dimensions).zip(&bytes.factors);
            for (row, factor) in rows {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += f32::from(*value) * factor;
                }
            }
        }
        let rows = self.chunks.len().max(1) as f32;
        sums.iter_mut().for_each(|sum| *sum /= rows);
        sums
    }

    /// Returns a closed copy without the rows of `documents`, which must be sorted.
    pub fn without(&self, documents: &[WorkspaceDocumentId]) -> Self {
        let mut rest = Self { codes: self.codes.empty(), ..Self::new(self.dimensions) };
        let mut runs = self.runs.clone();
        runs.retain(|run| documents.binary_search(&run.document).is_err());
        runs.sort_unstable_by_key(|run| run.start);
        for run in runs {
            let start = rest.chunks.len();
            for row in run.start..run.end {
                rest.codes.push_row(&self.codes, row, self.dimensions);
            }
            rest.chunks.extend_from_slice(&self.chunks[run.start..run.end]);
            rest.runs.push(Run { document: run.document, start, end: rest.chunks.len() });
        }
        rest.close();
        rest
    }
}

impl Codes {
    /// Returns empty codes of the same kind.
    fn empty(&self) -> Self {
        match self {
            Self::Bytes(_) => Self::Bytes(ByteCodes::default()),
            Self::Bits(bits) => Self::Bits(BitCodes::new(Arc::clone(bits.frame()))),
        }
    }

    /// Adds a row from codes of the same kind.
    fn push_row(&mut self, of: &Self, row: usize, dimensions: usize) {
        match (self, of) {
            (Self::Bytes(bytes), Self::Bytes(of)) => {
                bytes.push(of.values(row..row + 1, dimensions), of.factors[row]);
            }
            (Self::Bits(bits), Self::Bits(of)) => bits.push_row(of, row),
            // Unreachable: the codes were created by `empty` and are of the same kind.
            (Self::Bytes(_), Self::Bits(_)) | (Self::Bits(_), Self::Bytes(_)) => {}
        }
    }
}

fn factor(code: &[i8]) -> f32 {
    let squares: i64 = code.iter().map(|value| i64::from(*value) * i64::from(*value)).sum();
    if squares == 0 { 0.0 } else { (1.0 / (squares as f64).sqrt()) as f32 }
}
