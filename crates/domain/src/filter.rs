//! Filters that select the documents of a workspace for a search.
use async_trait::async_trait;

use crate::{DocumentId, Result, WorkspaceDocumentId, WorkspaceId};

/// A choice of documents. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentFilter {
    /// Documents by what clients call them: `folder/file.json`, a document's id, or a `docId` of the
    /// workspace. Those that are not there choose nothing.
    pub documents: Option<Vec<String>>,
    /// All of these hold.
    pub metadata: Vec<Condition>,
}

impl DocumentFilter {
    /// Whether it chooses every document.
    pub fn is_open(&self) -> bool {
        self.documents.is_none() && self.metadata.is_empty()
    }
}

/// A condition on the metadata of a document under `key`. If the value is a list, one entry must
/// match.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The name of a field of the metadata, or of a fact about the document.
    pub key: String,
    /// The condition on its value.
    pub test: Test,
}

/// A test of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is one of these.
    OneOf(Vec<Value>),
    /// It lies within these bounds, and is of their type.
    Within(Vec<(Bound, Value)>),
}

/// How a number or a time is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Greater than the limit.
    Above,
    /// Greater than the limit or equal to it.
    AtLeast,
    /// Less than the limit.
    Below,
    /// Less than the limit or equal to it.
    AtMost,
}

/// A value that metadata are compared with. Values of different types are never equal.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Value {
    /// JSON's `null`.
    Nothing,
    /// JSON's `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
}

impl Test {
    /// Whether a value passes; `None` stands for a key that is not there.
    pub fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::OneOf(values) => values.contains(value.unwrap_or(&Value::Nothing)),
            Self::Within(bounds) => {
                let Some(value) = value else { return false };
                bounds.iter().all(|(bound, limit)| bound.matches(value, limit))
            }
        }
    }
}

impl Bound {
    fn matches(self, value: &Value, limit: &Value) -> bool {
        if std::mem::discriminant(value) != std::mem::discriminant(limit) {
            return false;
        }
        match self {
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
        }
    }
}

/// A document's place as filters see it.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterRow {
    /// The document's place in the workspace that is searched.
    pub id: WorkspaceDocumentId,
    /// The document.
    pub document: DocumentId,
    /// `folder/file.json`
    pub path: String,
    /// The `docId` of the API.
    pub key: String,
    /// See [`crate::document::Document::title`].
    pub title: String,
    /// See [`crate::document::Document::url`].
    pub url: String,
    /// See [`crate::document::Document::author`].
    pub author: String,
    /// See [`crate::document::Document::description`].
    pub description: String,
    /// See [`crate::document::Document::source`].
    pub source: String,
    /// See [`crate::document::Document::chunk_source`].
    pub chunk_source: String,
    /// UTC, `2026-02-03T10:11:12Z`, which is in the order of time.
    pub published: Option<String>,
    /// A JSON object as text.
    pub metadata: String,
}

/// Which places are read at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilterHint<'a> {
    /// Only those named here, as in [`DocumentFilter::documents`].
    pub named: Option<&'a [String]>,
    /// Those whose metadata lack any of these keys may be left out. Keys are of ASCII letters and
    /// digits.
    pub keys: &'a [String],
}

/// FilterRows of documents as filters see them.
#[async_trait]
pub trait FilterRows: Send + Sync {
    /// FilterRows of a workspace by id, at most `limit` of those above `after`, or from the first.
    async fn filter_rows(
        &self,
        within: WorkspaceId,
        sought: FilterHint<'_>,
        after: Option<WorkspaceDocumentId>,
        limit: usize,
    ) -> Result<Vec<FilterRow>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_other_types_are_neither_equal_nor_within() {
        let text = |text: &str| Value::Text(text.into());
        let one = Test::OneOf(vec![Value::Number(1.0), text("a")]);
        assert!(one.matches(Some(&Value::Number(1.0))) && one.matches(Some(&text("a"))));
        assert!(!one.matches(Some(&text("1"))) && !one.matches(Some(&Value::Flag(true))));
        assert!(!one.matches(None) && Test::OneOf(vec![Value::Nothing]).matches(None));
        let since = Test::Within(vec![
            (Bound::AtLeast, text("2026-01-01")),
            (Bound::Below, text("2026-02-01")),
        ]);
        assert!(since.matches(Some(&text("2026-01-31T23:00:00Z"))));
        assert!(!since.matches(Some(&text("2026-02-01"))));
        assert!(!since.matches(Some(&Value::Number(2026.0))) && !since.matches(None));
    }
}
