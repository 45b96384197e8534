//! Settings and preferences on the native wire.
use carrel_services::settings::Updated;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct SettingsShown {
    /// Public names and values; secrets only as whether they are set.
    #[schema(value_type = Object, example = json!({ "VectorDB": "lancedb", "LLMProvider": "generic-openai", "GenericOpenAiKey": true }))]
    pub settings: Map<String, Value>,
}

/// Public names of settings, or of preferences, and their new values.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Changes {
    #[schema(value_type = Object, example = json!({ "VectorDB": "lancedb" }))]
    pub values: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
pub struct SettingsUpdated {
    /// What was applied, secrets masked.
    #[serde(rename = "newValues")]
    #[schema(value_type = Object)]
    new_values: Map<String, Value>,
    error: Option<String>,
    /// Names that are no settings.
    ignored: Vec<String>,
}

impl From<Updated> for SettingsUpdated {
    fn from(updated: Updated) -> Self {
        let Updated { new_values, ignored, error } = updated;
        Self { new_values, error, ignored }
    }
}
