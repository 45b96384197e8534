//! The last change of this process in each workspace, kept until searches see it.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use carrel_domain::WorkspaceId;
use serde_json::Value;

#[derive(Clone, PartialEq)]
pub(super) enum Change {
    /// Expects documents with these ids.
    Stored(Vec<String>),
    /// Expects no documents that match this filter.
    Removed(Value),
}

/// A workspace and a vector length.
type Place = (WorkspaceId, usize);

#[derive(Default)]
pub(super) struct Recent(Mutex<HashMap<Place, Change>>);

impl Recent {
    pub fn record(&self, place: Place, change: Change) {
        self.all().insert(place, change);
    }

    pub fn last(&self, place: Place) -> Option<Change> {
        self.all().get(&place).cloned()
    }

    pub fn is_seen(&self, place: Place, change: &Change) {
        let mut all = self.all();
        if all.get(&place) == Some(change) {
            all.remove(&place);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Place, Change>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
