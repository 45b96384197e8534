//! Settings that change while the program runs: opened over what the process was given, with the
//! secret key and the values this program has adapters for.
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
use crate::config::variables::Shown;
use crate::config::{Config, RawConfig, ValueSource};

/// The settings in force over `settings`, with secrets sealed by `key`.
pub async fn open(
    given: &RawConfig,
    settings: Arc<dyn Settings>,
    key: &Key,
) -> Result<Arc<SettingsStore>> {
    let store = SettingsStore::open(settings, layers(given), Sealer::new(key)).await?;
    let engines = std::iter::once("native").chain(carrel_providers::engine_names());
    let store = store
        .with_available("LLM_PROVIDER", carrel_providers::provider_names())
        .with_available("EMBEDDING_ENGINE", engines)
        .with_available("VECTOR_DB", carrel_vectors::choose::NAMES);
    Ok(Arc::new(store))
}

/// The key the operator gave, or that of the storage directory, made if there is none. Blocks.
pub fn key(config: &Config) -> Result<Key> {
    match &config.secret_key {
        Some(key) => Ok(key.clone()),
        None => Key::read_or_create(&config.storage.secret_key()),
    }
}

/// As [`key`], but makes no file: a key that opens nothing stands for one that is not there.
pub fn key_if_any(config: &Config) -> Result<Key> {
    let is_there = config.secret_key.is_some() || config.storage.secret_key().exists();
    if is_there { key(config) } else { Ok(Key::random()) }
}

fn layers(given: &RawConfig) -> SettingLayers {
    let fixed = given.environment.iter();
    let fixed = fixed.filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    let initial = given.file.iter().map(|(name, (value, _))| (name.clone(), value.clone()));
    SettingLayers { fixed: fixed.collect(), initial: initial.collect() }
}

/// Where the values of a store come from, for people to see.
pub struct EffectiveSettings<'a> {
    pub store: &'a SettingsStore,
    pub given: &'a RawConfig,
    /// As the database has them, secrets sealed.
    pub rows: BTreeMap<String, String>,
}

impl EffectiveSettings<'_> {
    /// The value in force of a variable, fit to be shown.
    pub fn effective(&self, name: &str) -> EffectiveValue {
        let found = self.given.find(name).ok().flatten();
        let source = match found {
            Some((_, ValueSource::Environment)) => ValueSource::Environment,
            _ if self.is_stored(name) => ValueSource::Database,
            Some((_, source)) => source,
            None => ValueSource::Default,
        };
        let value = self.store.lookup(name).map(|value| show(&value, self.shown(name)));
        EffectiveValue { name: name.to_owned(), value, source }
    }

    /// The variables for which the database holds values that can be read.
    pub fn stored(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str).filter(|name| self.is_stored(name))
    }

    fn is_stored(&self, name: &str) -> bool {
        let setting = self.store.registry().by_variable(name);
        let is_readable = setting.is_some_and(|row| !self.store.unreadable().contains(&row.name));
        is_readable && self.rows.contains_key(name)
    }

    /// Providers' keys are called `..._KEY`, `..._TOKEN` and so on; whatever else may hold a URL.
    fn shown(&self, name: &str) -> Shown {
        const SECRET: [&str; 5] = ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_HEADER"];
        let known = self.store.registry().by_variable(name).is_some_and(|setting| setting.secret);
        match known || SECRET.iter().any(|end| name.ends_with(end)) {
            true => Shown::Never,
            false => Shown::WithoutPassword,
        }
    }
}

/// The settings of a database that is not there yet.
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

/// Where a `sqlite://` URL keeps its file; `None` for a database on a server.
pub fn file_of(url: &str) -> Option<&Path> {
    url.strip_prefix("sqlite://").map(Path::new)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn given(environment: &[(&str, &str)], file: &[(&str, &str)]) -> RawConfig {
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
    async fn all_that_the_table_offers_is_there() {
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
        let given = given(
            &[("OPEN_AI_KEY", "sk-hidden"), ("LLM_PROVIDER", "openai")],
            &[("OPEN_MODEL_PREF", "m"), ("EMBEDDING_BASE_PATH", "http://u:hidden@h")],
        );
        let store = open(&given, Arc::new(NoSettings), &Key::random()).await.unwrap();
        let rows = [("LLM_PROVIDER", "groq"), ("EMBEDDING_BASE_PATH", ""), ("support_email", "a")];
        let rows = rows.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let sources = EffectiveSettings { store: &store, given: &given, rows };
        for (name, value, source) in [
            ("OPEN_AI_KEY", Some("******"), ValueSource::Environment),
            ("LLM_PROVIDER", Some("openai"), ValueSource::Environment),
            ("EMBEDDING_BASE_PATH", Some("http://u:******@h"), ValueSource::Database),
            ("EMBEDDING_ENGINE", Some("native"), ValueSource::Default),
            ("GROQ_API_KEY", None, ValueSource::Default),
        ] {
            let shown = sources.effective(name);
            assert_eq!((shown.value.as_deref(), shown.source), (value, source), "{name}");
        }
        assert!(matches!(sources.effective("OPEN_MODEL_PREF").source, ValueSource::File { .. }));
        assert_eq!(sources.stored().collect::<Vec<_>>(), ["EMBEDDING_BASE_PATH", "LLM_PROVIDER"]);
    }

    #[test]
    fn a_database_in_a_file_is_told_from_one_on_a_server() {
        assert_eq!(file_of("sqlite:///a/b.db"), Some(Path::new("/a/b.db")));
        assert_eq!(file_of("postgres://h/d"), None);
    }
}
