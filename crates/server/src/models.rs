//! Which language model and which embedder are meant by the configuration: built when they are
//! first needed, and kept.
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrel_domain::Result;
use carrel_domain::model::{ChatModel, Embedder, ModelChoice, Models};

use crate::config::reader::{Effective, show};
use crate::config::variables::Shown;
use crate::config::{Config, Providers, Source};
use crate::native::Native;
use crate::wiring::chain;

/// The models of the configuration, behind the domain's port.
pub struct ConfiguredModels {
    providers: Providers,
    native: Native,
    built: Mutex<Built>,
}

/// What was asked for before.
#[derive(Default)]
struct Built {
    http: Option<reqwest::Client>,
    /// By provider and model.
    chats: HashMap<(Option<String>, Option<String>), Arc<dyn ChatModel>>,
    embedder: Option<Arc<dyn Embedder>>,
}

/// How many language models are kept. Workspaces name them, so there could be any number.
const MOST_CHATS: usize = 64;

impl ConfiguredModels {
    pub fn new(config: &Config) -> Self {
        let native = Native::new(&config.model);
        Self { providers: config.providers.clone(), native, built: Mutex::default() }
    }

    /// Why questions or documents would fail as things are, one line for each reason.
    pub fn problems(&self) -> Vec<String> {
        let chat = self.chat(&ModelChoice::default()).err().map(|error| chain(&error));
        chat.into_iter().chain(self.embedder_problem()).collect()
    }

    /// Why documents could not be embedded as things are.
    pub fn embedder_problem(&self) -> Option<String> {
        match self.remote() {
            Ok(Some(_)) => None,
            Ok(None) => self.native.missing(),
            Err(error) => Some(chain(&error)),
        }
    }

    /// As [`ConfiguredModels::problems`], but only what is wrong with the configuration: a model
    /// that is not here yet is none of that.
    pub fn configuration_problems(&self) -> Vec<String> {
        let chat = self.chat(&ModelChoice::default()).err();
        chat.into_iter().chain(self.remote().err()).map(|error| chain(&error)).collect()
    }

    /// The settings that the choice of models depends on, fit to be shown.
    pub fn asked(&self) -> Vec<Effective> {
        let asked = RefCell::new(BTreeMap::new());
        let settings = |name: &str| {
            asked.borrow_mut().entry(name.to_owned()).or_insert_with(|| self.providers.find(name));
            self.providers.get(name)
        };
        if let Ok(http) = self.http() {
            // What comes of it is told by `configuration_problems`; here only the questions count.
            let _ = carrel_providers::chat_model(&settings, &ModelChoice::default(), &http);
            let _ = carrel_providers::embedder(&settings, &http);
        }
        let effective = |(name, found): (String, Option<(String, Source)>)| {
            let (value, source) = match found {
                Some((value, source)) => (Some(show(&value, shown(&name))), source),
                None => (None, Source::Default),
            };
            Effective { name, value, source }
        };
        asked.into_inner().into_iter().map(effective).collect()
    }

    fn remote(&self) -> Result<Option<Arc<dyn Embedder>>> {
        carrel_providers::embedder(&|name| self.providers.get(name), &self.http()?)
    }

    fn http(&self) -> Result<reqwest::Client> {
        let mut built = self.built();
        if let Some(http) = &built.http {
            return Ok(http.clone());
        }
        let http = carrel_providers::http_client()?;
        built.http = Some(http.clone());
        Ok(http)
    }

    fn built(&self) -> MutexGuard<'_, Built> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Models for ConfiguredModels {
    fn chat(&self, choice: &ModelChoice) -> Result<Arc<dyn ChatModel>> {
        let key = (choice.provider.clone(), choice.model.clone());
        if let Some(model) = self.built().chats.get(&key) {
            return Ok(model.clone());
        }
        let settings = |name: &str| self.providers.get(name);
        let model = carrel_providers::chat_model(&settings, choice, &self.http()?)?;
        let mut built = self.built();
        if built.chats.len() >= MOST_CHATS {
            built.chats.clear();
        }
        built.chats.insert(key, model.clone());
        Ok(model)
    }

    fn embedder(&self) -> Result<Arc<dyn Embedder>> {
        if let Some(embedder) = &self.built().embedder {
            return Ok(embedder.clone());
        }
        let embedder = match self.remote()? {
            Some(embedder) => embedder,
            None => self.native.embedder(),
        };
        self.built().embedder = Some(embedder.clone());
        Ok(embedder)
    }
}

/// Providers' keys are called `..._KEY`, `..._TOKEN` and so on; whatever else may hold a URL.
fn shown(name: &str) -> Shown {
    let secret = ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_HEADER"];
    match secret.iter().any(|end| name.ends_with(end)) {
        true => Shown::Never,
        false => Shown::WithoutPassword,
    }
}
