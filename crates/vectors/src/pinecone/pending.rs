//! Changes that were answered and may not be shown yet.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::rest::Answer;

/// The headers of the number of a change, and of the last that an answer has seen, as they are documented
/// and as some answers have them.
const WRITTEN: [&str; 2] = ["x-pinecone-request-lsn", "x-pinecone-lsn-committed"];
const SEEN: [&str; 2] = ["x-pinecone-max-indexed-lsn", "x-pinecone-lsn-reconciled"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Addition,
    /// After which there may be no namespace, of which no answer has a number.
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

/// The last change of each namespace that has not been seen.
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
