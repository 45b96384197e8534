//! An in-memory database of vectors that tests can change and inspect.
mod clusters;
pub mod memory;
pub mod qdrant;
pub mod stores;
pub mod vendors;
pub mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use carrel_domain::vector::{Code, CodeRow, NamespaceVersion, Tally, VectorRow, VectorRows};
use carrel_domain::{ChunkId, Result, WorkspaceDocumentId, WorkspaceId};

pub use clusters::Clusters;

#[derive(Default)]
pub struct MemoryRows {
    state: Mutex<State>,
    /// The number of code rows read so far.
    pub codes_read: AtomicUsize,
    /// Runs once, after the next page of codes was read.
    after_page: Mutex<Option<Change>>,
}

type Change = Box<dyn FnOnce(&MemoryRows) + Send>;

#[derive(Default)]
struct State {
    versions: HashMap<WorkspaceId, NamespaceVersion>,
    rows: BTreeMap<ChunkId, Row>,
    last_chunk: i64,
    last_document: i64,
}

struct Row {
    within: WorkspaceId,
    document: WorkspaceDocumentId,
    vector: Vec<f32>,
    code: Code,
}

impl MemoryRows {
    pub fn add(&self, within: WorkspaceId, vectors: Vec<Vec<f32>>) -> WorkspaceDocumentId {
        let mut state = self.state();
        state.versions.entry(within).or_default().additions += 1;
        state.last_document += 1;
        let document = WorkspaceDocumentId(state.last_document);
        for vector in vectors {
            state.last_chunk += 1;
            let code = Code::of(&vector);
            let chunk = ChunkId(state.last_chunk);
            state.rows.insert(chunk, Row { within, document, vector, code });
        }
        document
    }

    pub fn remove(&self, within: WorkspaceId, documents: &[WorkspaceDocumentId]) {
        let mut state = self.state();
        let before = state.rows.len();
        state.rows.retain(|_, row| !documents.contains(&row.document));
        if state.rows.len() < before {
            let version = state.versions.entry(within).or_default();
            version.removals += i64::try_from(documents.len()).unwrap_or(i64::MAX);
        }
    }

    /// Simulates the deletion of the workspace.
    pub fn leave(&self, within: WorkspaceId) {
        let mut state = self.state();
        state.rows.retain(|_, row| row.within != within);
        state.versions.remove(&within);
    }

    /// Simulates a restored older copy of the database, in which `document` never existed.
    pub fn set_back(&self, within: WorkspaceId, document: WorkspaceDocumentId) {
        let mut state = self.state();
        state.rows.retain(|_, row| row.document != document);
        state.versions.entry(within).or_default().additions -= 1;
        state.last_chunk = state.rows.keys().map(|chunk| chunk.0).max().unwrap_or_default();
        state.last_document -= 1;
    }

    /// Returns the chunks of a workspace, in order.
    pub fn ids(&self, within: WorkspaceId) -> Vec<i64> {
        let state = self.state();
        let here = state.rows.iter().filter(|(_, row)| row.within == within);
        here.map(|(chunk, _)| chunk.0).collect()
    }

    pub fn after_next_page(&self, change: impl FnOnce(&Self) + Send + 'static) {
        let mut hook = self.after_page.lock().unwrap_or_else(PoisonError::into_inner);
        *hook = Some(Box::new(change));
    }

    pub fn codes_read(&self) -> usize {
        self.codes_read.load(Ordering::SeqCst)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl VectorRows for MemoryRows {
    async fn version(&self, within: WorkspaceId) -> Result<NamespaceVersion> {
        Ok(self.state().versions.get(&within).copied().unwrap_or_default())
    }

    async fn codes(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(NamespaceVersion, Vec<CodeRow>)> {
        // Lets other tasks run, as during a read from a real database.
        tokio::task::yield_now().await;
        let page = {
            let state = self.state();
            let version = state.versions.get(&within).copied().unwrap_or_default();
            let start = after.map_or(i64::MIN, |after| after.0 + 1);
            let rows: Vec<_> = state
                .rows
                .range(ChunkId(start)..)
                .filter(|(_, row)| row.within == within)
                .take(limit)
                .map(|(chunk, row)| CodeRow {
                    chunk: *chunk,
                    document: row.document,
                    code: row.code.clone(),
                })
                .collect();
            (version, rows)
        };
        self.codes_read.fetch_add(page.1.len(), Ordering::SeqCst);
        let hook = self.after_page.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(change) = hook {
            change(self);
        }
        Ok(page)
    }

    async fn vectors(&self, chunks: &[ChunkId]) -> Result<Vec<(ChunkId, Vec<f32>)>> {
        let state = self.state();
        let found = chunks.iter().rev();
        Ok(found.filter_map(|c| Some((*c, state.rows.get(c)?.vector.clone()))).collect())
    }

    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64> {
        let state = self.state();
        let counted = |row: &&Row| within.is_none_or(|within| row.within == within);
        Ok(state.rows.values().filter(counted).count() as u64)
    }

    async fn name(&self) -> Result<String> {
        Ok("memory".to_owned())
    }

    async fn vector_versions(&self) -> Result<Vec<(WorkspaceId, Tally)>> {
        let state = self.state();
        let ids: Vec<_> = state.versions.keys().copied().collect();
        Ok(ids.into_iter().map(|id| (id, state.tally(id))).collect())
    }

    async fn rows(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(Tally, Vec<VectorRow>)> {
        tokio::task::yield_now().await;
        let page = {
            let state = self.state();
            let rows = state.above(within, after).take(limit).map(|(chunk, row)| VectorRow {
                chunk: *chunk,
                document: row.document,
                vector: row.vector.clone(),
            });
            (state.tally(within), rows.collect())
        };
        let hook = self.after_page.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(change) = hook {
            change(self);
        }
        Ok(page)
    }

    async fn chunks(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<ChunkId>> {
        let state = self.state();
        Ok(state.above(within, after).take(limit).map(|(chunk, _)| *chunk).collect())
    }
}

impl State {
    fn above(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
    ) -> impl Iterator<Item = (&ChunkId, &Row)> {
        let start = after.map_or(i64::MIN, |after| after.0 + 1);
        self.rows.range(ChunkId(start)..).filter(move |(_, row)| row.within == within)
    }

    fn tally(&self, within: WorkspaceId) -> Tally {
        let version = self.versions.get(&within).copied().unwrap_or_default();
        Tally { version, vectors: self.above(within, None).count() as u64 }
    }
}
