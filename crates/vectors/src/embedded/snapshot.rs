//! A snapshot: the immutable codes of a workspace at one moment, shared by readers. A change
//! creates a new snapshot that shares all unchanged segments.
use std::sync::Arc;

use carrel_domain::vector::{CodeRow, NamespaceVersion};
use carrel_domain::{ChunkId, WorkspaceDocumentId};

use super::bits::Frame;
use super::scan::MAX_DIMENSIONS;
use super::segment::{SEGMENT_ROWS, Segment};

pub struct Snapshot {
    version: NamespaceVersion,
    last: Option<ChunkId>,
    bytes: usize,
    segments: Vec<Arc<Segment>>,
    /// The transformation of the two-bit codes, for each number of dimensions that has them.
    frames: Vec<Arc<Frame>>,
}

impl Snapshot {
    fn new(
        version: NamespaceVersion,
        segments: Vec<Arc<Segment>>,
        frames: Vec<Arc<Frame>>,
    ) -> Self {
        let last = segments.iter().filter_map(|segment| segment.chunks().iter().max()).max();
        let bytes = segments.iter().map(|segment| segment.bytes()).sum();
        Self { version, last: last.copied(), bytes, segments, frames }
    }

    pub fn version(&self) -> NamespaceVersion {
        self.version
    }

    /// The largest chunk id.
    pub fn last(&self) -> Option<ChunkId> {
        self.last
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the segments with these dimensions.
    pub fn segments(&self, dimensions: usize) -> impl Iterator<Item = &Segment> {
        self.segments.iter().map(|s| &**s).filter(move |s| s.dimensions() == dimensions)
    }

    /// Returns the transformation of the two-bit codes with these dimensions, if they have any.
    pub fn frame(&self, dimensions: usize) -> Option<&Arc<Frame>> {
        self.frames.iter().find(|frame| frame.dimensions() == dimensions)
    }

    /// Returns the snapshot after the removal of `documents`, which must be sorted, or `None` if it
    /// contains none of them.
    ///
    /// The new version counts one removal for each removed document. If nothing else happened, it
    /// equals the database's version; otherwise the next search loads again.
    pub fn without(&self, documents: &[WorkspaceDocumentId]) -> Option<Self> {
        let mut segments = Vec::with_capacity(self.segments.len());
        let mut removed = Vec::new();
        for segment in &self.segments {
            let found = segment.those_of(documents);
            if found.is_empty() {
                segments.push(Arc::clone(segment));
                continue;
            }
            let rest = segment.without(&found);
            if !rest.chunks().is_empty() {
                segments.push(Arc::new(rest));
            }
            removed.extend(found);
        }
        removed.sort_unstable();
        removed.dedup();
        if removed.is_empty() {
            return None;
        }
        let removals = self.version.removals.saturating_add_unsigned(removed.len() as u64);
        let version = NamespaceVersion { removals, ..self.version };
        Some(Self::new(version, segments, self.frames.clone()))
    }
}

/// A snapshot under construction.
pub struct Builder {
    full: Vec<Arc<Segment>>,
    /// Segments with room for rows, one per number of dimensions.
    open: Vec<Segment>,
    frames: Vec<Arc<Frame>>,
    /// The number of rows of one length above which they get two-bit codes.
    most_bytes: usize,
}

impl Builder {
    /// Starts from a snapshot, if there is one.
    pub fn new(previous: Option<&Snapshot>, most_bytes: usize) -> Self {
        Self {
            full: previous.map(|snapshot| snapshot.segments.clone()).unwrap_or_default(),
            open: Vec::new(),
            frames: previous.map(|snapshot| snapshot.frames.clone()).unwrap_or_default(),
            most_bytes,
        }
    }

    /// Adds a row. Skips rows that are empty or have too many dimensions to compare.
    pub fn push(&mut self, row: CodeRow) {
        let dimensions = row.code.values.len();
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            return;
        }
        let at = match self.open.iter().position(|open| open.dimensions() == dimensions) {
            Some(at) => at,
            None => {
                let open = self.with_room(dimensions);
                self.open.push(open);
                self.open.len() - 1
            }
        };
        self.open[at].push(row.chunk, row.document, &row.code.values);
        if self.open[at].chunks().len() >= SEGMENT_ROWS {
            let full = self.open.swap_remove(at);
            self.close(full);
        }
    }

    fn close(&mut self, mut full: Segment) {
        full.close();
        let dimensions = full.dimensions();
        if let Some(frame) = self.frames.iter().find(|frame| frame.dimensions() == dimensions) {
            self.full.push(Arc::new(full.compacted(frame)));
            return;
        }
        self.full.push(Arc::new(full));
        let same_length = self.full.iter().filter(|full| full.dimensions() == dimensions);
        if same_length.map(|full| full.chunks().len()).sum::<usize>() > self.most_bytes {
            self.compact(dimensions);
        }
    }

    /// Converts all closed segments of these dimensions to two-bit codes.
    fn compact(&mut self, dimensions: usize) {
        let same_length = |full: &Segment| full.dimensions() == dimensions;
        let means: Vec<_> =
            self.full.iter().filter(|full| same_length(full)).map(|full| full.mean()).collect();
        let mean = |at: usize| means.iter().map(|mean| mean[at]).sum::<f32>() / means.len() as f32;
        let frame = Arc::new(Frame::new((0..dimensions).map(mean).collect()));
        for full in self.full.iter_mut().filter(|full| same_length(full)) {
            *full = Arc::new(full.compacted(&frame));
        }
        self.frames.push(frame);
    }

    /// Returns the newest segment of these dimensions if it has room, copied if it has readers,
    /// otherwise a new one.
    fn with_room(&mut self, dimensions: usize) -> Segment {
        let newest = self.full.iter().rposition(|full| full.dimensions() == dimensions);
        match newest {
            Some(at) if self.full[at].has_room() => {
                let mut open = Arc::unwrap_or_clone(self.full.remove(at));
                open.reopen();
                open
            }
            _ => Segment::new(dimensions),
        }
    }

    pub fn finish(mut self, version: NamespaceVersion) -> Snapshot {
        for mut open in self.open {
            open.close();
            self.full.push(Arc::new(open));
        }
        Snapshot::new(version, self.full, self.frames)
    }
}
