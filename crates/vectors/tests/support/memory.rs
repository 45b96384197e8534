//! A store in memory that can be made to hang, and to refuse requests for a workspace.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use carrel_vectors::store::{Dimensions, Store, Tombstones, Watermark, refusal};

#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    points: BTreeMap<(WorkspaceId, ChunkId), VectorRow>,
    watermarks: BTreeMap<WorkspaceId, Watermark>,
    is_silent: bool,
    refused: BTreeSet<WorkspaceId>,
    refusals: usize,
    searches: usize,
}

impl MemoryStore {
    pub fn fall_silent(&self, is_silent: bool) {
        self.state().is_silent = is_silent;
    }

    pub fn refuse(&self, within: WorkspaceId) {
        self.state().refused.insert(within);
    }

    pub fn refuse_nothing(&self) {
        self.state().refused.clear();
    }

    /// Returns the number of refused requests.
    pub fn refusals(&self) -> usize {
        self.state().refusals
    }

    /// Returns the number of searches.
    pub fn searches(&self) -> usize {
        self.state().searches
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn answer(&self) -> MutexGuard<'_, State> {
        if self.state().is_silent {
            std::future::pending::<()>().await;
        }
        self.state()
    }

    async fn of(&self, within: WorkspaceId) -> Result<MutexGuard<'_, State>> {
        let mut state = self.answer().await;
        if state.refused.contains(&within) {
            state.refusals += 1;
            return Err(refusal("Memory", "it does not like this workspace"));
        }
        Ok(state)
    }
}

impl State {
    fn chunks(&self, within: WorkspaceId) -> Vec<ChunkId> {
        let here = self.points.keys().filter(|(of, _)| *of == within);
        here.map(|(_, chunk)| *chunk).collect()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "Memory"
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        Ok(self.answer().await.watermarks.clone().into_iter().collect())
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        Ok(self.answer().await.watermarks.get(&within).cloned())
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        self.of(within).await?.watermarks.insert(within, watermark.clone());
        Ok(())
    }

    async fn put(&self, within: WorkspaceId, _: usize, rows: &[VectorRow]) -> Result<()> {
        let mut state = self.of(within).await?;
        state.points.extend(rows.iter().map(|row| ((within, row.chunk), row.clone())));
        Ok(())
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        _: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        self.of(within).await?.points.retain(|(of, chunk), row| {
            let is_doomed = match tombstones {
                Tombstones::Documents(documents) => documents.contains(&row.document),
                Tombstones::Chunks(chunks) => chunks.contains(chunk),
            };
            *of != within || !is_doomed
        });
        Ok(())
    }

    async fn clear(&self, within: WorkspaceId, _: &Dimensions) -> Result<()> {
        let mut state = self.of(within).await?;
        state.points.retain(|(of, _), _| *of != within);
        state.watermarks.remove(&within);
        Ok(())
    }

    async fn count(&self, within: WorkspaceId, _: &Dimensions) -> Result<u64> {
        Ok(self.of(within).await?.chunks(within).len() as u64)
    }

    async fn chunks(&self, within: WorkspaceId, _: &Dimensions) -> Result<Vec<ChunkId>> {
        Ok(self.of(within).await?.chunks(within))
    }

    /// Returns all chunks, because callers must not rely on the order.
    async fn nearest(
        &self,
        within: WorkspaceId,
        _: &[f32],
        _: usize,
        _: DocumentSelection<&[WorkspaceDocumentId]>,
    ) -> Result<Vec<ChunkId>> {
        self.state().searches += 1;
        Ok(self.of(within).await?.chunks(within))
    }
}
