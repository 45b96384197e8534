//! Selects the language model and the embedder from the settings. Each is created on first use, and
//! again after its settings have changed.
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrel_domain::image::ImageModel;
use carrel_domain::model::{ChatModel, Embedder, ModelChoice, ModelList, Models};
use carrel_domain::reranker::Reranker;
use carrel_domain::{Error, Result};
use carrel_providers::Http;
use carrel_services::connection_test::{ConnectionTest, SettingsLookup};
use carrel_services::settings::registry::Capability;
use carrel_services::settings::{SettingsStore, Versions};
use tokio::sync::watch;

use crate::config;
use crate::native::{self, Native, PREFERENCE};
use crate::wiring::chain;

/// Implements the domain's models with those that the settings select.
pub struct ConfiguredModels {
    settings: Arc<SettingsStore>,
    changes: watch::Receiver<Versions>,
    native: Native,
    http: Mutex<Option<Http>>,
    built: Mutex<Built>,
}

/// The models created from one version of the settings.
#[derive(Default)]
struct Built {
    versions: Versions,
    /// By provider and model.
    chats: HashMap<(Option<String>, Option<String>), Arc<dyn ChatModel>>,
    embedder: Option<Arc<dyn Embedder>>,
    /// The outer `None` means not requested yet, the inner that the settings name no reranker.
    reranker: Option<Option<Arc<dyn Reranker>>>,
}

/// The number of language models kept. Workspaces choose models, so their number is unbounded.
const MAX_CHATS: usize = 64;

impl ConfiguredModels {
    pub fn new(model: &config::ModelConfig, settings: Arc<SettingsStore>) -> Self {
        let changes = settings.subscribe();
        let (http, built) = (Mutex::default(), Mutex::default());
        Self { settings, changes, native: Native::new(model), http, built }
    }

    /// Returns why questions, documents or images would fail, one line for each reason. Blocks for
    /// some milliseconds to read certificates.
    pub fn problems(&self) -> Vec<String> {
        let chat = self.chat(&ModelChoice::default()).err().map(|error| chain(&error));
        let http = self.http().ok();
        let images = http.and_then(|http| image_problem(&|name| self.settings.lookup(name), &http));
        let images = images.map(|error| chain(&error));
        let reranker = self.reranker().err().map(|error| chain(&error));
        let remaining = [self.embedder_problem(), images, reranker];
        chat.into_iter().chain(remaining.into_iter().flatten()).collect()
    }

    /// Returns why documents cannot be embedded, if so.
    pub fn embedder_problem(&self) -> Option<String> {
        match self.remote() {
            Ok(Some(_)) => None,
            Ok(None) => self.native.problem(self.settings.lookup(PREFERENCE).as_deref()),
            Err(error) => Some(chain(&error)),
        }
    }

    fn remote(&self) -> Result<Option<Arc<dyn Embedder>>> {
        carrel_providers::embedder(&|name| self.settings.lookup(name), &self.http()?)
    }

    /// Returns the current value of a variable.
    pub fn lookup(&self, variable: &str) -> Option<String> {
        self.settings.lookup(variable)
    }

    pub fn http(&self) -> Result<Http> {
        let mut http = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(http) = &*http {
            return Ok(http.clone());
        }
        let new = Http::new()?;
        Ok(http.insert(new).clone())
    }

    /// Locks the models, and drops those whose settings have changed.
    fn built(&self) -> MutexGuard<'_, Built> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.changes.borrow();
        if *now != built.versions {
            let stale = |capability| now.of(capability) != built.versions.of(capability);
            let chats = stale(Capability::LanguageModel);
            let embedder = stale(Capability::Embedding);
            let reranker = stale(Capability::Reranking);
            if chats {
                built.chats.clear();
            }
            if embedder {
                built.embedder = None;
            }
            if reranker {
                built.reranker = None;
            }
            built.versions = now.clone();
        }
        drop(now);
        built
    }

    /// Calls `keep` unless the settings have changed since `versions`: the model may have been
    /// created from older ones.
    fn keep(&self, versions: &Versions, keep: impl FnOnce(&mut Built)) {
        let mut built = self.built();
        if built.versions == *versions {
            keep(&mut built);
        }
    }
}

impl Models for ConfiguredModels {
    fn chat(&self, choice: &ModelChoice) -> Result<Arc<dyn ChatModel>> {
        let key = (choice.provider.clone(), choice.model.clone());
        let built = self.built();
        if let Some(model) = built.chats.get(&key) {
            return Ok(model.clone());
        }
        let versions = built.versions.clone();
        drop(built);
        let settings = |name: &str| self.settings.lookup(name);
        let model = carrel_providers::chat_model(&settings, choice, &self.http()?)?;
        self.keep(&versions, |built| {
            if built.chats.len() >= MAX_CHATS {
                built.chats.clear();
            }
            built.chats.insert(key, model.clone());
        });
        Ok(model)
    }

    fn embedder(&self) -> Result<Arc<dyn Embedder>> {
        let built = self.built();
        if let Some(embedder) = &built.embedder {
            return Ok(embedder.clone());
        }
        let versions = built.versions.clone();
        drop(built);
        let embedder = match self.remote()? {
            Some(embedder) => embedder,
            None => self.native.embedder(self.settings.lookup(PREFERENCE).as_deref())?,
        };
        self.keep(&versions, |built| built.embedder = Some(embedder.clone()));
        Ok(embedder)
    }

    fn reranker(&self) -> Result<Option<Arc<dyn Reranker>>> {
        let built = self.built();
        if let Some(reranker) = &built.reranker {
            return Ok(reranker.clone());
        }
        let versions = built.versions.clone();
        drop(built);
        let settings = |name: &str| self.settings.lookup(name);
        let reranker = carrel_providers::reranker(&settings, &self.http()?)?;
        self.keep(&versions, |built| built.reranker = Some(reranker.clone()));
        Ok(reranker)
    }

    // Created for every request, which is cheap compared with generating an image.
    fn images(&self) -> Result<Arc<dyn ImageModel>> {
        carrel_providers::image_model(&|name| self.settings.lookup(name), &self.http()?)
    }
}

impl ConnectionTest for ConfiguredModels {
    fn language_model(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn ChatModel>> {
        carrel_providers::chat_model(&|name| settings(name), &ModelChoice::default(), &self.http()?)
    }

    fn embedding_model(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn Embedder>> {
        let remote = carrel_providers::embedder(&|name| settings(name), &self.http()?)?;
        match remote {
            Some(remote) => Ok(remote),
            None => Ok(self.native.embedder(settings(PREFERENCE).as_deref())?),
        }
    }

    fn model_list(
        &self,
        settings: &SettingsLookup<'_>,
        provider: &str,
        embeds: bool,
    ) -> Result<Arc<dyn ModelList>> {
        carrel_providers::model_list(&|name| settings(name), provider, embeds, &self.http()?)
    }

    fn reranking_model(&self, settings: &SettingsLookup<'_>) -> Result<Option<Arc<dyn Reranker>>> {
        carrel_providers::reranker(&|name| settings(name), &self.http()?)
    }

    fn image_model(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn ImageModel>> {
        carrel_providers::image_model(&|name| settings(name), &self.http()?)
    }
}

/// Returns the problem with the configured image provider. Having no image provider is not a
/// problem.
fn image_problem(settings: &dyn Fn(&str) -> Option<String>, http: &Http) -> Option<Error> {
    settings("IMAGE_GEN_PROVIDER").filter(|name| !name.trim().is_empty())?;
    carrel_providers::image_model(settings, http).err()
}

/// Returns the names of the settings that determine the models, the problems with them, and last
/// the problem with the built-in embedder, if it is used; the server starts without it.
pub fn review(
    store: &SettingsStore,
    model: Option<&config::ModelConfig>,
) -> (BTreeSet<String>, Vec<String>, Option<String>) {
    let requested = RefCell::new(BTreeSet::new());
    let settings = |name: &str| {
        requested.borrow_mut().insert(name.to_owned());
        store.lookup(name)
    };
    let mut native = None;
    let problems = match Http::new() {
        Ok(http) => {
            let chat = carrel_providers::chat_model(&settings, &ModelChoice::default(), &http);
            let embedder = carrel_providers::embedder(&settings, &http);
            if let (Ok(None), Some(model)) = (&embedder, model) {
                native = native::problem(model, settings(PREFERENCE).as_deref());
            }
            let images = image_problem(&settings, &http);
            let reranker = carrel_providers::reranker(&settings, &http);
            [chat.err(), embedder.err(), images, reranker.err()].into_iter().flatten().collect()
        }
        Err(error) => vec![error],
    };
    let problems = problems.iter().map(|error| chain(error)).collect();
    (requested.into_inner(), problems, native)
}

#[cfg(test)]
mod tests {
    use carrel_domain::audit::By;
    use carrel_services::settings::Leniency;
    use carrel_services::settings::key::Key;
    use chrono::Utc;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::RawConfig;
    use crate::settings;

    async fn store(directory: &std::path::Path, values: &[(&str, &str)]) -> Arc<SettingsStore> {
        let url = format!("sqlite://{}", directory.join("a.db").display());
        let database = Arc::new(carrel_persistence::Database::open(&url).unwrap());
        let values = values.iter().map(|(name, value)| (name.to_string(), Some(value.to_string())));
        let raw = RawConfig { environment: values.collect(), ..RawConfig::default() };
        settings::open(&raw, database, &Key::random()).await.unwrap()
    }

    async fn set(store: &SettingsStore, changes: Value) -> Result<()> {
        let changes = changes.as_object().unwrap();
        store.update(changes, Leniency::Strict, &By::operator(Utc::now())).await.map(drop)
    }

    #[tokio::test]
    async fn a_review_names_what_is_asked_for_and_what_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let given = [("LLM_PROVIDER", "generic-openai"), ("EMBEDDING_ENGINE", "nobody")];
        let (requested, problems, _) = review(&*store(directory.path(), &given).await, None);
        assert!(requested.contains("GENERIC_OPEN_AI_MODEL_PREF"), "{requested:?}");
        assert!(problems[0].contains("GENERIC_OPEN_AI_MODEL_PREF is not set"), "{problems:?}");
        assert!(problems[1].contains("EMBEDDING_ENGINE"), "{problems:?}");
    }

    #[tokio::test]
    async fn models_are_swapped_when_the_settings_change_and_kept_when_others_do() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), &[]).await;
        let model = config::ModelConfig {
            directory: None,
            models: directory.path().into(),
            threads: 1,
            idle: None,
        };
        let models = ConfiguredModels::new(&model, store.clone());
        let chat = || models.chat(&ModelChoice::default()).unwrap();
        assert_eq!(chat().name().provider, "extractive");
        let native = models.embedder().unwrap();
        let generic = json!({
            "LLMProvider": "generic-openai",
            "GenericOpenAiBasePath": "http://127.0.0.1:9/v1",
            "GenericOpenAiModelPref": "one",
            "GenericOpenAiKey": "hidden",
        });
        set(&store, generic).await.unwrap();
        let one = chat();
        assert_eq!(one.name().model, "one");
        assert!(Arc::ptr_eq(&one, &chat()));
        set(&store, json!({ "DisableTelemetry": "true" })).await.unwrap();
        assert!(Arc::ptr_eq(&one, &chat()));
        assert!(Arc::ptr_eq(&native, &models.embedder().unwrap()));
        set(&store, json!({ "GenericOpenAiModelPref": "two" })).await.unwrap();
        assert_eq!(chat().name().model, "two");
        let remote = json!({
            "EmbeddingEngine": "generic-openai",
            "EmbeddingBasePath": "http://127.0.0.1:9/v1",
            "EmbeddingModelPref": "e",
        });
        set(&store, remote).await.unwrap();
        assert_eq!(models.embedder().unwrap().model().name, "e");
        for wrong in [
            json!({ "VectorDB": "faiss" }),
            json!({ "EmbeddingEngine": "none" }),
            json!({ "LLMProvider": "nobody" }),
        ] {
            assert!(set(&store, wrong).await.is_err());
        }
        assert_eq!(models.embedder().unwrap().model().name, "e");
    }
}
