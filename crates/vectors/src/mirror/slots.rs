//! What is known of each workspace in the store, and of the store itself.
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use carrel_domain::vector::NamespaceVersion;
use carrel_domain::{Error, Result, WorkspaceDocumentId, WorkspaceId};

use super::trouble::Trouble;
use crate::store::{Mark, is_busy, is_refusal};

/// How many documents are remembered that the store has yet to lose. Beyond these it is found out
/// by comparison.
const MOST_DOOMED: usize = 10_000;

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

    /// As [`Slots::leave`], of one that the store would not let go yet.
    pub fn leave_again(&self, within: WorkspaceId) {
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
    /// With storing what is to be there.
    pub filling: Trouble,
    /// With finding anything there.
    pub searching: Trouble,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// As the store had it when it was last looked at.
    mark: Option<Mark>,
    doomed: Vec<WorkspaceDocumentId>,
    /// The store has less than its mark says, or may have.
    is_suspect: bool,
    busy: Option<Instant>,
}

impl Slot {
    pub fn mark(&self) -> Option<Mark> {
        locked(&self.state).mark.clone()
    }

    /// Whether the store has what there was in this state of the database, as far as is known.
    pub fn holds(&self, version: NamespaceVersion) -> bool {
        let state = locked(&self.state);
        !state.is_suspect && state.mark.as_ref().is_some_and(|mark| mark.covers(version))
    }

    pub fn settle(&self, mark: Mark) {
        locked(&self.state).mark = Some(mark);
    }

    pub fn forget(&self) {
        locked(&self.state).mark = None;
    }

    /// Has what the store holds counted before its mark is believed again.
    pub fn suspect(&self) {
        locked(&self.state).is_suspect = true;
    }

    pub fn take_suspicion(&self) -> bool {
        std::mem::take(&mut locked(&self.state).is_suspect)
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
    trouble: Trouble,
}

impl Standing {
    pub fn new(name: &'static str) -> Self {
        Self { name, trouble: Trouble::default() }
    }

    /// [`Error::Unavailable`] until the store has answered again, which others find out.
    pub fn check(&self) -> Result<()> {
        match self.trouble.reason() {
            Some(reason) => Err(Error::unavailable(self.name, reason)),
            None => Ok(()),
        }
    }

    /// How long until a store that does not answer is worth asking again.
    pub fn pause(&self) -> Option<Duration> {
        self.trouble.pause()
    }

    /// Notes whether the store has answered, if only to refuse.
    pub fn note<T>(&self, answer: &Result<T>) {
        match answer {
            Err(error) if is_busy(error) => {
                // Nobody has asked it, so a store that was away is so still.
                if let Some(known) = self.trouble.reason() {
                    self.trouble.begin(known);
                }
            }
            Err(error) if !is_refusal(error) => {
                if self.trouble.begin(reason(error)) {
                    tracing::warn!("{error}; the index inside this server is used meanwhile");
                }
            }
            _ => {
                if self.trouble.end() {
                    tracing::info!("{} answers again", self.name);
                }
            }
        }
    }
}

/// What is wrong, without the name of what is unavailable.
pub fn reason(error: &Error) -> String {
    match error {
        Error::Unavailable { reason, .. } => reason.to_string(),
        other => other.to_string(),
    }
}

/// A panic elsewhere leaves these values whole, so its mark on the lock does not matter.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{busy, refusal};

    #[tokio::test]
    async fn whether_a_store_is_there_is_not_known_from_questions_that_were_not_asked() {
        let standing = Standing::new("a store");
        let unasked = || Err::<(), _>(busy("a store", "others are asking it"));
        standing.note(&unasked());
        assert!(standing.check().is_ok());
        standing.note(&Err::<(), _>(Error::unavailable("a store", "it is away")));
        standing.note(&unasked());
        assert!(standing.check().unwrap_err().to_string().ends_with("it is away"));
        standing.note(&Err::<(), _>(refusal("a store", "it will not")));
        assert!(standing.check().is_ok());
    }
}
