//! The embedder inside this process: where its model is, and whether it is there.
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::model::Embedder;
use carrel_embedder::fetch::{FILES, ModelFile};
use carrel_embedder::{MiniLm, Options};

use crate::config::Model;

pub struct Native {
    directory: PathBuf,
    embedder: Arc<MiniLm>,
}

impl Native {
    /// Opens nothing: the model is loaded when a text is first embedded.
    pub fn new(model: &Model) -> Self {
        let Model { directory, threads, idle } = model.clone();
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        let options = Options { directory: directory.clone(), threads, release_after: idle };
        Self { directory, embedder: Arc::new(MiniLm::new(options)) }
    }

    pub fn embedder(&self) -> Arc<dyn Embedder> {
        self.embedder.clone()
    }

    /// What to do when files are missing or cut short. Their content is not read: that is done
    /// once, by whoever fetches them.
    pub fn missing(&self) -> Option<String> {
        let is_there = |file: &&ModelFile| {
            let metadata = std::fs::metadata(self.directory.join(file.name));
            metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() == file.size)
        };
        let complete = FILES.iter().all(is_there);
        let directory = self.directory.display();
        (!complete).then(|| {
            format!(
                "the embedding model is not in {directory}; download it with: carrel model fetch"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_missing_or_cut_short_is_told_of() {
        let directory = tempfile::tempdir().unwrap();
        let model = Model { directory: directory.path().to_owned(), threads: 1, idle: None };
        let native = Native::new(&model);
        assert!(native.missing().unwrap().contains("carrel model fetch"));
        for file in FILES {
            std::fs::File::create(directory.path().join(file.name)).unwrap().set_len(1).unwrap();
        }
        assert!(native.missing().is_some());
        for file in FILES {
            let file_size = file.size;
            let file = std::fs::File::create(directory.path().join(file.name)).unwrap();
            file.set_len(file_size).unwrap();
        }
        assert_eq!(native.missing(), None);
    }
}
