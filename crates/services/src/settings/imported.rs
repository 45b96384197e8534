//! Imported settings: validates each like a change, and prepares valid ones for the transaction of
//! the import.
use carrel_domain::Result;
use carrel_domain::settings::names;

use super::preferences;
use super::store::SettingsStore;

/// The result of preparing imported settings.
#[derive(Debug, Default, PartialEq)]
pub struct PreparedSettings {
    /// Names and stored values, with secrets sealed.
    pub rows: Vec<(String, String)>,
    /// Names of refused settings with reasons. Reasons do not contain secrets.
    pub refusals: Vec<(String, String)>,
    /// Names that are not settings.
    pub unknown: Vec<String>,
}

/// Prepares settings by variable name. Empty values are ignored.
///
/// # Errors
/// The errors of [`SettingsStore::seal`].
pub fn prepare_settings(
    store: &SettingsStore,
    variables: &[(String, String)],
) -> Result<PreparedSettings> {
    let mut prepared = PreparedSettings::default();
    for (variable, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
        let Some(setting) = store.registry.by_variable(variable) else {
            prepared.unknown.push(variable.clone());
            continue;
        };
        let mut violations = store.registry.violations(setting, text);
        if store.layers.fixed.contains_key(setting.variable) {
            violations.push("the environment of this server fixes it".to_owned());
        }
        violations.extend(store.unavailable_value(setting.variable, text));
        if violations.is_empty() {
            let row = match setting.secret {
                true => store.sealer.seal(setting.variable, text)?,
                false => text.clone(),
            };
            prepared.rows.push((variable.clone(), row));
        } else {
            let reason = match setting.secret {
                true => "the value is not one that this server takes".to_owned(),
                false => violations.join("; "),
            };
            prepared.refusals.push((variable.clone(), reason));
        }
    }
    Ok(prepared)
}

/// Prepares preferences by name.
pub fn prepare_preferences(preferences: &[(String, String)]) -> PreparedSettings {
    let mut prepared = PreparedSettings::default();
    for (name, text) in preferences.iter().filter(|(_, text)| !text.is_empty()) {
        match preferences::check(name, text) {
            None => prepared.unknown.push(name.clone()),
            Some(Ok(None)) => {}
            Some(Ok(Some(value))) => prepared.rows.push((name.clone(), value)),
            Some(Err(reason)) => prepared.refusals.push((name.clone(), reason)),
        }
    }
    let number = |name: &str| {
        let row = prepared.rows.iter().find(|(key, _)| key == name);
        row.and_then(|(_, value)| value.parse::<u64>().ok())
    };
    // With an overlap as large as the chunk, splitting would never end.
    if let (Some(size), Some(overlap)) = (number(names::CHUNK_SIZE), number(names::CHUNK_OVERLAP))
        && overlap >= size
    {
        prepared.rows.retain(|(name, _)| name != names::CHUNK_OVERLAP);
        let reason = format!("it must be below {}", names::CHUNK_SIZE);
        prepared.refusals.push((names::CHUNK_OVERLAP.to_owned(), reason));
    }
    prepared
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fakes::FakeSettings;
    use crate::settings::SettingLayers;
    use crate::settings::key::Key;
    use crate::settings::secrets::Sealer;

    async fn store() -> SettingsStore {
        let fixed = [("LLM_PROVIDER".to_owned(), "openai".to_owned())].into();
        let layers = SettingLayers { fixed, ..SettingLayers::default() };
        let settings = Arc::new(FakeSettings::default());
        SettingsStore::open(settings, layers, Sealer::new(&Key::random())).await.unwrap()
    }

    fn pairs(values: &[(&str, &str)]) -> Vec<(String, String)> {
        values.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[tokio::test]
    async fn settings_are_checked_and_secrets_are_sealed() {
        let store = store().await;
        let variables = pairs(&[
            ("OPEN_AI_KEY", "sk-good"),
            ("ANTHROPIC_API_KEY", "wrong"),
            ("GENERIC_OPEN_AI_MODEL_PREF", "m"),
            ("LLM_PROVIDER", "ollama"),
            ("GROQ_API_KEY", ""),
            ("UNKNOWN_SETTING", "kept"),
        ]);
        let prepared = prepare_settings(&store, &variables).unwrap();
        let names: Vec<_> = prepared.rows.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["OPEN_AI_KEY", "GENERIC_OPEN_AI_MODEL_PREF"]);
        assert!(!prepared.rows[0].1.contains("sk-good"));
        assert_eq!(store.open_sealed("OPEN_AI_KEY", &prepared.rows[0].1).unwrap(), "sk-good");
        let refusals: Vec<_> = prepared.refusals.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(refusals, ["ANTHROPIC_API_KEY", "LLM_PROVIDER"]);
        assert!(prepared.refusals.iter().all(|(_, reason)| !reason.contains("wrong")));
        assert_eq!(prepared.unknown, ["UNKNOWN_SETTING"]);
    }

    #[test]
    fn imported_preferences_are_validated_like_changes() {
        let preferences = pairs(&[
            ("support_email", "help@library.example.org"),
            ("text_splitter_chunk_size", "700"),
            ("text_splitter_chunk_overlap", "700"),
            ("meta_page_favicon", "javascript:x"),
            ("hub_api_key", "x"),
            ("custom_app_name", ""),
        ]);
        let prepared = prepare_preferences(&preferences);
        let names: Vec<_> = prepared.rows.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["support_email", "text_splitter_chunk_size"]);
        assert_eq!(prepared.refusals.len(), 2);
        assert_eq!(prepared.unknown, ["hub_api_key"]);
    }
}
