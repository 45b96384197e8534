//! The built-in embedder: selects its model from the settings and finds the model's files.
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::{Error, Result};
use carrel_embedder::catalog::{self, KnownModel, MINILM};
use carrel_embedder::{ModelDirectory, NativeEmbedder, Options};

use crate::config::ModelConfig;

/// The variable that names the model.
pub const PREFERENCE: &str = "EMBEDDING_MODEL_PREF";

pub struct Native {
    model: ModelConfig,
    /// The embedder used last, which holds the loaded model.
    built: Mutex<Option<(ModelDirectory, Arc<NativeEmbedder>)>>,
}

impl Native {
    /// Opens no files: the model is loaded when a text is first embedded.
    pub fn new(model: &ModelConfig) -> Self {
        Self { model: model.clone(), built: Mutex::default() }
    }

    /// Returns the embedder of the preferred model, or of the default one.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] if `preference` is not the name of a model.
    pub fn embedder(&self, preference: Option<&str>) -> Result<Arc<NativeEmbedder>> {
        let directory = directory(&self.model, preference)?;
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, embedder)) = &*built
            && known.path == directory.path
        {
            return Ok(embedder.clone());
        }
        let ModelConfig { threads, idle, .. } = self.model;
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        let options = Options { directory: directory.clone(), threads, release_after: idle };
        let embedder = Arc::new(NativeEmbedder::new(options));
        *built = Some((directory, embedder.clone()));
        Ok(embedder)
    }

    /// Returns why the model cannot be loaded, in one sentence that names the missing part. Reads
    /// the files up to their tensors, which takes some hundred milliseconds.
    pub fn problem(&self, preference: Option<&str>) -> Option<String> {
        problem(&self.model, preference)
    }
}

/// Works like [`Native::problem`], without an embedder.
pub fn problem(model: &ModelConfig, preference: Option<&str>) -> Option<String> {
    let directory = match directory(model, preference) {
        Ok(directory) => directory,
        Err(error) => return Some(error.to_string()),
    };
    let error = directory.check().err()?;
    let fetch = match directory.model {
        Some(known) => format!("; download it with: carrel model fetch {}", known.name),
        None => String::new(),
    };
    Some(format!("the embedding model cannot be loaded: {error}{fetch}"))
}

/// Returns the directory of the preferred model.
///
/// # Errors
/// As [`Native::embedder`].
pub fn directory(model: &ModelConfig, preference: Option<&str>) -> Result<ModelDirectory> {
    let preference = preference.map(str::trim).filter(|name| !name.is_empty());
    let Some(name) = preference else {
        let default =
            || ModelDirectory { path: model.models.join(MINILM.name), model: Some(&MINILM) };
        let directory = model.directory.clone();
        return Ok(
            directory.map_or_else(default, |path| ModelDirectory { model: known_in(&path), path })
        );
    };
    if let Some(known) = catalog::find(name) {
        let path = match &model.directory {
            // The configured directory holds this model, or other models are next to it.
            Some(directory) if known_in(directory).is_some_and(|here| here.name == known.name) => {
                directory.clone()
            }
            Some(directory) => directory.with_file_name(known.name),
            None => model.models.join(known.name),
        };
        return Ok(ModelDirectory { path, model: Some(known) });
    }
    let is_name = Path::new(name).file_name().is_some_and(|file| file == name);
    let path = model.models.join(name);
    if is_name && path.is_dir() {
        return Ok(ModelDirectory { path, model: None });
    }
    let known = catalog::MODELS.map(|model| model.name).join(", ");
    let models = model.models.display();
    Err(Error::unavailable(
        "the embedding model",
        format!("{PREFERENCE} must be one of {known}, or the name of a directory in {models}"),
    ))
}

/// Returns the directory of a model that is not an embedder: among the other models, or next to the
/// configured one.
pub fn directory_beside(model: &ModelConfig, name: &str) -> std::path::PathBuf {
    match &model.directory {
        Some(directory) => directory.with_file_name(name),
        None => model.models.join(name),
    }
}

/// Identifies the model of a directory by its name. A directory without config.json holds
/// all-MiniLM-L6-v2.
fn known_in(path: &Path) -> Option<&'static KnownModel> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let found = catalog::MODELS.into_iter().find(|model| model.name == name);
    found.or_else(|| (!path.join("config.json").exists()).then_some(&MINILM))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(root: &Path) -> ModelConfig {
        ModelConfig { directory: None, models: root.to_owned(), threads: 1, idle: None }
    }

    #[test]
    fn a_missing_model_is_reported_in_one_sentence() {
        let directory = tempfile::tempdir().unwrap();
        let model = model(directory.path());
        let problem = problem(&model, None).unwrap();
        assert!(problem.contains("lacks the file vocab.txt"), "{problem}");
        assert!(problem.contains("carrel model fetch all-MiniLM-L6-v2"), "{problem}");
    }

    #[test]
    fn models_have_their_own_names_and_those_that_clients_use() {
        let root = tempfile::tempdir().unwrap();
        let mut model = model(root.path());
        for (name, expected) in [
            ("", "all-MiniLM-L6-v2"),
            ("Xenova/all-MiniLM-L6-v2", "all-MiniLM-L6-v2"),
            ("MintplexLabs/multilingual-e5-small", "multilingual-e5-small"),
            ("multilingual-e5-small", "multilingual-e5-small"),
            ("Xenova/nomic-embed-text-v1", "nomic-embed-text-v1.5"),
            ("BAAI/bge-small-en-v1.5", "bge-small-en-v1.5"),
        ] {
            let found = directory(&model, Some(name)).unwrap();
            assert_eq!(found.path, root.path().join(expected), "{name}");
        }
        model.directory = Some("/srv/models/all-MiniLM-L6-v2".into());
        let sibling = directory(&model, Some("multilingual-e5-small")).unwrap();
        assert_eq!(sibling.path, Path::new("/srv/models/multilingual-e5-small"));
        assert_eq!(directory(&model, None).unwrap().path, model.directory.clone().unwrap());
    }

    #[test]
    fn a_name_that_is_not_a_model_directory_is_refused() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("mine")).unwrap();
        let model = model(root.path());
        assert!(directory(&model, Some("mine")).unwrap().model.is_none());
        for name in ["nobody", "../mine", "/etc", "..", "mine/."] {
            let error = directory(&model, Some(name)).unwrap_err().to_string();
            assert!(error.contains("EMBEDDING_MODEL_PREF must be one of"), "{name}: {error}");
        }
    }
}
