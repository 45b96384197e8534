//! The state that this process keeps for each workspace in the store, and for the store itself.
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use carrel_domain::vector::NamespaceVersion;
use carrel_domain::{Error, Result, WorkspaceDocumentId, WorkspaceId};

use super::circuit_breaker::CircuitBreaker;
use crate::store::{Watermark, is_busy, is_refusal};

/// Maximum number of documents recorded for deletion from the store. Further ones are found by
/// comparison.
const MAX_TOMBSTONES: usize = 10_000;

#[derive(Default)]
pub struct Slots {
    slots: Mutex<HashMap<WorkspaceId, Arc<Slot>>>,
    /// Deleted workspaces that the store still contains.
    left: Mutex<BTreeSet<WorkspaceId>>,
}

impl Slots {
    pub fn slot(&self, within: WorkspaceId) -> Arc<Slot> {
        Arc::clone(locked(&self.slots).entry(within).or_default())
    }

    pub fn mark_dropped(&self, within: WorkspaceId) {
        locked(&self.slots).remove(&within);
        locked(&self.left).insert(within);
    }

    /// Like [`Slots::mark_dropped`], for a workspace that the store could not delete yet.
    pub fn retry_drop(&self, within: WorkspaceId) {
        locked(&self.left).insert(within);
    }

    pub fn take_dropped(&self) -> BTreeSet<WorkspaceId> {
        std::mem::take(&mut locked(&self.left))
    }

    pub fn remove(&self, within: WorkspaceId) {
        locked(&self.slots).remove(&within);
    }
}

/// The state of one workspace.
#[derive(Default)]
pub struct Slot {
    /// Locked while the workspace's data in the store is changed.
    pub sync_lock: tokio::sync::Mutex<()>,
    /// Failures of filling the store.
    pub filling: CircuitBreaker,
    /// Failures of searching the store.
    pub searching: CircuitBreaker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The watermark as last read or written.
    watermark: Option<Watermark>,
    tombstones: Vec<WorkspaceDocumentId>,
    /// Whether the store may contain less than its watermark says.
    is_suspect: bool,
    busy: Option<Instant>,
}

impl Slot {
    pub fn watermark(&self) -> Option<Watermark> {
        locked(&self.state).watermark.clone()
    }

    /// Returns true if the store is known to contain this version of the database.
    pub fn is_synced(&self, version: NamespaceVersion) -> bool {
        let state = locked(&self.state);
        !state.is_suspect
            && state.watermark.as_ref().is_some_and(|watermark| watermark.covers(version))
    }

    pub fn advance(&self, watermark: Watermark) {
        locked(&self.state).watermark = Some(watermark);
    }

    pub fn forget(&self) {
        locked(&self.state).watermark = None;
    }

    /// Requires a count of the store's contents before its watermark is trusted again.
    pub fn suspect(&self) {
        locked(&self.state).is_suspect = true;
    }

    pub fn take_suspect(&self) -> bool {
        std::mem::take(&mut locked(&self.state).is_suspect)
    }

    pub fn tombstone(&self, documents: &[WorkspaceDocumentId]) {
        let mut state = locked(&self.state);
        if state.tombstones.len() + documents.len() <= MAX_TOMBSTONES {
            state.tombstones.extend_from_slice(documents);
        }
    }

    pub fn take_tombstones(&self) -> Vec<WorkspaceDocumentId> {
        std::mem::take(&mut locked(&self.state).tombstones)
    }

    /// Returns the duration of the sync in progress, if there is one.
    pub fn busy_for(&self) -> Option<Duration> {
        locked(&self.state).busy.map(|since| since.elapsed())
    }

    /// Marks the workspace as being synced until the returned value is dropped.
    pub fn work(&self) -> Work<'_> {
        locked(&self.state).busy = Some(Instant::now());
        Work(self)
    }
}

pub struct Work<'a>(&'a Slot);

impl Drop for Work<'_> {
    fn drop(&mut self) {
        locked(&self.0.state).busy = None;
    }
}

/// Whether the store answers. Searches do not wait for a store that does not.
pub struct HealthState {
    name: &'static str,
    breaker: CircuitBreaker,
}

impl HealthState {
    pub fn new(name: &'static str) -> Self {
        Self { name, breaker: CircuitBreaker::default() }
    }

    /// Returns [`Error::Unavailable`] while the store does not answer. The sync loop checks when it
    /// does again.
    pub fn check(&self) -> Result<()> {
        match self.breaker.reason() {
            Some(reason) => Err(Error::unavailable(self.name, reason)),
            None => Ok(()),
        }
    }

    /// Returns the time until the next attempt to reach a store that does not answer.
    pub fn pause(&self) -> Option<Duration> {
        self.breaker.pause()
    }

    /// Records whether the store answered. A refusal is an answer.
    pub fn record_outcome<T>(&self, answer: &Result<T>) {
        match answer {
            Err(error) if is_busy(error) => {
                // The request was not sent, so the store's previous state still stands.
                if let Some(known) = self.breaker.reason() {
                    self.breaker.begin(known);
                }
            }
            Err(error) if !is_refusal(error) => {
                if self.breaker.begin(reason(error)) {
                    tracing::warn!("{error}; meanwhile the index inside this server is used");
                }
            }
            _ => {
                if self.breaker.end() {
                    tracing::info!("{} answers again", self.name);
                }
            }
        }
    }
}

/// Returns the reason of an error, without the name of the service.
pub fn reason(error: &Error) -> String {
    match error {
        Error::Unavailable { reason, .. } => reason.to_string(),
        other => other.to_string(),
    }
}

/// Ignores poisoning, because a panic of another thread leaves these values intact.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{busy, refusal};

    #[tokio::test]
    async fn unsent_requests_do_not_change_the_health_of_a_store() {
        let health = HealthState::new("a store");
        let unasked = || Err::<(), _>(busy("a store", "it is busy"));
        health.record_outcome(&unasked());
        assert!(health.check().is_ok());
        health.record_outcome(&Err::<(), _>(Error::unavailable("a store", "it is away")));
        health.record_outcome(&unasked());
        assert!(health.check().unwrap_err().to_string().ends_with("it is away"));
        health.record_outcome(&Err::<(), _>(refusal("a store", "it will not")));
        assert!(health.check().is_ok());
    }
}
