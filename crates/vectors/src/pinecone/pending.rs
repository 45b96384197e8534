//! Changes that were acknowledged but may not be visible yet.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rest::Answer;

/// Headers with the number of a change, and with the last change that a response has seen: the
/// documented names, and those that some responses use.
const WRITTEN: [&str; 2] = ["x-pinecone-request-lsn", "x-pinecone-lsn-committed"];
const SEEN: [&str; 2] = ["x-pinecone-max-indexed-lsn", "x-pinecone-lsn-reconciled"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Addition,
    /// A removal. The namespace may no longer exist afterwards, and then responses have no number.
    Removal,
}

pub(super) fn written(answer: &Answer) -> Option<u64> {
    numbered(answer, WRITTEN)
}

pub(super) fn seen(answer: &Answer) -> Option<u64> {
    numbered(answer, SEEN)
}

fn numbered(answer: &Answer, names: [&str; 2]) -> Option<u64> {
    let value = names.into_iter().find_map(|name| answer.headers.get(name))?;
    value.to_str().ok()?.trim().parse().ok()
}

/// The last change of each namespace that is not known to be visible.
#[derive(Default)]
pub(super) struct Pending(Mutex<HashMap<String, (u64, Change)>>);

impl Pending {
    pub fn note(&self, namespace: &str, number: u64, change: Change) {
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
