//! The embedded index: compact codes of each workspace in memory, full vectors in the database.
//!
//! A search compares the query with one byte per dimension, keeps several times more candidates
//! than requested, reads their full vectors and ranks them by exact cosine. On 100,000 vectors of
//! 384 dimensions this takes about a third of the time of a scan of full vectors, and a quarter of
//! their memory. Larger workspaces use two bits per dimension; a search compares the first bit of
//! all vectors and the second only of the nearest.
//!
//! The database is the source of truth. Every search first reads the version of the workspace's
//! vectors, so it sees all changes committed by other processes.

mod bits;
mod cache;
mod instructions;
mod load;
mod pool;
mod rotation;
mod scan;
mod segment;
mod snapshot;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::vector::{Neighbour, VectorIndex, VectorQuery, VectorRows};
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};
use tokio::sync::Semaphore;

use cache::{CacheEntry, SegmentCache};
use load::load;
use scan::CodeQuery;
use snapshot::Snapshot;

/// The number of vectors above which a workspace uses two-bit codes instead of one-byte codes.
const MAX_BYTE_CODES: usize = 200_000;
/// The number of full vectors read at once, so that a huge limit does not exhaust memory.
const VECTORS_AT_ONCE: usize = 1_000;
/// The maximum bytes of codes scanned on the calling thread, which takes some tens of microseconds.
const INLINE_BYTES: usize = 1 << 20;

/// Returns the approximate memory for the codes of a workspace, in bytes.
pub(crate) fn code_bytes(vectors: usize, dimensions: usize) -> usize {
    let bytes = vectors.saturating_mul(dimensions);
    if vectors > MAX_BYTE_CODES { bytes / 4 } else { bytes }
}

/// The index of the vectors in a database.
///
/// Must be used within a tokio runtime: searches of large workspaces run on its blocking threads,
/// at most one per processor at a time.
pub struct EmbeddedIndex {
    inner: Arc<Inner>,
}

struct Inner {
    rows: Arc<dyn VectorRows>,
    cache: SegmentCache,
    processors: Arc<Semaphore>,
    most_byte_codes: usize,
}

impl EmbeddedIndex {
    /// Creates an index. `cache_bytes` limits the memory for codes, which take about vectors ×
    /// dimensions bytes, or a quarter of that in large workspaces. The least recently searched
    /// workspaces are evicted first. The workspace being searched is kept, whatever its size.
    pub fn new(rows: Arc<dyn VectorRows>, cache_bytes: usize) -> Self {
        Self::compacting_above(MAX_BYTE_CODES, rows, cache_bytes)
    }

    /// Like [`new`](Self::new), but workspaces with more than `vectors` vectors use two-bit codes.
    pub fn compacting_above(vectors: usize, rows: Arc<dyn VectorRows>, cache_bytes: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            inner: Arc::new(Inner {
                rows,
                cache: SegmentCache::new(cache_bytes),
                processors: Arc::new(Semaphore::new(processors)),
                most_byte_codes: vectors,
            }),
        }
    }

    /// Ranks candidates by exact similarity, best first. Also returns whether some of them were
    /// deleted.
    pub(crate) async fn rank(
        &self,
        to: &[f32],
        candidates: &[ChunkId],
    ) -> Result<(Vec<Neighbour>, bool)> {
        self.inner.rank(to, candidates).await
    }

    /// Frees the memory of a workspace's codes until its next search.
    pub(crate) fn forget(&self, within: WorkspaceId) {
        self.inner.cache.forget(within);
    }

    /// Returns the memory of the cached codes, in bytes.
    pub fn cached_bytes(&self) -> usize {
        self.inner.cache.bytes()
    }
}

#[async_trait]
impl VectorIndex for EmbeddedIndex {
    /// Does nothing: the next search sees the new version and loads the additions.
    async fn upsert(&self, _within: WorkspaceId, _document: WorkspaceDocumentId) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, within: WorkspaceId, documents: &[WorkspaceDocumentId]) -> Result<()> {
        let Some(slot) = self.inner.cache.peek(within) else { return Ok(()) };
        let documents = sorted(documents);
        let _gate = slot.load_lock.lock().await;
        let Some(snapshot) = slot.snapshot() else { return Ok(()) };
        let next =
            self.inner.compute(snapshot.bytes(), move || snapshot.without(&documents)).await?;
        if let Some(next) = next {
            slot.store(Arc::new(next));
        }
        Ok(())
    }

    async fn drop_workspace(&self, within: WorkspaceId) -> Result<()> {
        self.forget(within);
        Ok(())
    }

    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64> {
        self.inner.rows.count(within).await
    }

    async fn stored_count(&self) -> Result<u64> {
        self.inner.rows.count(None).await
    }

    /// Returns [`Error::Invalid`] if the query vector contains a value that is not finite. Stored
    /// vectors of another length are ignored. A zero query has no direction and matches nothing.
    async fn nearest(&self, query: VectorQuery<'_>) -> Result<Vec<Neighbour>> {
        if query.to.iter().any(|value| !value.is_finite()) {
            return Err(Error::invalid("vector", "must contain only finite numbers"));
        }
        if query.limit == 0 || query.to.iter().all(|value| *value == 0.0) {
            return Ok(Vec::new());
        }
        let code = Arc::new(CodeQuery::of(query.to));
        let among = query.among.map(|documents| Arc::from(sorted(documents)));
        // Passages deleted between the scan and the reading of their vectors would leave too few
        // hits. A second search, in the new state, finds others.
        let (mut hits, has_removed) = self.inner.search(&query, &code, &among).await?;
        if has_removed {
            (hits, _) = self.inner.search(&query, &code, &among).await?;
        }
        hits.retain(|hit| hit.similarity >= query.least_similarity);
        hits.truncate(query.limit);
        Ok(hits)
    }

    async fn similarity(&self, to: &[f32], chunks: &[ChunkId]) -> Result<Vec<Neighbour>> {
        Ok(self.inner.rank(to, chunks).await?.0)
    }
}

/// Returns each document once, sorted.
pub(crate) fn sorted(documents: &[WorkspaceDocumentId]) -> Vec<WorkspaceDocumentId> {
    documents.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

impl Inner {
    /// Ranks all candidates by exact similarity, best first. Also returns whether some were deleted
    /// in the meantime.
    async fn search(
        self: &Arc<Self>,
        query: &VectorQuery<'_>,
        code: &Arc<CodeQuery>,
        among: &DocumentSelection<Arc<[WorkspaceDocumentId]>>,
    ) -> Result<(Vec<Neighbour>, bool)> {
        let snapshot = self.current_snapshot(query.within).await?;
        let keep = code.keep(&snapshot, query.limit);
        let bytes = snapshot.bytes();
        let (code, among) = (Arc::clone(code), among.clone());
        let scan = move || scan::candidates(&snapshot, &code, among.as_deref(), keep);
        let candidates = self.compute(bytes, scan).await?;
        self.rank(query.to, &candidates).await
    }

    async fn rank(&self, to: &[f32], candidates: &[ChunkId]) -> Result<(Vec<Neighbour>, bool)> {
        let mut hits = Vec::with_capacity(candidates.len());
        let mut read = 0;
        for chunks in candidates.chunks(VECTORS_AT_ONCE) {
            let vectors = self.rows.vectors(chunks).await?;
            read += vectors.len();
            hits.extend(vectors.into_iter().filter_map(|(chunk, vector)| {
                Some(Neighbour { chunk, similarity: scan::similarity(to, &vector)? })
            }));
        }
        hits.sort_unstable_by(|a, b| {
            b.similarity.total_cmp(&a.similarity).then_with(|| a.chunk.cmp(&b.chunk))
        });
        Ok((hits, read < candidates.len()))
    }

    /// Returns the current codes of a workspace.
    async fn current_snapshot(self: &Arc<Self>, within: WorkspaceId) -> Result<Arc<Snapshot>> {
        let version = self.rows.version(within).await?;
        let slot = self.cache.slot(within);
        if let Some(snapshot) = slot.snapshot()
            && snapshot.version() == version
        {
            return Ok(snapshot);
        }
        // Runs as a separate task, so that a load continues for the next caller if its first caller
        // stops waiting.
        let inner = Arc::clone(self);
        let loading = tokio::spawn(async move { inner.refresh(within, &slot).await });
        loading.await.map_err(Error::internal)?
    }

    /// Loads the missing codes. Concurrent callers wait for the lock.
    async fn refresh(&self, within: WorkspaceId, slot: &CacheEntry) -> Result<Arc<Snapshot>> {
        let _gate = slot.load_lock.lock().await;
        let version = self.rows.version(within).await?;
        let snapshot = slot.snapshot();
        if let Some(snapshot) = &snapshot
            && snapshot.version() == version
        {
            return Ok(Arc::clone(snapshot));
        }
        let outgrown = snapshot.filter(|snapshot| {
            snapshot.version().removals == version.removals
                && snapshot.version().additions < version.additions
        });
        let next =
            Arc::new(load(&*self.rows, within, outgrown.as_deref(), self.most_byte_codes).await?);
        tracing::debug!(workspace = within.0, bytes = next.bytes(), "vector codes loaded");
        slot.store(Arc::clone(&next));
        self.cache.evict(within);
        Ok(next)
    }

    /// Runs `work` on `bytes` of codes, on a blocking thread if that takes long.
    async fn compute<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        if bytes <= INLINE_BYTES {
            return Ok(work());
        }
        let processor =
            Arc::clone(&self.processors).acquire_owned().await.map_err(Error::internal)?;
        let running = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(processor);
            done
        });
        running.await.map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::bits::Frame;
    use super::segment::{SEGMENT_ROWS, Segment};
    use super::*;

    const DIMENSIONS: usize = 384;

    /// A full segment; with codes of two bits if it is of a large workspace.
    fn segment(is_large: bool) -> Segment {
        let mut segment = Segment::new(DIMENSIONS);
        for row in 0..SEGMENT_ROWS as i64 {
            let code = [(row % 100) as i8; DIMENSIONS];
            segment.push(ChunkId(row), WorkspaceDocumentId(row / 16), &code);
        }
        segment.close();
        match is_large {
            true => segment.compacted(&Arc::new(Frame::new(segment.mean()))),
            false => segment,
        }
    }

    #[test]
    fn a_vector_takes_a_byte_a_dimension_and_a_quarter_above_200_000_vectors() {
        assert_eq!(code_bytes(0, DIMENSIONS), 0);
        assert_eq!(code_bytes(1, DIMENSIONS), 384);
        assert_eq!(code_bytes(200_000, DIMENSIONS), 200_000 * 384);
        assert_eq!(code_bytes(200_001, DIMENSIONS), 200_001 * 96);
        assert_eq!(code_bytes(1_000_000, 1_024), 1_000_000 * 256);
        assert_eq!(code_bytes(usize::MAX, DIMENSIONS), usize::MAX / 4);
    }

    #[test]
    fn segments_take_what_is_counted_and_a_few_bytes_a_vector_beside_it() {
        for (is_large, counted) in [(false, 384), (true, 96)] {
            let bytes = segment(is_large).bytes();
            let overhead = bytes as f64 / SEGMENT_ROWS as f64 - f64::from(counted);
            // A factor of four bytes, a chunk of eight, and a share of a document's run.
            assert!((12.0..16.0).contains(&overhead), "{overhead} bytes a vector beside {counted}");
        }
    }
}
