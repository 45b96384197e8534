//! JSON of settings and preferences.
use carrel_services::settings::Updated;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct SettingsShown {
    /// Settings by public name. A secret is only reported as set or not.
    #[schema(value_type = Object, example = json!({ "VectorDB": "lancedb", "LLMProvider": "generic-openai", "GenericOpenAiKey": true }))]
    pub settings: Map<String, Value>,
}

/// New values of settings or preferences, by public name.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Changes {
    #[schema(value_type = Object, example = json!({ "VectorDB": "lancedb" }))]
    pub values: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
pub struct SettingsUpdated {
    /// The settings that were applied, with secrets masked.
    #[serde(rename = "newValues")]
    #[schema(value_type = Object)]
    new_values: Map<String, Value>,
    error: Option<String>,
    /// Names that are not settings.
    ignored: Vec<String>,
}

impl From<Updated> for SettingsUpdated {
    fn from(updated: Updated) -> Self {
        let Updated { new_values, ignored, error } = updated;
        Self { new_values, error, ignored }
    }
}
