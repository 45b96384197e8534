//! A database of vectors in memory, as changeable and as countable as the tests need it.
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use carrel_domain::vector::{Code, CodeRow, NamespaceVersion, VectorRows};
use carrel_domain::{ChunkId, Result, WorkspaceDocumentId, WorkspaceId};

#[derive(Default)]
pub struct MemoryRows {
    state: Mutex<State>,
    /// How many rows of codes have been handed out.
    pub codes_read: AtomicUsize,
    /// Run once, after the next page of codes was read.
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
        // Others get a turn, as they do while a database reads.
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
}

/// Vectors around some hundred centres, as those of texts about some hundred subjects are.
pub struct Clusters {
    state: u64,
    centres: Vec<Vec<f32>>,
}

impl Clusters {
    pub fn new(dimensions: usize, seed: u64) -> Self {
        let mut clusters = Self { state: seed | 1, centres: Vec::new() };
        clusters.centres = (0..200).map(|_| clusters.normal(dimensions, 1.0)).collect();
        clusters
    }

    /// The next vector, of length 1.
    pub fn vector(&mut self) -> Vec<f32> {
        let number = (self.uniform() * self.centres.len() as f32) as usize;
        let centre = self.centres[number.min(self.centres.len() - 1)].clone();
        let mut vector = self.normal(centre.len(), 0.7);
        vector.iter_mut().zip(centre).for_each(|(value, centre)| *value += centre);
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
        vector
    }

    pub fn vectors(&mut self, count: usize) -> Vec<Vec<f32>> {
        (0..count).map(|_| self.vector()).collect()
    }

    fn normal(&mut self, dimensions: usize, spread: f32) -> Vec<f32> {
        let sum = |c: &mut Self| (0..4).map(|_| c.uniform()).sum::<f32>() - 2.0;
        (0..dimensions).map(|_| sum(self) * spread).collect()
    }

    /// A number from 0 to 1, by xorshift.
    fn uniform(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 40) as f32 / (1u64 << 24) as f32
    }
}
