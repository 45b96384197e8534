//! The vector lengths of embedders, as observed by this process.
//!
//! A provider can replace the model behind a name. Its identity stays the same, so only the length
//! of new vectors shows that the stored ones are useless.
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The last observed length of each model, by identity.
#[derive(Debug, Default)]
pub struct VectorLengths(Mutex<HashMap<String, ObservedLength>>);

#[derive(Clone, Copy, Debug)]
struct ObservedLength {
    length: usize,
    /// Whether stored vectors have been compared with the length.
    is_compared: bool,
}

impl VectorLengths {
    /// Records the length of a new vector.
    pub fn observe(&self, identity: &str, length: usize) {
        let mut lengths = self.lengths();
        let previous = lengths.get(identity).map(|entry| entry.length);
        if previous == Some(length) {
            return;
        }
        if let Some(previous) = previous {
            tracing::warn!(
                model = identity,
                before = previous,
                now = length,
                "the embedder returns vectors of another length; documents are embedded again"
            );
        }
        lengths.insert(identity.to_owned(), ObservedLength { length, is_compared: false });
    }

    /// Returns the last observed length, if any.
    pub fn of(&self, identity: &str) -> Option<usize> {
        self.lengths().get(identity).map(|entry| entry.length)
    }

    /// Returns the length if stored vectors have not been compared with it yet.
    pub fn to_compare(&self, identity: &str) -> Option<usize> {
        self.lengths().get(identity).filter(|length| !length.is_compared).map(|entry| entry.length)
    }

    /// Records that stored vectors have been compared with a length.
    pub(crate) fn compared(&self, identity: &str, length: usize) {
        if let Some(entry) = self.lengths().get_mut(identity).filter(|entry| entry.length == length)
        {
            entry.is_compared = true;
        }
    }

    fn lengths(&self) -> MutexGuard<'_, HashMap<String, ObservedLength>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_is_compared_once() {
        let lengths = VectorLengths::default();
        assert_eq!((lengths.of("a"), lengths.to_compare("a")), (None, None));
        lengths.observe("a", 3);
        assert_eq!((lengths.of("a"), lengths.to_compare("a")), (Some(3), Some(3)));
        lengths.compared("a", 3);
        lengths.observe("a", 3);
        assert_eq!((lengths.to_compare("a"), lengths.of("b")), (None, None));
        lengths.observe("a", 2);
        lengths.compared("a", 3);
        assert_eq!(lengths.to_compare("a"), Some(2));
    }
}
