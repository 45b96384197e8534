//! From a filter to the places whose passages are looked at.
use std::collections::HashSet;

use carrel_domain::filter::{Condition, Filter, Placed, Value};
use carrel_domain::{Result, WorkspaceDocumentId, WorkspaceId};

use super::Search;

/// Places read at a time.
const AT_ONCE: usize = 1_000;

impl Search {
    /// The places that a filter chooses, by id; `None` when it chooses all.
    pub(super) async fn chosen(
        &self,
        within: WorkspaceId,
        filter: &Filter,
    ) -> Result<Option<Vec<WorkspaceDocumentId>>> {
        if filter.is_open() {
            return Ok(None);
        }
        let without: HashSet<_> = filter.without.iter().collect();
        let (mut chosen, mut after) = (Vec::new(), None);
        loop {
            let named = filter.documents.as_deref();
            let placed = self.places.placed(within, named, after, AT_ONCE).await?;
            let passing = |placed: &&Placed| {
                !without.contains(&placed.id) && admits(&filter.metadata, placed)
            };
            chosen.extend(placed.iter().filter(passing).map(|placed| placed.id));
            let Some(last) = placed.last() else { return Ok(Some(chosen)) };
            if placed.len() < AT_ONCE {
                return Ok(Some(chosen));
            }
            after = Some(last.id);
        }
    }
}

fn admits(conditions: &[Condition], placed: &Placed) -> bool {
    if conditions.is_empty() {
        return true;
    }
    let metadata = serde_json::from_str(&placed.metadata).unwrap_or(serde_json::Value::Null);
    conditions.iter().all(|Condition { key, test }| match metadata.get(key) {
        Some(serde_json::Value::Array(values)) => {
            values.iter().any(|value| test.admits(value_of(value).as_ref()))
        }
        Some(value) => test.admits(value_of(value).as_ref()),
        None => test.admits(known(placed, key).map(Value::Text).as_ref()),
    })
}

/// Objects are like nothing that a filter can name.
fn value_of(value: &serde_json::Value) -> Option<Value> {
    Some(match value {
        serde_json::Value::Null => Value::Nothing,
        serde_json::Value::Bool(flag) => Value::Flag(*flag),
        serde_json::Value::Number(number) => Value::Number(number.as_f64()?),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => return None,
    })
}

/// What is known of every document, by the names that clients know it by.
fn known(placed: &Placed, key: &str) -> Option<String> {
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
