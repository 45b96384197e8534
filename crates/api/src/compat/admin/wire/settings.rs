//! JSON of settings at `/api/v1`.
use carrel_services::settings::Updated;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = compat::SettingsUpdated)]
pub struct SettingsUpdated {
    /// The settings that were applied, with secrets masked.
    #[schema(value_type = Object)]
    new_values: Map<String, Value>,
    /// Why nothing was applied, or `false`.
    error: Refused,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = compat::Refused)]
enum Refused {
    Not(bool),
    Because(String),
}

impl From<Updated> for SettingsUpdated {
    fn from(updated: Updated) -> Self {
        let Updated { new_values, ignored: _, error } = updated;
        // quirk(false-for-no-error): `error` is `false`
        // native: `error` is null
        // test: `compat::settings_are_refused_with_200_and_shown_as_text`
        Self { new_values, error: error.map_or(Refused::Not(false), Refused::Because) }
    }
}
