//! Selects the vector index from the settings: the built-in one, or one in a vector database. The
//! index can be swapped while the server runs.
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use carrel_domain::vector::{Neighbour, VectorIndex, VectorQuery, VectorRows};
use carrel_domain::{ChunkId, Result, WorkspaceDocumentId, WorkspaceId};
use carrel_services::connection_test::{IndexConnectionTest, SettingsLookup};
use carrel_services::settings::registry::Capability;
use carrel_services::settings::{SettingsStore, Versions};
use carrel_vectors::choose::Services;
use carrel_vectors::store::Store;
use carrel_vectors::{EmbeddedIndex, SyncedIndex, choose};
use tokio::sync::watch;

use crate::wiring::chain;

/// Implements the domain's vector index with the index that the settings select.
pub struct ConfiguredIndex {
    settings: Arc<SettingsStore>,
    changes: watch::Receiver<Versions>,
    rows: Arc<dyn VectorRows>,
    embedded: Arc<EmbeddedIndex>,
    /// Memory for the codes of a workspace while a vector database does not answer, in bytes.
    room: usize,
    /// The name of the database that holds the vectors.
    name: String,
    services: Services,
    built: Mutex<Option<Built>>,
}

/// The index built from one version of the settings.
#[derive(Clone)]
struct Built {
    version: u64,
    /// `None` for the built-in index, which also replaces one that is misconfigured.
    synced: Option<SyncedIndex>,
    problem: Option<String>,
}

impl ConfiguredIndex {
    /// Reads the name of the database. Does not connect to a vector database yet. `cache_bytes`
    /// limits the memory for codes; `lancedb` is the directory for LanceDB's tables in a build that
    /// includes it.
    pub async fn open(
        settings: Arc<SettingsStore>,
        rows: Arc<dyn VectorRows>,
        cache_bytes: usize,
        lancedb: PathBuf,
    ) -> Result<Self> {
        let name = rows.name().await?;
        let changes = settings.subscribe();
        let embedded = Arc::new(EmbeddedIndex::new(rows.clone(), cache_bytes));
        let built = Mutex::default();
        let services = Services { lancedb: Some(lancedb), ..Services::default() };
        let room = cache_bytes;
        Ok(Self { settings, changes, rows, embedded, room, name, services, built })
    }

    /// Returns why the configured vector database is not used, if so.
    pub fn problem(&self) -> Option<String> {
        self.built().problem
    }

    /// Keeps the configured vector database in sync. Never ends; cancel-safe.
    pub async fn sync_loop(&self) {
        let mut changes = self.changes.clone();
        loop {
            let Built { version, synced, problem } = self.built();
            if let Some(problem) = problem {
                tracing::warn!("{problem}; the index inside this server is used instead");
            }
            if let Some(synced) = &synced {
                let (name, store) = (&self.name, synced.store());
                tracing::info!(name, "vectors are kept in {store}");
            }
            let is_other = |versions: &Versions| versions.of(Capability::Vectors) != version;
            tokio::select! {
                Ok(_) = changes.wait_for(is_other) => {}
                () = sync_loop(synced) => {}
            }
        }
    }

    fn current(&self) -> Arc<dyn VectorIndex> {
        match self.built().synced {
            Some(synced) => Arc::new(synced),
            None => self.embedded.clone(),
        }
    }

    fn store(&self, settings: &dyn Fn(&str) -> Option<String>) -> Result<Option<Arc<dyn Store>>> {
        choose::store_in(&self.services, settings, carrel_providers::http_client, &self.name)
    }

    fn synced(&self, store: Arc<dyn Store>) -> SyncedIndex {
        SyncedIndex::new(store, self.rows.clone(), self.embedded.clone(), self.room)
    }

    fn built(&self) -> Built {
        let version = self.changes.borrow().of(Capability::Vectors);
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(built) = built.as_ref().filter(|built| built.version == version) {
            return built.clone();
        }
        let settings = |name: &str| self.settings.lookup(name);
        let chosen = self.store(&settings);
        let unknown = self.settings.unavailable("VECTOR_DB");
        let unknown = unknown.map(|problem| format!("VECTOR_DB: {problem}"));
        let problem = unknown.or_else(|| chosen.as_ref().err().map(|error| chain(error)));
        let synced = chosen.ok().flatten().map(|store| self.synced(store));
        built.insert(Built { version, synced, problem }).clone()
    }
}

impl IndexConnectionTest for ConfiguredIndex {
    fn index(&self, settings: &SettingsLookup<'_>) -> Result<Arc<dyn VectorIndex>> {
        let settings = |name: &str| settings(name);
        match self.store(&settings)? {
            Some(store) => Ok(Arc::new(self.synced(store))),
            None => Ok(self.embedded.clone()),
        }
    }
}

async fn sync_loop(synced: Option<SyncedIndex>) {
    match synced {
        Some(synced) => synced.sync_loop().await,
        None => std::future::pending().await,
    }
}

/// Returns the names of the settings that determine the index, and the problem with them, if any.
pub fn review(store: &SettingsStore) -> (BTreeSet<String>, Option<String>) {
    let requested = RefCell::new(BTreeSet::new());
    let settings = |name: &str| {
        requested.borrow_mut().insert(name.to_owned());
        store.lookup(name)
    };
    let chosen = choose::store(&settings, carrel_providers::http_client, "");
    // An unknown name is reported elsewhere.
    let problem = chosen.err().filter(|_| store.unavailable("VECTOR_DB").is_none());
    let problem = problem.map(|error| chain(&error));
    (requested.into_inner(), problem)
}

#[async_trait]
impl VectorIndex for ConfiguredIndex {
    async fn upsert(&self, within: WorkspaceId, document: WorkspaceDocumentId) -> Result<()> {
        self.current().upsert(within, document).await
    }

    async fn remove(&self, within: WorkspaceId, documents: &[WorkspaceDocumentId]) -> Result<()> {
        self.current().remove(within, documents).await
    }

    async fn drop_workspace(&self, within: WorkspaceId) -> Result<()> {
        self.current().drop_workspace(within).await
    }

    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64> {
        self.current().count(within).await
    }

    async fn stored_count(&self) -> Result<u64> {
        self.current().stored_count().await
    }

    async fn nearest(&self, query: VectorQuery<'_>) -> Result<Vec<Neighbour>> {
        self.current().nearest(query).await
    }

    async fn similarity(&self, to: &[f32], chunks: &[ChunkId]) -> Result<Vec<Neighbour>> {
        self.current().similarity(to, chunks).await
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::audit::By;
    use carrel_services::settings::Leniency;
    use carrel_services::settings::key::Key;
    use chrono::Utc;
    use serde_json::json;

    use super::*;
    use crate::config::RawConfig;
    use crate::settings;

    #[tokio::test]
    async fn the_index_is_swapped_when_the_settings_change_and_kept_when_others_do() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("a.db").display());
        let database = Arc::new(carrel_persistence::Database::open(&url).unwrap());
        let store = settings::open(&RawConfig::default(), database.clone(), &Key::random()).await;
        let store = store.unwrap();
        let lancedb = directory.path().join("lancedb");
        let index = ConfiguredIndex::open(store.clone(), database, 1 << 20, lancedb).await.unwrap();
        let is_lancedb = cfg!(feature = "lancedb");
        let set = async |changes: serde_json::Value| {
            let by = By::operator(Utc::now());
            store.update(changes.as_object().unwrap(), Leniency::Lenient, &by).await.unwrap()
        };
        assert!(index.built().synced.is_some() == is_lancedb && index.problem().is_none());
        set(json!({ "VectorDB": "chroma" })).await;
        assert_eq!(index.problem().unwrap(), "Chroma is unavailable: CHROMA_ENDPOINT is not set");
        assert_eq!(index.stored_count().await.unwrap(), 0, "the index inside this server answers");
        let (requested, problem) = review(&store);
        assert!(requested.contains("CHROMA_ENDPOINT") && problem.is_some());
        set(json!({ "ChromaEndpoint": "http://127.0.0.1:9" })).await;
        let before = index.built();
        assert!(before.synced.is_some() && before.problem.is_none());
        let error = index.stored_count().await.unwrap_err().to_string();
        assert!(error.contains("http://127.0.0.1:9/ cannot be reached"), "{error}");
        set(json!({ "DisableTelemetry": "true" })).await;
        assert_eq!(index.built().version, before.version);
        set(json!({ "VectorDB": "lancedb" })).await;
        assert_eq!(index.built().synced.is_some(), is_lancedb);
    }
}
