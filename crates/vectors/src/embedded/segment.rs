//! A segment: several thousand codes with the same dimensions, contiguous in memory.
use std::iter;
use std::ops::Range;

use carrel_domain::{ChunkId, DocumentSelection, WorkspaceDocumentId};

/// Rows per segment. A change copies the segments it touches, so they should be small; a scan
/// visits them one by one, so they should not be tiny.
pub const SEGMENT_ROWS: usize = 8_192;

#[derive(Clone)]
pub struct Segment {
    dimensions: usize,
    /// The codes, row by row.
    codes: Vec<i8>,
    /// Factors that turn a row's product with a query into a value ordered like the cosine: one
    /// over the length of the code. The scale of the code is in both and cancels out.
    factors: Vec<f32>,
    chunks: Vec<ChunkId>,
    /// The rows of each document: sorted by document when closed, by row while open.
    runs: Vec<Run>,
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
            codes: Vec::new(),
            factors: Vec::new(),
            chunks: Vec::new(),
            runs: Vec::new(),
        }
    }

    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub fn codes(&self, rows: Range<usize>) -> &[i8] {
        &self.codes[rows.start * self.dimensions..rows.end * self.dimensions]
    }

    pub fn factors(&self) -> &[f32] {
        &self.factors
    }

    pub fn chunks(&self) -> &[ChunkId] {
        &self.chunks
    }

    pub fn bytes(&self) -> usize {
        self.codes.capacity()
            + self.factors.capacity() * size_of::<f32>()
            + self.chunks.capacity() * size_of::<ChunkId>()
            + self.runs.capacity() * size_of::<Run>()
    }

    /// Adds a row whose code has this segment's dimensions.
    pub fn push(&mut self, chunk: ChunkId, document: WorkspaceDocumentId, code: &[i8]) {
        debug_assert_eq!(code.len(), self.dimensions);
        let row = self.chunks.len();
        self.codes.extend_from_slice(code);
        self.factors.push(factor(code));
        self.chunks.push(chunk);
        match self.runs.last_mut() {
            Some(run) if run.document == document => run.end = row + 1,
            _ => self.runs.push(Run { document, start: row, end: row + 1 }),
        }
    }

    /// Prepares the segment for searches.
    pub fn close(&mut self) {
        self.runs.sort_unstable_by_key(|run| (run.document, run.start));
        self.codes.shrink_to_fit();
        self.factors.shrink_to_fit();
        self.chunks.shrink_to_fit();
        self.runs.shrink_to_fit();
    }

    /// Prepares the segment for additions.
    pub fn reopen(&mut self) {
        self.runs.sort_unstable_by_key(|run| run.start);
    }

    /// Returns the rows of the documents selected by `among`, whose list is sorted.
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

    /// Returns the rows of `documents`, which are sorted.
    fn rows_of(&self, documents: &[WorkspaceDocumentId]) -> Vec<Range<usize>> {
        let rows = |run: &Run| run.start..run.end;
        if documents.len() > self.runs.len() {
            let wanted = |run: &&Run| documents.binary_search(&run.document).is_ok();
            return self.runs.iter().filter(wanted).map(rows).collect();
        }
        let runs = documents.iter().flat_map(|document| {
            let first = self.runs.partition_point(|run| run.document < *document);
            self.runs[first..].iter().take_while(|run| run.document == *document)
        });
        runs.map(rows).collect()
    }

    /// Returns those of `documents`, which are sorted, that have rows here.
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

    /// Returns a closed copy without the rows of `documents`, which are sorted.
    pub fn without(&self, documents: &[WorkspaceDocumentId]) -> Self {
        let mut rest = Self::new(self.dimensions);
        let mut runs = self.runs.clone();
        runs.retain(|run| documents.binary_search(&run.document).is_err());
        runs.sort_unstable_by_key(|run| run.start);
        for run in runs {
            let start = rest.chunks.len();
            rest.codes.extend_from_slice(self.codes(run.start..run.end));
            rest.factors.extend_from_slice(&self.factors[run.start..run.end]);
            rest.chunks.extend_from_slice(&self.chunks[run.start..run.end]);
            rest.runs.push(Run { document: run.document, start, end: rest.chunks.len() });
        }
        rest.close();
        rest
    }
}

fn factor(code: &[i8]) -> f32 {
    let squares: i64 = code.iter().map(|value| i64::from(*value) * i64::from(*value)).sum();
    if squares == 0 { 0.0 } else { (1.0 / (squares as f64).sqrt()) as f32 }
}
