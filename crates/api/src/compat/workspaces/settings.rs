//! Workspace settings at `/api/v1`: invalid values become the default.
use carrel_domain::Result;
use carrel_domain::workspace::{ChatMode, SearchMode, WorkspaceSettings};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::v1::workspaces::settings::{name, nullable, number, temperature, text, whole};
use crate::v1::workspaces::wire::WorkspaceFields;
use crate::wire::sent;

/// Settings, and the time of the last change.
#[derive(Deserialize)]
pub struct WorkspaceUpdate {
    #[serde(flatten)]
    fields: WorkspaceFields,
    #[serde(default, rename = "lastUpdatedAt", deserialize_with = "sent")]
    last_updated_at: Option<Value>,
}

impl WorkspaceUpdate {
    /// Applies the changes to `settings`. Returns `None` if no known setting was sent.
    pub fn into_changed(self, settings: WorkspaceSettings) -> Result<Option<WorkspaceSettings>> {
        let default = WorkspaceSettings::named("My Workspace");
        let mut fields = repair_fields(self.fields);
        repair(&mut fields.name, |value| name(value).is_some(), json!(default.name));
        Ok(match fields.into_changed(settings.clone())? {
            // quirk(touched-workspace): sent alone it counts as an update and stores the current
            // time
            // native: `lastUpdatedAt` cannot be changed
            // test: `compat::workspaces::settings` (unit tests)
            None if self.last_updated_at.is_some() => Some(settings),
            result => result,
        })
    }
}

/// Replaces invalid fields by their defaults. The name is not changed.
// quirk(coerced-settings)
pub fn repair_fields(mut fields: WorkspaceFields) -> WorkspaceFields {
    let default = WorkspaceSettings::named("");
    let is_text = |value: &Value| nullable(value, text).is_some();
    let is_integer = |value: &Value| whole(value).is_some();
    repair(&mut fields.open_ai_temp, |value| nullable(value, temperature).is_some(), Value::Null);
    repair(&mut fields.open_ai_history, is_integer, json!(default.history));
    raise(&mut fields.open_ai_history, 0);
    repair(&mut fields.open_ai_prompt, is_text, Value::Null);
    repair(
        &mut fields.similarity_threshold,
        |value| number(value).is_some(),
        json!(default.least_similarity),
    );
    // A share out of range becomes the nearest valid one.
    if let Some(share) = fields.similarity_threshold.as_ref().and_then(number) {
        fields.similarity_threshold = Some(json!(share.clamp(0.0, 1.0)));
    }
    repair(&mut fields.top_n, is_integer, json!(default.passages));
    raise(&mut fields.top_n, 1);
    repair(
        &mut fields.chat_mode,
        |value| value.as_str().and_then(ChatMode::parse).is_some(),
        json!(default.chat_mode.as_str()),
    );
    repair(
        &mut fields.vector_search_mode,
        |value| value.as_str().and_then(SearchMode::parse).is_some(),
        json!(default.search_mode.as_str()),
    );
    for field in [
        &mut fields.chat_provider,
        &mut fields.chat_model,
        &mut fields.agent_provider,
        &mut fields.agent_model,
        &mut fields.query_refusal_response,
    ] {
        repair(field, is_text, Value::Null);
    }
    repair(&mut fields.router_id, |value| nullable(value, whole).is_some(), Value::Null);
    fields
}

/// Replaces an invalid value by `default`.
fn repair(field: &mut Option<Value>, is_valid: impl Fn(&Value) -> bool, default: Value) {
    if field.as_ref().is_some_and(|value| !is_valid(value)) {
        *field = Some(default);
    }
}

/// Raises a whole number to the minimum.
fn raise(field: &mut Option<Value>, minimum: i32) {
    if let Some(number) = field.as_ref().and_then(whole) {
        *field = Some(json!(number.max(minimum)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(body: Value, settings: &WorkspaceSettings) -> Option<WorkspaceSettings> {
        let update: WorkspaceUpdate = serde_json::from_value(body).unwrap();
        update.into_changed(settings.clone()).unwrap()
    }

    #[test]
    fn an_invalid_value_becomes_a_default() {
        let body = json!({
            "name": "Gamma", "topN": "many", "openAiTemp": "hot", "openAiHistory": -5,
            "similarityThreshold": 7, "chatMode": "weird", "vectorSearchMode": "x",
            "router_id": "z", "openAiPrompt": ["x"], "chatProvider": { "set": 1 },
        });
        let fields: WorkspaceFields = serde_json::from_value(body.clone()).unwrap();
        let expected = WorkspaceSettings {
            history: 0,
            least_similarity: 1.0,
            ..WorkspaceSettings::named("Gamma")
        };
        assert_eq!(repair_fields(fields).into_new().unwrap(), expected);
        assert_eq!(apply(body, &WorkspaceSettings::named("Old")), Some(expected));
    }

    #[test]
    fn an_invalid_name_is_refused_for_a_new_workspace_and_replaced_for_others() {
        for name in [json!(null), json!(""), json!(0), json!(5), json!(["a"])] {
            let body = json!({ "name": name });
            let fields: WorkspaceFields = serde_json::from_value(body.clone()).unwrap();
            assert!(repair_fields(fields).into_new().is_err(), "{name}");
            let name = apply(body, &WorkspaceSettings::named("Old")).unwrap().name;
            assert_eq!(name, "My Workspace", "{name}");
        }
    }

    #[test]
    fn the_time_of_the_last_change_counts_as_a_change() {
        let settings = WorkspaceSettings::named("A");
        assert_eq!(apply(json!({ "slug": "x" }), &settings), None);
        let result = apply(json!({ "lastUpdatedAt": "2026-01-01" }), &settings);
        assert_eq!(result, Some(settings));
    }
}
