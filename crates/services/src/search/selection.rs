//! Selecting the workspace documents that match a filter.
use carrel_domain::filter::{Condition, DocumentFilter, FilterHint, FilterRow, Test, Value};
use carrel_domain::{DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};

use super::Search;

/// The number of documents read at a time.
const PAGE_SIZE: usize = 1_000;

/// The maximum number of documents whose metadata are checked.
const MAX_DOCUMENTS: usize = 100_000;

impl Search {
    /// Returns the matching documents, sorted by id. [`Error::Unprocessable`] if there are too many
    /// to check the metadata of each.
    pub(crate) async fn select_documents(
        &self,
        workspace: WorkspaceId,
        filter: &DocumentFilter,
    ) -> Result<DocumentSelection<Vec<WorkspaceDocumentId>>> {
        if filter.is_open() {
            return Ok(DocumentSelection::All);
        }
        let keys: Vec<_> = filter.metadata.iter().filter_map(indexed_key).collect();
        let hint = FilterHint { named: filter.documents.as_deref(), keys: &keys };
        let (mut selected, mut after, mut count) = (Vec::new(), None, 0);
        loop {
            let rows = self.filter_rows.filter_rows(workspace, hint, after, PAGE_SIZE).await?;
            let matching = rows.iter().filter(|row| matches(&filter.metadata, row));
            selected.extend(matching.map(|row| row.id));
            count += rows.len();
            let Some(last_row) = rows.last() else { return Ok(DocumentSelection::Only(selected)) };
            if rows.len() < PAGE_SIZE {
                return Ok(DocumentSelection::Only(selected));
            }
            if count >= MAX_DOCUMENTS {
                return Err(Error::unprocessable(format!(
                    "too many documents to filter: more than {MAX_DOCUMENTS} have such metadata"
                )));
            }
            after = Some(last_row.id);
        }
    }
}

/// Returns the metadata key that a document must have to match, if the database can search for it.
fn indexed_key(condition: &Condition) -> Option<String> {
    let Condition { key, test } = condition;
    let accepts_missing = match test {
        Test::OneOf(values) => values.contains(&Value::Nothing),
        Test::Within(_) => false,
    };
    let is_plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_plain && !accepts_missing && !is_property(key)).then(|| key.clone())
}

fn matches(conditions: &[Condition], row: &FilterRow) -> bool {
    if conditions.is_empty() {
        return true;
    }
    let metadata = serde_json::from_str(&row.metadata).unwrap_or(serde_json::Value::Null);
    conditions.iter().all(|Condition { key, test }| match metadata.get(key) {
        Some(serde_json::Value::Array(values)) => {
            values.iter().any(|value| test.matches(value_of(value).as_ref()))
        }
        Some(value) => test.matches(value_of(value).as_ref()),
        None => test.matches(property(row, key).map(Value::Text).as_ref()),
    })
}

/// Converts a JSON value. Returns `None` for objects, which no filter matches.
fn value_of(value: &serde_json::Value) -> Option<Value> {
    Some(match value {
        serde_json::Value::Null => Value::Nothing,
        serde_json::Value::Bool(flag) => Value::Flag(*flag),
        serde_json::Value::Number(number) => Value::Number(number.as_f64()?),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => return None,
    })
}

/// Returns a document property by the name that clients use.
fn property(row: &FilterRow, key: &str) -> Option<String> {
    Some(match key {
        "title" => row.title.clone(),
        "url" => row.url.clone(),
        "docAuthor" | "author" => row.author.clone(),
        "description" => row.description.clone(),
        "docSource" => row.source.clone(),
        "chunkSource" => row.chunk_source.clone(),
        "published" => return row.published.clone(),
        _ => return None,
    })
}

/// Returns whether [`property`] has a property of this name.
fn is_property(key: &str) -> bool {
    PROPERTIES.contains(&key)
}

const PROPERTIES: [&str; 8] =
    ["title", "url", "docAuthor", "author", "description", "docSource", "chunkSource", "published"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_searches_for_keys_that_every_match_needs() {
        let condition = |key: &str, test| indexed_key(&Condition { key: key.into(), test });
        let one_of = |value| Test::OneOf(vec![value]);
        assert_eq!(condition("year", one_of(Value::Number(1.0))).as_deref(), Some("year"));
        assert_eq!(condition("year", Test::Within(Vec::new())).as_deref(), Some("year"));
        assert_eq!(condition("year", one_of(Value::Nothing)), None);
        for key in ["title", "published", "", "a_b", "100%", "größe", "a\"b"] {
            assert_eq!(condition(key, one_of(Value::Flag(true))), None, "{key}");
        }
        let row = FilterRow {
            id: WorkspaceDocumentId(1),
            document: carrel_domain::DocumentId::random(),
            path: String::new(),
            key: String::new(),
            title: String::new(),
            url: String::new(),
            author: String::new(),
            description: String::new(),
            source: String::new(),
            chunk_source: String::new(),
            published: Some(String::new()),
            metadata: "{}".into(),
        };
        assert!(PROPERTIES.iter().all(|key| property(&row, key).is_some()));
    }
}
