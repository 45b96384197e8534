//! Every port and service, built once from the configuration and wired together.
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use carrel_documents::{DocumentStore, FileExtractor, Limits, RecursiveSplitter};
use carrel_domain::library::Placements;
use carrel_domain::settings::Settings;
use carrel_domain::user::Users;
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspaces;
use carrel_persistence::Database;
use carrel_services::chat::Conversations;
use carrel_services::keyring::Keyring;
use carrel_services::library::Library;
use carrel_services::search::Search;
use carrel_vectors::EmbeddedIndex;
use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Config;
use crate::models::ConfiguredModels;
use crate::storage::Storage;

/// After this long, a file without a document is taken to be left over and not on its way.
const SETTLED: TimeDelta = TimeDelta::minutes(1);

/// After this long, a file that is still being written is taken to be left over.
const WRITTEN: Duration = Duration::from_secs(3_600);

/// A storage directory and its database, open, with everything that works on them.
pub struct Carrel {
    pub users: Arc<dyn Users>,
    pub workspaces: Arc<dyn Workspaces>,
    pub placements: Arc<dyn Placements>,
    pub settings: Arc<dyn Settings>,
    pub index: Arc<dyn VectorIndex>,
    pub models: Arc<ConfiguredModels>,
    pub keyring: Arc<Keyring>,
    pub library: Library,
    pub search: Search,
    pub conversations: Conversations,
    files: DocumentStore,
    /// Tells other processes that this one is here.
    storage: Storage,
}

impl Carrel {
    /// Opens the storage and the database, both made if need be, and puts in order what an earlier
    /// process may have left half done. Any number of processes may have the same storage open.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let storage = Storage::open(&config.storage)?;
        let url = config.database.url.clone();
        let opened = tokio::task::spawn_blocking(move || Database::open(&url)).await;
        let database = opened.context("failed to open the database")??;
        // Whoever has the directory to themselves has a SQLite database to themselves too; a
        // server elsewhere may have other clients, who are in the middle of something.
        let now = Utc::now();
        let left_over = storage.is_alone() && database.is_sqlite();
        let before = if left_over { now } else { now - SETTLED };
        let mut carrel = Self::wire(config, database, storage)?;
        carrel.settle(before).await;
        carrel.storage.share().context("failed to share the storage directory")?;
        Ok(carrel)
    }

    fn wire(config: &Config, database: Database, storage: Storage) -> anyhow::Result<Self> {
        let database = Arc::new(database);
        let models = Arc::new(ConfiguredModels::new(config));
        let index = EmbeddedIndex::new(database.clone(), config.limits.vector_cache);
        let index: Arc<dyn VectorIndex> = Arc::new(index);
        // Text sent as such is bounded by the body it came in, text from files by the file.
        let upload = config.limits.upload;
        let text = upload.max(config.limits.body as u64);
        let files = DocumentStore::local(&config.storage.documents())
            .context("failed to open the documents directory")?
            .with_largest_text(text);
        let search =
            Search { models: models.clone(), index: index.clone(), placements: database.clone() };
        let library = Library {
            documents: database.clone(),
            placements: database.clone(),
            files: Arc::new(files.clone()),
            extractor: Arc::new(FileExtractor::new(Limits { file: upload, text })),
            splitter: Arc::new(RecursiveSplitter),
            settings: database.clone(),
            models: models.clone(),
            index: index.clone(),
        };
        let conversations = Conversations {
            search: search.clone(),
            models: models.clone(),
            chats: database.clone(),
        };
        Ok(Self {
            users: database.clone(),
            workspaces: database.clone(),
            placements: database.clone(),
            settings: database.clone(),
            keyring: Arc::new(Keyring::new(database)),
            index,
            models,
            library,
            search,
            conversations,
            files,
            storage,
        })
    }

    /// What the HTTP face is wired to.
    pub fn ports(&self) -> carrel_api::Ports {
        carrel_api::Ports {
            keyring: self.keyring.clone(),
            workspaces: self.workspaces.clone(),
            placements: self.placements.clone(),
            settings: self.settings.clone(),
            index: self.index.clone(),
            models: self.models.clone(),
            library: self.library.clone(),
            search: self.search.clone(),
            conversations: self.conversations.clone(),
        }
    }

    /// Writes down what was only remembered so far, and tidies up after crashes. What fails is
    /// logged, and tried again the next time.
    pub async fn keep_up(&self) {
        if let Err(error) = self.keyring.note_uses().await {
            tracing::warn!(error = chain(&error), "failed to note when API keys were used");
        }
        self.settle(Utc::now() - SETTLED).await;
    }

    /// Removes files whose writing was broken off. Reads every folder of documents, so it is for
    /// now and then.
    pub async fn remove_unfinished(&self) {
        let Some(before) = SystemTime::now().checked_sub(WRITTEN) else { return };
        match self.files.remove_unfinished(before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed files that were never finished"),
            Err(error) => {
                tracing::warn!(error = chain(&error), "failed to look for unfinished files");
            }
        }
    }

    async fn settle(&self, before: DateTime<Utc>) {
        match self.library.settle(before).await {
            Ok(0) => {}
            Ok(settled) => tracing::info!(settled, "put files and documents in accord"),
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "failed to put files and documents in accord"
                );
            }
        }
    }
}

/// An error with its causes, as a field of a log record.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use carrel_domain::DocumentPath;

    use super::*;
    use crate::config;

    fn config(storage: &Path) -> Config {
        let flags = [("--storage", storage.to_str().unwrap().to_owned())];
        config::read(flags.into(), config::Environment::new()).config.ok().unwrap()
    }

    /// As a process leaves it that is killed before it can commit the document of a file.
    async fn leave_a_file(carrel: &Carrel, config: &Config) -> std::path::PathBuf {
        let path = DocumentPath::parse("custom-documents/orphan.json").unwrap();
        carrel.library.documents.expect_file(&path, Utc::now()).await.unwrap();
        let file = config.storage.documents().join("custom-documents/orphan.json");
        std::fs::write(&file, "{}").unwrap();
        file
    }

    #[tokio::test]
    async fn what_a_killed_process_left_is_gone_at_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let first = Carrel::open(&config).await.unwrap();
        let file = leave_a_file(&first, &config).await;
        drop(first);
        Carrel::open(&config).await.unwrap();
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn what_another_process_is_writing_stays() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let first = Carrel::open(&config).await.unwrap();
        let file = leave_a_file(&first, &config).await;
        let second = Carrel::open(&config).await.unwrap();
        second.keep_up().await;
        assert!(file.exists());
    }
}
