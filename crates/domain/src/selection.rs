//! Selections of the workspace documents that a search covers.
use std::collections::BTreeSet;
use std::ops::Deref;

use crate::WorkspaceDocumentId;

/// The workspace documents that a search covers.
///
/// ```
/// use carrel_domain::{DocumentSelection, WorkspaceDocumentId};
///
/// let pinned = [WorkspaceDocumentId(7)];
/// let others = DocumentSelection::Except(&pinned[..]);
/// assert!(others.contains(WorkspaceDocumentId(8)) && !others.contains(pinned[0]));
/// ```
///
/// `L` is a list of ids: a slice when an index is queried, any owned list elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DocumentSelection<L> {
    /// Every document.
    #[default]
    All,
    /// Only the listed documents.
    Only(L),
    /// All except the listed documents. Intended for at most a few hundred. Indexes in a vector
    /// database document how they treat longer lists.
    Except(L),
}

impl<L> DocumentSelection<L> {
    /// Converts the list to another type.
    pub fn map<M>(self, list: impl FnOnce(L) -> M) -> DocumentSelection<M> {
        match self {
            Self::All => DocumentSelection::All,
            Self::Only(places) => DocumentSelection::Only(list(places)),
            Self::Except(places) => DocumentSelection::Except(list(places)),
        }
    }
}

impl<L: Deref<Target = [WorkspaceDocumentId]>> DocumentSelection<L> {
    /// Borrows the list.
    pub fn as_deref(&self) -> DocumentSelection<&[WorkspaceDocumentId]> {
        match self {
            Self::All => DocumentSelection::All,
            Self::Only(places) => DocumentSelection::Only(places),
            Self::Except(places) => DocumentSelection::Except(places),
        }
    }

    /// Returns whether a document is selected. The list must be sorted.
    pub fn contains(&self, place: WorkspaceDocumentId) -> bool {
        match self {
            Self::All => true,
            Self::Only(places) => places.binary_search(&place).is_ok(),
            Self::Except(places) => places.binary_search(&place).is_err(),
        }
    }
}

impl DocumentSelection<Vec<WorkspaceDocumentId>> {
    /// Removes documents from the selection. A sorted list stays sorted.
    #[must_use]
    pub fn excluding(self, mut some: BTreeSet<WorkspaceDocumentId>) -> Self {
        match self {
            Self::All if some.is_empty() => Self::All,
            Self::All => Self::Except(some.into_iter().collect()),
            Self::Only(mut places) => {
                places.retain(|place| !some.contains(place));
                Self::Only(places)
            }
            Self::Except(places) => {
                some.extend(places);
                Self::Except(some.into_iter().collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ids: &[i64]) -> Vec<WorkspaceDocumentId> {
        ids.iter().copied().map(WorkspaceDocumentId).collect()
    }

    #[test]
    fn excluding_documents_lists_the_smaller_set() {
        let some = |ids: &[i64]| list(ids).into_iter().collect();
        assert_eq!(
            DocumentSelection::All.excluding(some(&[7, 3])),
            DocumentSelection::Except(list(&[3, 7]))
        );
        assert_eq!(DocumentSelection::All.excluding(some(&[])), DocumentSelection::All);
        assert_eq!(
            DocumentSelection::Only(list(&[1, 3, 5])).excluding(some(&[3, 9])),
            DocumentSelection::Only(list(&[1, 5]))
        );
        assert_eq!(
            DocumentSelection::Only(list(&[3])).excluding(some(&[3])),
            DocumentSelection::Only(list(&[]))
        );
        let except = DocumentSelection::Except(list(&[2, 4]));
        assert_eq!(except.excluding(some(&[4, 3])), DocumentSelection::Except(list(&[2, 3, 4])));
    }

    #[test]
    fn contains_follows_the_selection() {
        for (among, expected) in [
            (DocumentSelection::All, [true, true, true]),
            (DocumentSelection::Only(list(&[1, 3])), [true, false, true]),
            (DocumentSelection::Only(list(&[])), [false, false, false]),
            (DocumentSelection::Except(list(&[1, 3])), [false, true, false]),
            (DocumentSelection::Except(list(&[])), [true, true, true]),
        ] {
            let admitted = [1, 2, 3].map(|id| among.contains(WorkspaceDocumentId(id)));
            assert_eq!(admitted, expected, "{among:?}");
            assert_eq!(among.as_deref().map(<[_]>::to_vec), among);
        }
    }
}
