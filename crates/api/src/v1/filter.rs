//! JSON of document filters.
use carrel_domain::filter::{self, Bound, Condition, DocumentFilter, Test};
use carrel_domain::{Error, Result};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Most documents in a filter.
const MAX_DOCUMENTS: usize = 1_000;
/// Most metadata keys in a filter, and most values of one key.
const MAX_CONDITIONS: usize = 50;
const MAX_VALUES: usize = 100;
/// Longest document name or metadata key, in bytes.
const MAX_NAME_BYTES: usize = 1_024;

/// Restricts a search to the listed documents and to those whose metadata match.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is read by hand, to say exactly what is wrong with it")]
pub struct FilterBody {
    /// Documents as `folder/file.json`, id, or `docId` in the workspace; at most 1000. Documents
    /// that do not exist match nothing.
    documents: Option<Vec<String>>,
    /// Conditions by metadata key: a value, a list of values of which one must match, or bounds
    /// `{"gte":…, "gt":…, "lte":…, "lt":…}` of numbers or strings. Besides the document's own
    /// metadata, the keys `title`, `url`, `docAuthor`, `description`, `docSource`, `chunkSource`
    /// and `published` (as `2026-02-03T10:11:12Z`) exist.
    #[schema(value_type = Option<Object>, example = json!({"department": ["sales", "legal"], "year": {"gte": 2024}}))]
    metadata: Option<Value>,
}

/// Reads a filter. Invalid filters are refused, because ignoring one would return documents that
/// the client excluded.
pub fn read(value: Option<Value>) -> Result<DocumentFilter> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(DocumentFilter::default());
    };
    let Value::Object(fields) = value else {
        return Err(invalid_filter("must be an object with `documents` or `metadata`"));
    };
    let mut filter = DocumentFilter::default();
    for (name, value) in fields {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("documents", Value::Array(names)) => filter.documents = Some(documents(names)?),
            ("documents", _) => return Err(Error::invalid("filter.documents", NAMES)),
            ("metadata", Value::Object(keys)) => filter.metadata = conditions(keys)?,
            ("metadata", _) => return Err(Error::invalid("filter.metadata", "must be an object")),
            _ => return Err(invalid_filter("may only contain `documents` and `metadata`")),
        }
    }
    Ok(filter)
}

fn invalid_filter(reason: &'static str) -> Error {
    Error::invalid("filter", reason)
}

const NAMES: &str = "must be a list of at most 1000 texts";

fn documents(names: Vec<Value>) -> Result<Vec<String>> {
    if names.len() > MAX_DOCUMENTS {
        return Err(Error::invalid("filter.documents", NAMES));
    }
    let name = |name: Value| match name {
        Value::String(name) if name.len() <= MAX_NAME_BYTES => Ok(name),
        _ => Err(Error::invalid("filter.documents", NAMES)),
    };
    names.into_iter().map(name).collect()
}

fn conditions(keys: Map<String, Value>) -> Result<Vec<Condition>> {
    if keys.len() > MAX_CONDITIONS {
        return Err(Error::invalid("filter.metadata", "must name at most 50 keys"));
    }
    keys.into_iter().map(|(key, value)| condition(key, value)).collect()
}

fn condition(key: String, value: Value) -> Result<Condition> {
    let invalid = |reason: &'static str| {
        let key: String = key.chars().take(60).collect();
        Err(Error::invalid(format!("filter.metadata.{key}"), reason))
    };
    if key.len() > MAX_NAME_BYTES {
        return invalid("is longer than a key may be");
    }
    let test = match value {
        Value::Array(values) if values.is_empty() || values.len() > MAX_VALUES => {
            return invalid("must list 1 to 100 values");
        }
        Value::Array(values) => {
            let values: Option<Vec<_>> = values.into_iter().map(plain).collect();
            values.map(Test::OneOf)
        }
        Value::Object(bounds) if bounds.is_empty() => return invalid(BOUNDS),
        Value::Object(bounds) => {
            let bounds: Option<Vec<_>> = bounds.into_iter().map(bound_condition).collect();
            let Some(bounds) = bounds else { return invalid(BOUNDS) };
            Some(Test::Within(bounds))
        }
        value => plain(value).map(|value| Test::OneOf(vec![value])),
    };
    match test {
        Some(test) => Ok(Condition { key, test }),
        None => invalid("must be a value, a list of values, or bounds"),
    }
}

const BOUNDS: &str = "must contain `gt`, `gte`, `lt` or `lte`, each a number or a text";

fn bound_condition((name, value): (String, Value)) -> Option<(Bound, filter::Value)> {
    let operator = match name.as_str() {
        "gt" => Bound::Above,
        "gte" => Bound::AtLeast,
        "lt" => Bound::Below,
        "lte" => Bound::AtMost,
        _ => return None,
    };
    match plain(value)? {
        value @ (filter::Value::Number(_) | filter::Value::Text(_)) => Some((operator, value)),
        _ => None,
    }
}

fn plain(value: Value) -> Option<filter::Value> {
    Some(match value {
        Value::Null => filter::Value::Nothing,
        Value::Bool(flag) => filter::Value::Flag(flag),
        Value::Number(number) => filter::Value::Number(number.as_f64()?),
        Value::String(text) => filter::Value::Text(text),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn invalid_filters_are_refused_by_name() {
        for (body, field) in [
            (json!([]), "filter:"),
            (json!("a.txt"), "filter:"),
            (json!({ "document": [] }), "filter:"),
            (json!({ "documents": "a" }), "filter.documents:"),
            (json!({ "documents": [1] }), "filter.documents:"),
            (json!({ "documents": vec!["a"; 1001] }), "filter.documents:"),
            (json!({ "metadata": [] }), "filter.metadata:"),
            (json!({ "metadata": { "a": [] } }), "filter.metadata.a:"),
            (json!({ "metadata": { "a": [[1]] } }), "filter.metadata.a:"),
            (json!({ "metadata": { "a": {} } }), "filter.metadata.a:"),
            (json!({ "metadata": { "a": { "like": 1 } } }), "filter.metadata.a:"),
            (json!({ "metadata": { "a": { "gte": null } } }), "filter.metadata.a:"),
            (json!({ "metadata": { "a": { "gte": [1] } } }), "filter.metadata.a:"),
        ] {
            let invalid = read(Some(body.clone())).unwrap_err().to_string();
            assert!(invalid.starts_with(field), "{body}: {invalid}");
        }
    }

    #[test]
    fn values_lists_and_bounds_are_read() {
        assert!(read(None).unwrap().is_open() && read(Some(json!({}))).unwrap().is_open());
        assert!(read(Some(json!({ "documents": null }))).unwrap().is_open());
        let filter = read(Some(json!({ "documents": [] }))).unwrap();
        assert_eq!(filter.documents, Some(Vec::new()));
        let filter = read(Some(json!({
            "documents": ["a/b.json"],
            "metadata": { "a": true, "b": ["x", 1, null], "c": { "gte": 1, "lt": 2.5 } },
        })));
        let filter = filter.unwrap();
        let text = filter::Value::Text("x".into());
        let (one, two) = (filter::Value::Number(1.0), filter::Value::Number(2.5));
        assert_eq!(filter.metadata[0].test, Test::OneOf(vec![filter::Value::Flag(true)]));
        let values = vec![text, one.clone(), filter::Value::Nothing];
        assert_eq!(filter.metadata[1].test, Test::OneOf(values));
        let bounds = vec![(Bound::AtLeast, one), (Bound::Below, two)];
        assert_eq!(filter.metadata[2].test, Test::Within(bounds));
    }
}
