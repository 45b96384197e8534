//! Opens the settings that can change while the program runs, on top of the environment and the
//! `.env` file.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::settings::Settings;
use carrel_domain::{Error, Result};
use carrel_services::settings::key::Key;
use carrel_services::settings::secrets::Sealer;
use carrel_services::settings::{SettingLayers, SettingsStore};

use crate::config::reader::{EffectiveValue, show};
use crate::config::variables::Visibility;
use crate::config::{Config, RawConfig, ValueSource};

/// Opens the effective settings stored in `settings`, with secrets encrypted by `key`.
pub async fn open(
    raw: &RawConfig,
    settings: Arc<dyn Settings>,
    key: &Key,
) -> Result<Arc<SettingsStore>> {
    let store = SettingsStore::open(settings, layers(raw), Sealer::new(key)).await?;
    let engines = std::iter::once("native").chain(carrel_providers::engine_names());
    let store = store
        .with_available("LLM_PROVIDER", carrel_providers::provider_names())
        .with_available("EMBEDDING_ENGINE", engines)
        .with_available("VECTOR_DB", carrel_vectors::choose::NAMES);
    Ok(Arc::new(store))
}

/// Returns the operator's secret key, or the one in the storage directory, which is created if it
/// does not exist. Blocks.
pub fn key(config: &Config) -> Result<Key> {
    match &config.secret_key {
        Some(key) => Ok(key.clone()),
        None => Key::read_or_create(&config.storage.secret_key()),
    }
}

/// Works like [`key`] but creates no file: if there is no key, returns a random one, which decrypts
/// nothing.
pub fn key_if_any(config: &Config) -> Result<Key> {
    let is_there = config.secret_key.is_some() || config.storage.secret_key().exists();
    if is_there { key(config) } else { Ok(Key::random()) }
}

fn layers(raw: &RawConfig) -> SettingLayers {
    let fixed = raw.environment.iter();
    let fixed = fixed.filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    let initial = raw.file.iter().map(|(name, (value, _))| (name.clone(), value.clone()));
    SettingLayers { fixed: fixed.collect(), initial: initial.collect() }
}

/// The effective settings with their sources, for display.
pub struct EffectiveSettings<'a> {
    pub store: &'a SettingsStore,
    pub raw: &'a RawConfig,
    /// The rows of the database, with secrets encrypted.
    pub rows: BTreeMap<String, String>,
}

impl EffectiveSettings<'_> {
    /// Returns the effective value of a variable, with secrets hidden.
    pub fn effective(&self, name: &str) -> EffectiveValue {
        let found = self.raw.find(name).ok().flatten();
        let source = match found {
            Some((_, ValueSource::Environment)) => ValueSource::Environment,
            _ if self.is_stored(name) => ValueSource::Database,
            Some((_, source)) => source,
            None => ValueSource::Default,
        };
        let value = self.store.lookup(name).map(|value| show(&value, self.visibility(name)));
        EffectiveValue { name: name.to_owned(), value, source }
    }

    /// Returns the variables for which the database holds readable values.
    pub fn stored(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str).filter(|name| self.is_stored(name))
    }

    fn is_stored(&self, name: &str) -> bool {
        let setting = self.store.registry().by_variable(name);
        let is_readable = setting.is_some_and(|row| !self.store.unreadable().contains(&row.name));
        is_readable && self.rows.contains_key(name)
    }

    /// The names of providers' secrets end in `_KEY`, `_TOKEN` and so on. Any other value may be a
    /// URL with a password.
    fn visibility(&self, name: &str) -> Visibility {
        const SECRET: [&str; 5] = ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_HEADER"];
        let known = self.store.registry().by_variable(name).is_some_and(|setting| setting.secret);
        match known || SECRET.iter().any(|end| name.ends_with(end)) {
            true => Visibility::Never,
            false => Visibility::WithoutPassword,
        }
    }
}

/// The settings of a database that does not exist yet.
pub struct NoSettings;

#[async_trait]
impl Settings for NoSettings {
    async fn all(&self) -> Result<BTreeMap<String, String>> {
        Ok(BTreeMap::new())
    }

    async fn set(&self, _: BTreeMap<String, Option<String>>, _: Event) -> Result<()> {
        Err(Error::internal("there is no database to store settings in"))
    }
}

/// Returns the file of a `sqlite://` URL, and `None` for a database server.
pub fn file_of(url: &str) -> Option<&Path> {
    url.strip_prefix("sqlite://").map(Path::new)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn raw_config(environment: &[(&str, &str)], file: &[(&str, &str)]) -> RawConfig {
        let environment = environment.iter();
        let environment =
            environment.map(|(name, value)| (name.to_string(), Some(value.to_string())));
        let file = file.iter().map(|(name, value)| (name.to_string(), (value.to_string(), 1)));
        RawConfig {
            environment: environment.collect(),
            file: file.collect(),
            ..RawConfig::default()
        }
    }

    #[tokio::test]
    async fn every_provider_in_the_settings_table_exists() {
        let store =
            open(&RawConfig::default(), Arc::new(NoSettings), &Key::random()).await.unwrap();
        let engines = carrel_providers::engine_names().chain(["native"]).collect();
        let providers = carrel_providers::provider_names().collect();
        for (kind, there) in [("llm", providers), ("embedding", engines)] {
            let there: BTreeSet<_> = there;
            let offered = store.registry().choices.of(kind).map(|row| row.value).collect();
            assert_eq!(there, offered);
        }
    }

    #[tokio::test]
    async fn values_are_shown_with_their_source_and_without_secrets() {
        let raw = raw_config(
            &[("OPEN_AI_KEY", "sk-hidden"), ("LLM_PROVIDER", "openai")],
            &[("OPEN_MODEL_PREF", "m"), ("EMBEDDING_BASE_PATH", "http://u:hidden@h")],
        );
        let store = open(&raw, Arc::new(NoSettings), &Key::random()).await.unwrap();
        let rows = [("LLM_PROVIDER", "groq"), ("EMBEDDING_BASE_PATH", ""), ("support_email", "a")];
        let rows = rows.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let sources = EffectiveSettings { store: &store, raw: &raw, rows };
        for (name, value, source) in [
            ("OPEN_AI_KEY", Some("******"), ValueSource::Environment),
            ("LLM_PROVIDER", Some("openai"), ValueSource::Environment),
            ("EMBEDDING_BASE_PATH", Some("http://u:******@h"), ValueSource::Database),
            ("EMBEDDING_ENGINE", Some("native"), ValueSource::Default),
            ("GROQ_API_KEY", None, ValueSource::Default),
        ] {
            let effective = sources.effective(name);
            assert_eq!((effective.value.as_deref(), effective.source), (value, source), "{name}");
        }
        assert!(matches!(sources.effective("OPEN_MODEL_PREF").source, ValueSource::File { .. }));
        assert_eq!(sources.stored().collect::<Vec<_>>(), ["EMBEDDING_BASE_PATH", "LLM_PROVIDER"]);
    }

    #[test]
    fn a_database_file_is_distinguished_from_a_database_server() {
        assert_eq!(file_of("sqlite:///a/b.db"), Some(Path::new("/a/b.db")));
        assert_eq!(file_of("postgres://h/d"), None);
    }
}
