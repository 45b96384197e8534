//! Selecting the workspace documents that match a filter.
use carrel_domain::filter::{Condition, DocumentFilter, FilterHint, FilterRow, Test, Value};
use carrel_domain::{DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};

use super::Search;

/// The number of documents read at a time.
const AT_ONCE: usize = 1_000;

/// The maximum number of documents whose metadata are checked.
const MOST_PLACES: usize = 100_000;

impl Search {
    /// Returns the matching documents, sorted by id. [`Error::Unprocessable`] if there are too many
    /// to check the metadata of each.
    pub(crate) async fn chosen(
        &self,
        within: WorkspaceId,
        filter: &DocumentFilter,
    ) -> Result<DocumentSelection<Vec<WorkspaceDocumentId>>> {
        if filter.is_open() {
            return Ok(DocumentSelection::All);
        }
        let keys: Vec<_> = filter.metadata.iter().filter_map(needed).collect();
        let hint = FilterHint { named: filter.documents.as_deref(), keys: &keys };
        let (mut chosen, mut after, mut read) = (Vec::new(), None, 0);
        loop {
            let placed = self.places.filter_rows(within, hint, after, AT_ONCE).await?;
            let passing = placed.iter().filter(|placed| matches(&filter.metadata, placed));
            chosen.extend(passing.map(|placed| placed.id));
            read += placed.len();
            let Some(last) = placed.last() else { return Ok(DocumentSelection::Only(chosen)) };
            if placed.len() < AT_ONCE {
                return Ok(DocumentSelection::Only(chosen));
            }
            if read >= MOST_PLACES {
                return Err(Error::unprocessable(format!(
                    "too many documents to filter: more than {MOST_PLACES} have such metadata"
                )));
            }
            after = Some(last.id);
        }
    }
}

/// Returns the metadata key that a document must have to match, if the database can search for it.
fn needed(condition: &Condition) -> Option<String> {
    let Condition { key, test } = condition;
    let passes_without = match test {
        Test::OneOf(values) => values.contains(&Value::Nothing),
        Test::Within(_) => false,
    };
    let is_plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_plain && !passes_without && !is_known(key)).then(|| key.clone())
}

fn matches(conditions: &[Condition], placed: &FilterRow) -> bool {
    if conditions.is_empty() {
        return true;
    }
    let metadata = serde_json::from_str(&placed.metadata).unwrap_or(serde_json::Value::Null);
    conditions.iter().all(|Condition { key, test }| match metadata.get(key) {
        Some(serde_json::Value::Array(values)) => {
            values.iter().any(|value| test.matches(value_of(value).as_ref()))
        }
        Some(value) => test.matches(value_of(value).as_ref()),
        None => test.matches(known(placed, key).map(Value::Text).as_ref()),
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
fn known(placed: &FilterRow, key: &str) -> Option<String> {
    Some(match key {
        "title" => placed.title.clone(),
        "url" => placed.url.clone(),
        "docAuthor" | "author" => placed.author.clone(),
        "description" => placed.description.clone(),
        "docSource" => placed.source.clone(),
        "chunkSource" => placed.chunk_source.clone(),
        "published" => return placed.published.clone(),
        _ => return None,
    })
}

/// Returns whether [`known`] has a property of this name.
fn is_known(key: &str) -> bool {
    KNOWN.contains(&key)
}

const KNOWN: [&str; 8] =
    ["title", "url", "docAuthor", "author", "description", "docSource", "chunkSource", "published"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_searches_for_keys_that_every_match_needs() {
        let condition = |key: &str, test| needed(&Condition { key: key.into(), test });
        let one = |value| Test::OneOf(vec![value]);
        assert_eq!(condition("year", one(Value::Number(1.0))).as_deref(), Some("year"));
        assert_eq!(condition("year", Test::Within(Vec::new())).as_deref(), Some("year"));
        assert_eq!(condition("year", one(Value::Nothing)), None);
        for key in ["title", "published", "", "a_b", "100%", "größe", "a\"b"] {
            assert_eq!(condition(key, one(Value::Flag(true))), None, "{key}");
        }
        let placed = FilterRow {
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
        assert!(KNOWN.iter().all(|key| known(&placed, key).is_some()));
    }
}
