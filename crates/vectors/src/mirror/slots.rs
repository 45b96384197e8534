//! What is known of each workspace in the store, and of the store itself.
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use carrel_domain::{Error, Result, WorkspaceDocumentId, WorkspaceId};

use crate::store::Mark;

/// How many documents are remembered that the store has yet to lose. Beyond these it is found out
/// by comparison.
const MOST_DOOMED: usize = 10_000;

/// A store that failed is asked again after this long, then after twice as long, up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

#[derive(Default)]
pub struct Slots {
    slots: Mutex<HashMap<WorkspaceId, Arc<Slot>>>,
    /// Workspaces that are gone, for the store to hear of.
    left: Mutex<BTreeSet<WorkspaceId>>,
}

impl Slots {
    pub fn slot(&self, within: WorkspaceId) -> Arc<Slot> {
        Arc::clone(locked(&self.slots).entry(within).or_default())
    }

    pub fn leave(&self, within: WorkspaceId) {
        locked(&self.slots).remove(&within);
        locked(&self.left).insert(within);
    }

    pub fn take_left(&self) -> BTreeSet<WorkspaceId> {
        std::mem::take(&mut locked(&self.left))
    }

    pub fn remove(&self, within: WorkspaceId) {
        locked(&self.slots).remove(&within);
    }
}

/// One workspace.
#[derive(Default)]
pub struct Slot {
    /// Held by whoever changes what the store has of it.
    pub gate: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// As the store had it when it was last looked at.
    mark: Option<Mark>,
    doomed: Vec<WorkspaceDocumentId>,
    busy: Option<Instant>,
}

impl Slot {
    pub fn mark(&self) -> Option<Mark> {
        locked(&self.state).mark.clone()
    }

    pub fn settle(&self, mark: Mark) {
        locked(&self.state).mark = Some(mark);
    }

    pub fn forget(&self) {
        locked(&self.state).mark = None;
    }

    pub fn doom(&self, documents: &[WorkspaceDocumentId]) {
        let mut state = locked(&self.state);
        if state.doomed.len() + documents.len() <= MOST_DOOMED {
            state.doomed.extend_from_slice(documents);
        }
    }

    pub fn take_doomed(&self) -> Vec<WorkspaceDocumentId> {
        std::mem::take(&mut locked(&self.state).doomed)
    }

    /// How long it has been brought up to date, if it is now.
    pub fn busy_for(&self) -> Option<Duration> {
        locked(&self.state).busy.map(|since| since.elapsed())
    }

    /// Says that it is being brought up to date until the answer goes.
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

/// Whether the store answers, so that searches need not wait for one that does not.
pub struct Standing {
    name: &'static str,
    down: Mutex<Option<Down>>,
}

struct Down {
    reason: String,
    again: Instant,
    pause: Duration,
}

impl Standing {
    pub fn new(name: &'static str) -> Self {
        Self { name, down: Mutex::default() }
    }

    /// [`Error::Unavailable`] until it is worth trying again.
    pub fn check(&self) -> Result<()> {
        match &*locked(&self.down) {
            Some(down) if down.again > Instant::now() => {
                Err(Error::unavailable(self.name, down.reason.clone()))
            }
            _ => Ok(()),
        }
    }

    pub fn is_up(&self) {
        if locked(&self.down).take().is_some() {
            tracing::info!("{} answers again", self.name);
        }
    }

    /// Only what the store has not done counts.
    pub fn is_down(&self, error: &Error) {
        let Error::Unavailable { reason, .. } = error else { return };
        let mut down = locked(&self.down);
        let pause = match &*down {
            None => {
                tracing::warn!("{error}; the index inside this server is used meanwhile");
                AGAIN.0
            }
            // Several who had begun to ask before it was known count once.
            Some(known) if known.again > Instant::now() => known.pause,
            Some(known) => (known.pause * 2).min(AGAIN.1),
        };
        *down = Some(Down { reason: reason.to_string(), again: Instant::now() + pause, pause });
    }
}

/// A panic elsewhere leaves these values whole, so its mark on the lock does not matter.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
