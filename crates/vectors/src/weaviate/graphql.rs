//! Filters of Weaviate, as JSON and in GraphQL syntax.
use serde_json::{Value, json};

/// Compares a property with a number.
pub(super) fn compare(property: &str, operator: &str, number: i64) -> Value {
    json!({ "path": [property], "operator": operator, "valueInt": number })
}

/// Matches if a property equals one of several numbers.
pub(super) fn one_of(property: &str, numbers: &[i64]) -> Value {
    json!({ "path": [property], "operator": "ContainsAny", "valueIntArray": numbers })
}

/// Matches if all filters match.
pub(super) fn all_of(filters: Vec<Value>) -> Value {
    json!({ "operator": "And", "operands": filters })
}

/// Formats a filter in GraphQL syntax: field names and operators are not quoted, and lists of
/// numbers use the field of a single number.
pub(super) fn filter_text(filter: &Value) -> String {
    match filter {
        Value::Object(fields) => {
            let parts = fields.iter().map(|(name, value)| match (name.as_str(), value) {
                ("operator", Value::String(operator)) => format!("operator: {operator}"),
                ("valueIntArray", numbers) => format!("valueInt: {numbers}"),
                (name, value) => format!("{name}: {}", filter_text(value)),
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        Value::Array(all) => {
            format!("[{}]", all.iter().map(filter_text).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_formatted_as_graphql() {
        let filter = all_of(vec![compare("workspace", "Equal", 1), one_of("document", &[2, 3])]);
        let formatted = filter_text(&filter);
        for part in [
            "operator: And",
            "operator: Equal",
            "operator: ContainsAny",
            "path: [\"document\"]",
            "valueInt: 1",
            "valueInt: [2,3]",
        ] {
            assert!(formatted.contains(part), "{formatted}");
        }
        assert!(!formatted.contains("Array") && !formatted.contains("\"operator"), "{formatted}");
    }
}
