//! An index in a vector database that the operator runs, kept in agreement with the database.
//!
//! The database decides what is there, here too. A store is told of changes after they were
//! committed and may have been away, or this process may have been killed in between. So nothing
//! is remembered here that has to be true: the store keeps a [`Watermark`](crate::store::Watermark) for each
//! workspace that says which state of the database it holds, every search compares it with the
//! state there is, and whoever finds it behind brings it up to date (`reconcile`).
//!
//! The store names candidates only. They are ranked by their vectors in the database, so every
//! store gives the same similarities, and what was deleted cannot be found even if a store still
//! has it.
//!
//! While a workspace is on its way into the store, or the store does not answer in time, or refuses
//! what it is asked of the workspace, the embedded index answers in its place, provided that the
//! workspace's codes fit into its memory. Otherwise the search fails in words.

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

use crate::embedded::{EmbeddedIndex, sorted};
use crate::store::{Limits, Store, Watermark, is_busy, is_refusal, refusal};
use circuit_breaker::CircuitBreaker;
use slots::{HealthState, Slots, reason};

/// How long a search waits for the store to catch up before it is answered otherwise.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the store may take to answer one question of a search, or whether it is there.
pub const ANSWER: Duration = Duration::from_secs(10);
/// How many candidates the store is asked for, for each passage that is wanted.
const CANDIDATES_PER_HIT: usize = 2;
/// The fewest candidates it is asked for.
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
    /// The most bytes of codes with which the embedded index stands in.
    room: usize,
    slots: Slots,
    health: HealthState,
    /// Rung when there is something to tell the store.
    told: Notify,
}

impl SyncedIndex {
    /// `room` bounds the memory for codes of a workspace that the embedded index answers for.
    /// Nothing is sent to the store before [`SyncedIndex::sync_loop`] or a search.
    pub fn new(
        store: Arc<dyn Store>,
        rows: Arc<dyn VectorRows>,
        embedded: Arc<EmbeddedIndex>,
        room: usize,
    ) -> Self {
        let health = HealthState::new(store.name());
        let (slots, told) = (Slots::default(), Notify::new());
        Self { inner: Arc::new(Inner { store, rows, embedded, room, slots, health, told }) }
    }

    /// What people call the vector database.
    pub fn store(&self) -> &'static str {
        self.inner.store.name()
    }

    /// Keeps the store in agreement. Never ends; can be dropped at any moment.
    pub async fn sync_loop(&self) {
        self.inner.sync_loop().await;
    }

    /// Brings the store up to date with a workspace, now.
    ///
    /// # Errors
    /// Those of the store and of the database.
    pub async fn reconcile(&self, within: WorkspaceId) -> Result<()> {
        self.inner.reconcile(within, false).await
    }

    /// [`SyncedIndex::reconcile`] with everything there is, after comparing what the store holds with what
    /// it should; what it holds of workspaces that are gone is taken out.
    ///
    /// # Errors
    /// Those of the store and of the database.
    pub async fn reconcile_all(&self) -> Result<()> {
        self.inner.round(true).await
    }
}

#[async_trait]
impl VectorIndex for SyncedIndex {
    /// Returns at once: what was committed is told to the store beside the request, and a search
    /// that comes first sees to it itself.
    async fn upsert(&self, _within: WorkspaceId, _document: WorkspaceDocumentId) -> Result<()> {
        self.inner.told.notify_one();
        Ok(())
    }

    /// As [`VectorIndex::upsert`]; from now on nothing of these documents is found in any case.
    async fn remove(&self, within: WorkspaceId, documents: &[WorkspaceDocumentId]) -> Result<()> {
        self.inner.slots.slot(within).tombstone(documents);
        self.inner.told.notify_one();
        self.inner.embedded.remove(within, documents).await
    }

    async fn drop_workspace(&self, within: WorkspaceId) -> Result<()> {
        self.inner.slots.leave(within);
        self.inner.told.notify_one();
        self.inner.embedded.drop_workspace(within).await
    }

    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64> {
        self.inner.rows.count(within).await
    }

    async fn held(&self) -> Result<u64> {
        let watermarks = self.inner.watermarks().await?;
        Ok(watermarks.iter().map(|(_, watermark)| watermark.vectors).sum())
    }

    /// As that of [`EmbeddedIndex`]; [`Error::Unavailable`] when neither the store nor the
    /// embedded index can answer. Where more passages are wanted than the store names at a time, or
    /// more documents are left out than can be named to it at once, the store is not asked.
    async fn nearest(&self, query: VectorQuery<'_>) -> Result<Vec<Neighbour>> {
        if query.to.iter().any(|value| !value.is_finite()) {
            return Err(Error::invalid("vector", "must hold finite numbers only"));
        }
        if query.limit == 0 || query.to.iter().all(|value| *value == 0.0) {
            return Ok(Vec::new());
        }
        if let Some(reason) = self.inner.out_of_bounds(&query) {
            let refusal = refusal(self.inner.store.name(), reason);
            return self.inner.instead(query, Some(refusal)).await;
        }
        // Candidates that are gone from the database leave fewer hits than there are; a second
        // look, when the store knows of it, finds the others.
        let mut reason = None;
        for _ in 0..2 {
            let asked = match self.inner.ready(query.within).await {
                Ok(()) => self.inner.search(&query).await,
                Err(error) => Err(error),
            };
            match asked {
                Ok((hits, false)) => return Ok(hits),
                Ok((hits, true)) if hits.len() == query.limit => return Ok(hits),
                Ok((_, true)) => {}
                Err(error) => {
                    reason = Some(error);
                    break;
                }
            }
        }
        self.inner.instead(query, reason).await
    }

    async fn similarity(&self, to: &[f32], chunks: &[ChunkId]) -> Result<Vec<Neighbour>> {
        self.inner.embedded.similarity(to, chunks).await
    }
}

impl Inner {
    /// What of a query cannot be asked of the store.
    fn out_of_bounds(&self, query: &VectorQuery<'_>) -> Option<String> {
        let Limits { candidates, documents } = self.store.limits();
        if query.limit > candidates {
            return Some(format!("it names no more than {candidates} passages"));
        }
        match query.among {
            DocumentSelection::Except(except) if except.len() > documents => {
                Some(format!("no more than {documents} documents can be left out"))
            }
            _ => None,
        }
    }

    /// Succeeds when the store holds what was committed to the workspace by now.
    async fn ready(self: &Arc<Self>, within: WorkspaceId) -> Result<()> {
        let version = self.rows.version(within).await?;
        let slot = self.slots.slot(within);
        self.health.check()?;
        if slot.holds(version) {
            return Ok(());
        }
        if let Some(reason) = slot.filling.reason_to_wait() {
            return Err(refusal(self.store.name(), reason));
        }
        let filling = || Error::unavailable(self.store.name(), "it is still being filled");
        if slot.busy_for().is_some_and(|time| time > PATIENCE) {
            return Err(filling());
        }
        // A task of its own, so that what takes longer than a search can wait goes on.
        let inner = Arc::clone(self);
        let agreeing = tokio::spawn(async move { inner.reconcile(within, false).await });
        match timeout(PATIENCE, agreeing).await {
            Ok(agreed) => agreed.map_err(Error::internal)?,
            Err(_) => Err(filling()),
        }
    }

    /// The hits, and whether candidates were named that are gone.
    async fn search(&self, query: &VectorQuery<'_>) -> Result<(Vec<Neighbour>, bool)> {
        let VectorQuery { within, to, limit, least_similarity, .. } = *query;
        let slot = self.slots.slot(within);
        let Some(watermark) = slot.watermark() else {
            let reason = "what it holds of this workspace is looked at again";
            return Err(Error::unavailable(self.store.name(), reason));
        };
        if !watermark.dimensions.contains(&to.len()) {
            return Ok((Vec::new(), false));
        }
        if let Some(reason) = slot.searching.reason_to_wait() {
            return Err(refusal(self.store.name(), reason));
        }
        let candidates = self.candidates(query, &watermark).await;
        self.note_of(within, &slot.searching, &candidates);
        let (mut hits, gone) = self.embedded.rank(to, &candidates?).await?;
        hits.retain(|hit| hit.similarity >= least_similarity);
        hits.truncate(limit);
        Ok((hits, gone))
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
                let near = self.store.nearest(within, to, keep, DocumentSelection::Only(some));
                candidates.extend(self.in_time(near).await?);
            }
            return Ok(candidates);
        }
        // Not every store knows what to do with an empty list.
        let among = if matches!(among, DocumentSelection::Except([])) {
            DocumentSelection::All
        } else {
            among
        };
        let near = self.in_time(self.store.nearest(within, to, keep, among)).await?;
        if near.is_empty() && watermark.vectors > 0 {
            self.look_for_losses(within, watermark).await?;
        }
        Ok(near)
    }

    /// Fails when somebody has emptied the store. Otherwise it has nothing but vectors of other
    /// lengths.
    async fn look_for_losses(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let held = self.in_time(self.store.count_soon(within, &watermark.dimensions)).await?;
        if held >= watermark.vectors {
            return Ok(());
        }
        self.slots.slot(within).suspect();
        self.told.notify_one();
        let reason = "it has lost vectors of this workspace and is filled again";
        Err(Error::unavailable(self.store.name(), reason))
    }

    /// An answer without the store, if that can be had.
    async fn instead(
        &self,
        query: VectorQuery<'_>,
        reason: Option<Error>,
    ) -> Result<Vec<Neighbour>> {
        if let Some(error) = reason {
            if !matches!(error, Error::Unavailable { .. }) {
                return Err(error);
            }
            let vectors = self.rows.count(Some(query.within)).await?;
            let bytes = usize::try_from(vectors).unwrap_or(usize::MAX);
            if bytes.saturating_mul(query.to.len()) > self.room {
                return Err(error);
            }
            tracing::debug!("the embedded index answers: {error}");
        }
        self.embedded.nearest(query).await
    }

    /// What the store says of all workspaces: what it refuses there concerns each of them.
    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let of_all = |error: Error| match is_refusal(&error) {
            true => Error::unavailable(self.store.name(), reason(&error)),
            false => error,
        };
        let watermarks = async {
            let watermarks = self.store.watermarks().await;
            watermarks.map_err(|error| if is_busy(&error) { error } else { of_all(error) })
        };
        // That it was not asked must not be noted as if it were away.
        self.in_time(watermarks).await.map_err(of_all)
    }

    /// [`Inner::asked`], of a store that may take [`ANSWER`].
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let late = |_| {
            let reason = format!("it gave no answer for {ANSWER:?}");
            Error::unavailable(self.store.name(), reason)
        };
        self.asked(async { timeout(ANSWER, answer).await.map_err(late)? }).await
    }

    /// What the store answers, while it is noted whether it does.
    async fn asked<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = answer.await;
        self.health.note(&answer);
        answer
    }

    /// Notes whether the store has refused something of a workspace, and tells so once.
    fn note_of<T>(&self, within: WorkspaceId, breaker: &CircuitBreaker, answer: &Result<T>) {
        let workspace = within.0;
        match answer {
            Ok(_) if breaker.end() => {
                tracing::info!(workspace, "{} serves the workspace again", self.store.name());
            }
            Err(error) if is_refusal(error) && breaker.begin(reason(error)) => {
                tracing::warn!(
                    workspace,
                    "{error}; the index inside this server is used for the workspace meanwhile"
                );
            }
            _ => {}
        }
    }
}
