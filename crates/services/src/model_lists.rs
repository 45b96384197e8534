//! Lists of the models that providers offer, for users to choose from.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use carrel_domain::model::OfferedModel;
use carrel_domain::{Error, Result};
use serde_json::{Map, Value};

use crate::connection_test::ConnectionTest;
use crate::settings::{Preview, SettingsStore};

/// How long a list is cached.
const CACHE_TTL: Duration = Duration::from_secs(300);
/// The maximum number of cached lists.
const MAX_LISTS: usize = 64;

/// Parts of the names of settings that determine where a secret is sent.
const ADDRESSES: [&str; 3] = ["BASE_PATH", "ENDPOINT", "REGION"];

/// The purpose of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// A model that answers questions.
    Language,
    /// A model that makes vectors.
    Embedding,
}

impl ModelKind {
    /// Returns the setting that selects the provider.
    fn selector(self) -> &'static str {
        match self {
            Self::Language => "LLM_PROVIDER",
            Self::Embedding => "EMBEDDING_ENGINE",
        }
    }
}

/// The models of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableModels {
    /// The provider, as named in the settings.
    pub provider: String,
    /// The models, by name.
    pub models: Vec<OfferedModel>,
}

/// Requests the models of providers and caches the lists for five minutes.
pub struct ModelLists {
    connection_test: Arc<dyn ConnectionTest>,
    settings: Arc<SettingsStore>,
    cache: Mutex<HashMap<String, (Instant, Vec<OfferedModel>)>>,
}

impl ModelLists {
    /// Creates a cache of lists that are requested through `connection_test` with the settings in
    /// `settings`.
    pub fn new(connection_test: Arc<dyn ConnectionTest>, settings: Arc<SettingsStore>) -> Self {
        Self { connection_test, settings, cache: Mutex::default() }
    }

    /// Returns the models of a provider, by default of the configured one. `changes` are unsaved
    /// settings; a stored secret is not sent to an address that they change. Built-in providers
    /// offer no models.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the provider is unknown, [`Error::Unavailable`] if it does not
    /// respond.
    pub async fn list(
        &self,
        kind: ModelKind,
        provider: Option<String>,
        changes: &Map<String, Value>,
    ) -> Result<AvailableModels> {
        let store = &*self.settings;
        let preview = Preview::new(store, changes)?;
        let registry = store.registry();
        let is_given = |variable: &str| {
            let named_settings = changes.keys().filter_map(|name| registry.by_name(name));
            named_settings.into_iter().any(|setting| setting.variable == variable)
        };
        let is_address = |variable: &str| ADDRESSES.iter().any(|part| variable.contains(part));
        let moves = registry.settings().iter().any(|setting| {
            let variable = setting.variable;
            is_address(variable) && preview.lookup(variable) != store.lookup(variable)
        });
        let is_secret =
            |variable: &str| registry.by_variable(variable).is_some_and(|setting| setting.secret);
        let lookup = |variable: &str| match moves && is_secret(variable) && !is_given(variable) {
            true => None,
            false => preview.lookup(variable),
        };
        let named = provider.or_else(|| lookup(kind.selector())).unwrap_or_default();
        let provider = named.trim().to_owned();
        if matches!(provider.as_str(), "" | "extractive" | "native") {
            return Ok(AvailableModels { provider, models: Vec::new() });
        }
        let list =
            self.connection_test.model_list(&lookup, &provider, kind == ModelKind::Embedding)?;
        let key = format!("{} {}", kind.selector(), list.identity());
        if let Some(models) = self.cached(&key) {
            return Ok(AvailableModels { provider, models });
        }
        let models = list.models().await?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MAX_LISTS {
            cache.clear();
        }
        cache.insert(key, (Instant::now(), models.clone()));
        Ok(AvailableModels { provider, models })
    }

    fn cached(&self, key: &str) -> Option<Vec<OfferedModel>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (fetched_at, models) = cache.get(key)?;
        (fetched_at.elapsed() < CACHE_TTL).then(|| models.clone())
    }
}

impl std::str::FromStr for ModelKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "llm" => Ok(Self::Language),
            "embedding" => Ok(Self::Embedding),
            _ => Err(Error::invalid("kind", "must be `llm` or `embedding`")),
        }
    }
}
