//! A vector index in a vector database run by the operator, kept in sync with the database.
//!
//! The database is the source of truth. A store receives changes after they are committed. The
//! store may have been unreachable, or this process may have been killed in between, so correctness
//! does not depend on this process's memory: the store contains a
//! [`Watermark`](crate::store::Watermark) for each workspace, with the version of the database that
//! it contains. Every search compares the watermark with the current version and brings the store
//! up to date if it lags behind (`reconcile`).
//!
//! The store returns only candidates. They are ranked by their vectors in the database, so every
//! store gives the same similarities, and deleted documents are never found even if a store still
//! contains them.
//!
//! The embedded index answers instead while a workspace is being copied to the store, and if the
//! store does not answer in time or refuses a request for the workspace, provided that the
//! workspace's codes fit into its memory. Otherwise the search fails.

mod circuit_breaker;
mod reconcile;
mod slots;
mod sync_loop;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::vector::{Neighbour, VectorIndex, VectorQuery, VectorRows};
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::embedded::{EmbeddedIndex, code_bytes, sorted};
use crate::store::{Limits, Store, Watermark, is_busy, is_refusal, refusal};
use circuit_breaker::CircuitBreaker;
use slots::{HealthState, Slots, reason};

/// How long a search waits for the store to catch up.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time limit of the store for one request of a search, or for a health check.
pub const ANSWER: Duration = Duration::from_secs(10);
/// The number of candidates requested from the store per requested passage.
const CANDIDATES_PER_HIT: usize = 2;
/// The minimum number of candidates requested from the store.
const CANDIDATES: usize = 40;

/// An index in a vector database. Must be used within a tokio runtime.
#[derive(Clone)]
pub struct SyncedIndex {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    rows: Arc<dyn VectorRows>,
    embedded: Arc<EmbeddedIndex>,
    /// Maximum bytes of codes of a workspace for which the embedded index answers instead.
    room: usize,
    slots: Slots,
    health: HealthState,
    /// Notified when there are changes to send to the store.
    wake: Notify,
}

impl SyncedIndex {
    /// `room` limits the memory for the codes of a workspace for which the embedded index answers,
    /// in bytes. Sends nothing to the store before [`SyncedIndex::sync_loop`] or a search.
    pub fn new(
        store: Arc<dyn Store>,
        rows: Arc<dyn VectorRows>,
        embedded: Arc<EmbeddedIndex>,
        room: usize,
    ) -> Self {
        let health = HealthState::new(store.name());
        let (slots, wake) = (Slots::default(), Notify::new());
        Self { inner: Arc::new(Inner { store, rows, embedded, room, slots, health, wake }) }
    }

    /// Returns the display name of the vector database.
    pub fn store(&self) -> &'static str {
        self.inner.store.name()
    }

    /// Keeps the store in sync. Never returns, and can be dropped at any time.
    pub async fn sync_loop(&self) {
        sync_loop::run(&self.inner).await;
    }

    /// Brings the store up to date with a workspace.
    ///
    /// # Errors
    /// Returns the errors of the store and of the database.
    pub async fn reconcile(&self, within: WorkspaceId) -> Result<()> {
        self.inner.reconcile(within, false).await
    }

    /// Like [`SyncedIndex::reconcile`] for all workspaces, but first compares the store's contents
    /// with the database. Removes workspaces that no longer exist from the store.
    ///
    /// # Errors
    /// Returns the errors of the store and of the database.
    pub async fn reconcile_all(&self) -> Result<()> {
        sync_loop::round(&self.inner, true).await
    }
}

#[async_trait]
impl VectorIndex for SyncedIndex {
    /// Returns immediately. The sync loop sends committed changes to the store, unless a search
    /// does so first.
    async fn upsert(&self, _within: WorkspaceId, _document: WorkspaceDocumentId) -> Result<()> {
        self.inner.wake.notify_one();
        Ok(())
    }

    /// Returns immediately like `upsert`. Searches no longer find these documents from now on.
    async fn remove(&self, within: WorkspaceId, documents: &[WorkspaceDocumentId]) -> Result<()> {
        self.inner.slots.slot(within).tombstone(documents);
        self.inner.wake.notify_one();
        self.inner.embedded.remove(within, documents).await
    }

    async fn drop_workspace(&self, within: WorkspaceId) -> Result<()> {
        self.inner.slots.mark_dropped(within);
        self.inner.wake.notify_one();
        self.inner.embedded.drop_workspace(within).await
    }

    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64> {
        self.inner.rows.count(within).await
    }

    async fn stored_count(&self) -> Result<u64> {
        let watermarks = self.inner.watermarks().await?;
        Ok(watermarks.iter().map(|(_, watermark)| watermark.vectors).sum())
    }

    /// Returns the errors of [`EmbeddedIndex`], and [`Error::Unavailable`] if neither the store nor
    /// the embedded index can answer. Queries for more passages than the store returns at once, or
    /// with more excluded documents than a request may list, are not sent to the store.
    async fn nearest(&self, query: VectorQuery<'_>) -> Result<Vec<Neighbour>> {
        if query.to.iter().any(|value| !value.is_finite()) {
            return Err(Error::invalid("vector", "must contain only finite numbers"));
        }
        if query.limit == 0 || query.to.iter().all(|value| *value == 0.0) {
            return Ok(Vec::new());
        }
        if let Some(reason) = self.inner.out_of_bounds(&query) {
            let refusal = refusal(self.inner.store.name(), reason);
            return self.inner.fall_back(query, Some(refusal)).await;
        }
        // Candidates deleted from the database leave too few hits. A second search, after the
        // deletion is synced, finds others.
        let mut reason = None;
        for _ in 0..2 {
            let outcome = match self.inner.ready(query.within).await {
                Ok(()) => self.inner.search(&query).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok((hits, false)) => return Ok(hits),
                Ok((hits, true)) if hits.len() == query.limit => return Ok(hits),
                Ok((_, true)) => {}
                Err(error) => {
                    reason = Some(error);
                    break;
                }
            }
        }
        self.inner.fall_back(query, reason).await
    }

    async fn similarity(&self, to: &[f32], chunks: &[ChunkId]) -> Result<Vec<Neighbour>> {
        self.inner.embedded.similarity(to, chunks).await
    }
}

impl Inner {
    /// Returns the reason if a query exceeds the store's limits.
    fn out_of_bounds(&self, query: &VectorQuery<'_>) -> Option<String> {
        let Limits { candidates, documents } = self.store.limits();
        if query.limit > candidates {
            return Some(format!("it returns at most {candidates} passages"));
        }
        match query.among {
            DocumentSelection::Except(except) if except.len() > documents => {
                Some(format!("at most {documents} documents can be left out"))
            }
            _ => None,
        }
    }

    /// Succeeds if the store contains everything committed to the workspace so far.
    async fn ready(self: &Arc<Self>, within: WorkspaceId) -> Result<()> {
        let version = self.rows.version(within).await?;
        let slot = self.slots.slot(within);
        self.health.check()?;
        if slot.is_synced(version) {
            return Ok(());
        }
        if let Some(reason) = slot.filling.reason_to_wait() {
            return Err(refusal(self.store.name(), reason));
        }
        let filling = || Error::unavailable(self.store.name(), "it is still being filled");
        if slot.busy_for().is_some_and(|time| time > PATIENCE) {
            return Err(filling());
        }
        // Runs as a separate task, so that a sync continues if it takes longer than the search
        // waits.
        let inner = Arc::clone(self);
        let agreeing = tokio::spawn(async move { inner.reconcile(within, false).await });
        match timeout(PATIENCE, agreeing).await {
            Ok(agreed) => agreed.map_err(Error::internal)?,
            Err(_) => Err(filling()),
        }
    }

    /// Returns the hits and whether some candidates were deleted.
    async fn search(&self, query: &VectorQuery<'_>) -> Result<(Vec<Neighbour>, bool)> {
        let VectorQuery { within, to, limit, least_similarity, .. } = *query;
        let slot = self.slots.slot(within);
        let Some(watermark) = slot.watermark() else {
            let reason = "its vectors of this workspace are being counted again";
            return Err(Error::unavailable(self.store.name(), reason));
        };
        if !watermark.dimensions.contains(&to.len()) {
            return Ok((Vec::new(), false));
        }
        if let Some(reason) = slot.searching.reason_to_wait() {
            return Err(refusal(self.store.name(), reason));
        }
        let candidates = self.candidates(query, &watermark).await;
        self.record_outcome(within, &slot.searching, &candidates);
        let (mut hits, has_removed) = self.embedded.rank(to, &candidates?).await?;
        hits.retain(|hit| hit.similarity >= least_similarity);
        hits.truncate(limit);
        Ok((hits, has_removed))
    }

    async fn candidates(
        &self,
        query: &VectorQuery<'_>,
        watermark: &Watermark,
    ) -> Result<Vec<ChunkId>> {
        let VectorQuery { within, to, limit, among, .. } = *query;
        let limits = self.store.limits();
        let keep = limit.saturating_mul(CANDIDATES_PER_HIT).max(CANDIDATES).min(limits.candidates);
        if let DocumentSelection::Only(documents) = among {
            let mut candidates = Vec::new();
            for some in sorted(documents).chunks(limits.documents) {
                let neighbours =
                    self.store.nearest(within, to, keep, DocumentSelection::Only(some));
                candidates.extend(self.in_time(neighbours).await?);
            }
            return Ok(candidates);
        }
        // Some stores refuse an empty list.
        let among = if matches!(among, DocumentSelection::Except([])) {
            DocumentSelection::All
        } else {
            among
        };
        let neighbours = self.in_time(self.store.nearest(within, to, keep, among)).await?;
        if neighbours.is_empty() && watermark.vectors > 0 {
            self.check_for_losses(within, watermark).await?;
        }
        Ok(neighbours)
    }

    /// Returns an error if the store has lost vectors. Otherwise it has only vectors of other
    /// lengths.
    async fn check_for_losses(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let count = self.in_time(self.store.count_soon(within, &watermark.dimensions)).await?;
        if count >= watermark.vectors {
            return Ok(());
        }
        self.slots.slot(within).suspect();
        self.wake.notify_one();
        let reason = "it has lost vectors of this workspace, which are stored again";
        Err(Error::unavailable(self.store.name(), reason))
    }

    /// Answers with the embedded index, if possible.
    async fn fall_back(
        &self,
        query: VectorQuery<'_>,
        reason: Option<Error>,
    ) -> Result<Vec<Neighbour>> {
        if let Some(error) = reason {
            if !matches!(error, Error::Unavailable { .. }) {
                return Err(error);
            }
            let vectors = self.rows.count(Some(query.within)).await?;
            let vectors = usize::try_from(vectors).unwrap_or(usize::MAX);
            if code_bytes(vectors, query.to.len()) > self.room {
                return Err(error);
            }
            tracing::debug!("the embedded index answers: {error}");
        }
        self.embedded.nearest(query).await
    }

    /// Reads the watermarks of all workspaces. A refusal counts as a failure of the store, because
    /// it concerns all of them.
    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let unavailable = |error: Error| match is_refusal(&error) {
            true => Error::unavailable(self.store.name(), reason(&error)),
            false => error,
        };
        let watermarks = async {
            let watermarks = self.store.watermarks().await;
            watermarks.map_err(|error| if is_busy(&error) { error } else { unavailable(error) })
        };
        // A request that was not sent must not count as a failure of the store.
        self.in_time(watermarks).await.map_err(unavailable)
    }

    /// Like [`Inner::record_health`], with the time limit [`ANSWER`].
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let timed_out = |_| {
            let reason = format!("it did not answer for {ANSWER:?}");
            Error::unavailable(self.store.name(), reason)
        };
        self.record_health(async { timeout(ANSWER, answer).await.map_err(timed_out)? }).await
    }

    /// Awaits a response of the store and records whether it answered.
    async fn record_health<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = answer.await;
        self.health.record_outcome(&answer);
        answer
    }

    /// Records whether the store refused a request for a workspace, and logs the first refusal.
    fn record_outcome<T>(&self, within: WorkspaceId, breaker: &CircuitBreaker, answer: &Result<T>) {
        let workspace = within.0;
        match answer {
            Ok(_) if breaker.end() => {
                tracing::info!(workspace, "{} serves the workspace again", self.store.name());
            }
            Err(error) if is_refusal(error) && breaker.begin(reason(error)) => {
                tracing::warn!(
                    workspace,
                    "{error}; meanwhile the index inside this server is used for the workspace"
                );
            }
            _ => {}
        }
    }
}
