//! Changes that Pinecone has acknowledged but may not show yet.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rest::Answer;

/// Headers with the number of a change, and with the number of the last change visible to a
/// response. The first name of each is documented; some responses use the second.
const WRITTEN: [&str; 2] = ["x-pinecone-request-lsn", "x-pinecone-lsn-committed"];
const SEEN: [&str; 2] = ["x-pinecone-max-indexed-lsn", "x-pinecone-lsn-reconciled"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Addition,
    /// A removal. It may remove the namespace, and responses then contain no number.
    Removal,
}

pub(super) fn written(answer: &Answer) -> Option<u64> {
    numbered(answer, WRITTEN)
}

pub(super) fn last_seen(answer: &Answer) -> Option<u64> {
    numbered(answer, SEEN)
}

fn numbered(answer: &Answer, names: [&str; 2]) -> Option<u64> {
    let value = names.into_iter().find_map(|name| answer.headers.get(name))?;
    value.to_str().ok()?.trim().parse().ok()
}

/// The last change of each namespace that may not be visible yet.
#[derive(Default)]
pub(super) struct Pending(Mutex<HashMap<String, (u64, Change)>>);

impl Pending {
    pub fn record(&self, namespace: &str, number: u64, change: Change) {
        let mut all = self.all();
        if all.get(namespace).is_none_or(|(known, _)| *known <= number) {
            all.insert(namespace.to_owned(), (number, change));
        }
    }

    pub fn last(&self, namespace: &str) -> Option<(u64, Change)> {
        self.all().get(namespace).copied()
    }

    pub fn is_seen(&self, namespace: &str, number: u64) {
        let mut all = self.all();
        if all.get(namespace).is_some_and(|(known, _)| *known <= number) {
            all.remove(namespace);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, (u64, Change)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
