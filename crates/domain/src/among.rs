//! Of which documents of a workspace passages are looked for.
use std::collections::BTreeSet;
use std::ops::Deref;

use crate::WorkspaceDocumentId;

/// The documents whose passages count. `L` is a list of their places: a slice where an index is
/// asked, and whatever its owner keeps it in elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Among<L> {
    #[default]
    All,
    Only(L),
    /// All but these. Meant for some hundred at most; of an index in a vector database with more,
    /// see what it says.
    Except(L),
}

impl<L> Among<L> {
    /// The same documents, listed in another way.
    pub fn map<M>(self, list: impl FnOnce(L) -> M) -> Among<M> {
        match self {
            Self::All => Among::All,
            Self::Only(places) => Among::Only(list(places)),
            Self::Except(places) => Among::Except(list(places)),
        }
    }
}

impl<L: Deref<Target = [WorkspaceDocumentId]>> Among<L> {
    pub fn as_deref(&self) -> Among<&[WorkspaceDocumentId]> {
        match self {
            Self::All => Among::All,
            Self::Only(places) => Among::Only(places),
            Self::Except(places) => Among::Except(places),
        }
    }

    /// Whether the passages of a document count. The list must be in order.
    pub fn admits(&self, place: WorkspaceDocumentId) -> bool {
        match self {
            Self::All => true,
            Self::Only(places) => places.binary_search(&place).is_ok(),
            Self::Except(places) => places.binary_search(&place).is_err(),
        }
    }
}

impl Among<Vec<WorkspaceDocumentId>> {
    /// What remains without some of them. A list that was in order still is.
    #[must_use]
    pub fn without(self, mut some: BTreeSet<WorkspaceDocumentId>) -> Self {
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
    fn what_is_left_out_is_listed_itself_and_never_all_the_others() {
        let some = |ids: &[i64]| list(ids).into_iter().collect();
        assert_eq!(Among::All.without(some(&[7, 3])), Among::Except(list(&[3, 7])));
        assert_eq!(Among::All.without(some(&[])), Among::All);
        assert_eq!(
            Among::Only(list(&[1, 3, 5])).without(some(&[3, 9])),
            Among::Only(list(&[1, 5]))
        );
        assert_eq!(Among::Only(list(&[3])).without(some(&[3])), Among::Only(list(&[])));
        let except = Among::Except(list(&[2, 4]));
        assert_eq!(except.without(some(&[4, 3])), Among::Except(list(&[2, 3, 4])));
    }

    #[test]
    fn a_document_counts_as_the_list_says() {
        for (among, expected) in [
            (Among::All, [true, true, true]),
            (Among::Only(list(&[1, 3])), [true, false, true]),
            (Among::Only(list(&[])), [false, false, false]),
            (Among::Except(list(&[1, 3])), [false, true, false]),
            (Among::Except(list(&[])), [true, true, true]),
        ] {
            let admitted = [1, 2, 3].map(|id| among.admits(WorkspaceDocumentId(id)));
            assert_eq!(admitted, expected, "{among:?}");
            assert_eq!(among.as_deref().map(<[_]>::to_vec), among);
        }
    }
}
