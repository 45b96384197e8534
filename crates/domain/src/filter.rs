//! Filters that select the documents of a workspace for a search.
use async_trait::async_trait;

use crate::{DocumentId, Result, WorkspaceDocumentId, WorkspaceId};

/// A filter for documents. The default matches all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentFilter {
    /// Documents by their names in the API: `folder/file.json`, a document id, or a `docId` of the
    /// workspace. Unknown names match nothing.
    pub documents: Option<Vec<String>>,
    /// Conditions that must all hold.
    pub metadata: Vec<Condition>,
}

impl DocumentFilter {
    /// Returns whether the filter matches every document.
    pub fn is_open(&self) -> bool {
        self.documents.is_none() && self.metadata.is_empty()
    }
}

/// A condition on one metadata value. If the value is a list, one entry must match.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The name of a metadata field or of a document property.
    pub key: String,
    /// The condition on the value.
    pub test: Test,
}

/// A test of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// The value equals one of these.
    OneOf(Vec<Value>),
    /// The value has the type of the bounds and lies within all of them.
    Within(Vec<(Bound, Value)>),
}

/// A comparison with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Greater than the limit.
    Above,
    /// Greater than or equal to the limit.
    AtLeast,
    /// Less than the limit.
    Below,
    /// Less than or equal to the limit.
    AtMost,
}

/// A value to compare metadata with. Values of different types are never equal.
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
    /// Returns whether a value passes the test. `None` is a missing key and equals `null`.
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

/// The properties of a workspace document that filters compare.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterRow {
    /// The workspace document.
    pub id: WorkspaceDocumentId,
    /// The document.
    pub document: DocumentId,
    /// The document path, `folder/file.json`.
    pub path: String,
    /// The `docId` in the API.
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
    /// The publication time in UTC, `2026-02-03T10:11:12Z`, which sorts chronologically.
    pub published: Option<String>,
    /// The metadata: a JSON object as text.
    pub metadata: String,
}

/// Limits the rows that are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilterHint<'a> {
    /// Only documents with these names. See [`DocumentFilter::documents`].
    pub named: Option<&'a [String]>,
    /// Metadata keys. Rows that lack any of them may be skipped. Keys consist of ASCII letters and
    /// digits.
    pub keys: &'a [String],
}

/// Reads the rows that filters compare.
#[async_trait]
pub trait FilterRows: Send + Sync {
    /// Returns at most `limit` rows of a workspace by id, starting after `after` or at the first.
    async fn filter_rows(
        &self,
        within: WorkspaceId,
        hint: FilterHint<'_>,
        after: Option<WorkspaceDocumentId>,
        limit: usize,
    ) -> Result<Vec<FilterRow>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_different_types_never_match() {
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
