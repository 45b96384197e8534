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

    /// Why questions or documents would fail as things are, one line for each reason. Blocks for
    /// some milliseconds, as certificates are read for providers.
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

/// The settings on which the choice of models depends, fit to be shown, and what is wrong with
/// them. A model that is not here yet is none of that.
pub fn review(providers: &Providers) -> (Vec<Effective>, Vec<String>) {
    let asked = RefCell::new(BTreeMap::new());
    let settings = |name: &str| {
        let found = providers.find(name);
        asked.borrow_mut().insert(name.to_owned(), found.clone());
        found.map(|(value, _)| value)
    };
    let problems = match carrel_providers::http_client() {
        Ok(http) => {
            let chat = carrel_providers::chat_model(&settings, &ModelChoice::default(), &http);
            let embedder = carrel_providers::embedder(&settings, &http);
            [chat.err(), embedder.err()].into_iter().flatten().collect()
        }
        Err(error) => vec![error],
    };
    let effective = |(name, found): (String, Option<(String, Source)>)| {
        let (value, source) = match found {
            Some((value, source)) => (Some(show(&value, shown(&name))), source),
            None => (None, Source::Default),
        };
        Effective { name, value, source }
    };
    let asked = asked.into_inner().into_iter().map(effective).collect();
    (asked, problems.iter().map(|error| chain(error)).collect())
}

/// Providers' keys are called `..._KEY`, `..._TOKEN` and so on; whatever else may hold a URL.
fn shown(name: &str) -> Shown {
    let secret = ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_HEADER"];
    match secret.iter().any(|end| name.ends_with(end)) {
        true => Shown::Never,
        false => Shown::WithoutPassword,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reader::Given;

    fn providers(values: &[(&str, &str)]) -> Providers {
        let values = values.iter().map(|(name, value)| (name.to_string(), Some(value.to_string())));
        Providers::new(Given { environment: values.collect(), ..Given::default() })
    }

    #[test]
    fn a_review_shows_what_was_asked_for_without_secrets() {
        let (asked, problems) = review(&providers(&[
            ("LLM_PROVIDER", "generic-openai"),
            ("GENERIC_OPEN_AI_BASE_PATH", "http://u:hidden@127.0.0.1:9/v1"),
            ("GENERIC_OPEN_AI_MODEL_PREF", "m"),
            ("GENERIC_OPEN_AI_API_KEY", "very-secret"),
            ("UNRELATED", "x"),
        ]));
        assert_eq!(problems, Vec::<String>::new());
        let shown = format!("{asked:?}");
        assert!(shown.contains("GENERIC_OPEN_AI_MODEL_PREF") && shown.contains("127.0.0.1:9"));
        for hidden in ["hidden", "very-secret", "UNRELATED"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
    }

    #[test]
    fn a_review_names_what_is_missing() {
        let given = [("LLM_PROVIDER", "generic-openai"), ("EMBEDDING_ENGINE", "nobody")];
        let (_, problems) = review(&providers(&given));
        assert!(problems[0].contains("GENERIC_OPEN_AI_MODEL_PREF is not set"), "{problems:?}");
        assert!(problems[1].contains("EMBEDDING_ENGINE"), "{problems:?}");
    }
}
