//! The embedded index: compact codes of each workspace in memory, whole vectors in the database.
//!
//! A search compares the query with one byte per dimension, keeps a few times more candidates than
//! were asked for, reads the whole vectors of those and ranks them by their exact cosine. On
//! 100,000 vectors of 384 dimensions that costs about a third of comparing whole vectors, and a
//! quarter of their memory.
//!
//! The database decides what is there. Every search first asks for the version of the workspace's
//! vectors, so changes of other processes are seen by the next search after they are committed.

mod cache;
mod load;
mod scan;
mod segment;
mod snapshot;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::vector::{Code, Neighbour, VectorIndex, VectorQuery, VectorRows};
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};
use tokio::sync::Semaphore;

use cache::{SegmentCache, Slot};
use load::load;
use snapshot::Snapshot;

/// How many candidates are ranked exactly for each passage asked for.
const CANDIDATES_PER_HIT: usize = 4;
/// The fewest candidates ranked exactly, however few passages are asked for.
const FEWEST_CANDIDATES: usize = 40;
/// Whole vectors read at a time, so that an enormous limit does not fill the memory.
const VECTORS_AT_ONCE: usize = 1_000;
/// Bytes of codes up to which the work is done on the calling thread: some tens of microseconds.
const INLINE_BYTES: usize = 1 << 20;

/// The index over the vectors that a database keeps.
///
/// Must be used within a tokio runtime: searches of large workspaces run on its blocking threads,
/// at most one for each processor at a time.
pub struct EmbeddedIndex {
    inner: Arc<Inner>,
}

struct Inner {
    rows: Arc<dyn VectorRows>,
    shelves: SegmentCache,
    processors: Arc<Semaphore>,
}

impl EmbeddedIndex {
    /// `cache_bytes` bounds the memory for codes, about vectors x dimensions bytes. Workspaces not
    /// searched for the longest time are let go first; the one in use is kept whatever its size.
    pub fn new(rows: Arc<dyn VectorRows>, cache_bytes: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            inner: Arc::new(Inner {
                rows,
                shelves: SegmentCache::new(cache_bytes),
                processors: Arc::new(Semaphore::new(processors)),
            }),
        }
    }

    /// Candidates by their exact similarity, best first, and whether some of them are gone.
    pub(crate) async fn rank(
        &self,
        to: &[f32],
        candidates: &[ChunkId],
    ) -> Result<(Vec<Neighbour>, bool)> {
        self.inner.rank(to, candidates).await
    }

    /// Gives the memory of a workspace's codes back until it is searched again.
    pub(crate) fn forget(&self, within: WorkspaceId) {
        self.inner.shelves.forget(within);
    }

    /// The memory that cached codes take now, in bytes.
    pub fn cached_bytes(&self) -> usize {
        self.inner.shelves.bytes()
    }
}

#[async_trait]
impl VectorIndex for EmbeddedIndex {
    /// Nothing is done here: the next search sees the new version and loads what was added.
    async fn upsert(&self, _within: WorkspaceId, _document: WorkspaceDocumentId) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, within: WorkspaceId, documents: &[WorkspaceDocumentId]) -> Result<()> {
        let Some(slot) = self.inner.shelves.peek(within) else { return Ok(()) };
        let documents = sorted(documents);
        let _gate = slot.gate.lock().await;
        let Some(held) = slot.snapshot() else { return Ok(()) };
        let next = self.inner.compute(held.bytes(), move || held.without(&documents)).await?;
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

    async fn held(&self) -> Result<u64> {
        self.inner.rows.count(None).await
    }

    /// [`Error::Invalid`] when the vector asked for holds something that is not a finite number.
    /// Stored vectors of other dimensions than that of the query are passed over, and a query of
    /// nothing but zeros, which has no direction, is near to nothing.
    async fn nearest(&self, query: VectorQuery<'_>) -> Result<Vec<Neighbour>> {
        if query.to.iter().any(|value| !value.is_finite()) {
            return Err(Error::invalid("vector", "must hold finite numbers only"));
        }
        if query.limit == 0 || query.to.iter().all(|value| *value == 0.0) {
            return Ok(Vec::new());
        }
        let code = Arc::new(Code::of(query.to).values);
        let among = query.among.map(|documents| Arc::from(sorted(documents)));
        // Passages that went between the scan and the reading of their vectors would leave fewer
        // hits than there are; a second look at the new state finds the others.
        let (mut hits, gone) = self.inner.search(&query, &code, &among).await?;
        if gone {
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

/// Each once, in order.
pub(crate) fn sorted(documents: &[WorkspaceDocumentId]) -> Vec<WorkspaceDocumentId> {
    documents.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

impl Inner {
    /// All candidates by their exact similarity, best first, and whether some had gone meanwhile.
    async fn search(
        self: &Arc<Self>,
        query: &VectorQuery<'_>,
        code: &Arc<Vec<i8>>,
        among: &DocumentSelection<Arc<[WorkspaceDocumentId]>>,
    ) -> Result<(Vec<Neighbour>, bool)> {
        let snapshot = self.fresh(query.within).await?;
        let keep = query.limit.saturating_mul(CANDIDATES_PER_HIT).max(FEWEST_CANDIDATES);
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

    /// The codes of a workspace as the database has them now.
    async fn fresh(self: &Arc<Self>, within: WorkspaceId) -> Result<Arc<Snapshot>> {
        let version = self.rows.version(within).await?;
        let slot = self.shelves.slot(within);
        if let Some(held) = slot.snapshot()
            && held.version() == version
        {
            return Ok(held);
        }
        // A task of its own, so that a load that takes longer than its first caller is willing to
        // wait is there for the next one.
        let inner = Arc::clone(self);
        let loading = tokio::spawn(async move { inner.refresh(within, &slot).await });
        loading.await.map_err(Error::internal)?
    }

    /// Loads what is missing, while others who need it wait at the gate.
    async fn refresh(&self, within: WorkspaceId, slot: &Slot) -> Result<Arc<Snapshot>> {
        let _gate = slot.gate.lock().await;
        let version = self.rows.version(within).await?;
        let held = slot.snapshot();
        if let Some(held) = &held
            && held.version() == version
        {
            return Ok(Arc::clone(held));
        }
        let grown = held.filter(|held| {
            held.version().removals == version.removals
                && held.version().additions < version.additions
        });
        let next = Arc::new(load(&*self.rows, within, grown.as_deref()).await?);
        tracing::debug!(workspace = within.0, bytes = next.bytes(), "vector codes loaded");
        slot.store(Arc::clone(&next));
        self.shelves.evict(within);
        Ok(next)
    }

    /// Runs `work` over `bytes` of codes here, or on a blocking thread when that takes long.
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
