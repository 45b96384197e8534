//! Vector databases that are really there, each test with a corner of its own in them.
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};
use carrel_vectors::choose;
use carrel_vectors::store::{Dimensions, Store, Tombstones, Watermark};

use super::qdrant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PgVector,
    Chroma,
    /// A stand-in that speaks its documented wire: the real one cannot be had here.
    QdrantStub,
}

/// The address of a store in a variable that `cargo xtask test` sets; `None` where it is to be
/// left out.
pub fn address(variable: &str) -> Option<String> {
    match std::env::var(variable) {
        Ok(skip) if skip == "skip" => {
            eprintln!("NOT TESTED: {variable} is `skip`");
            None
        }
        Ok(address) => Some(address),
        Err(_) => panic!("{variable} is not set; `cargo xtask test` sets it, `skip` leaves it out"),
    }
}

/// A name that no other test has.
pub fn installation() -> String {
    format!("{:016x}", RandomState::new().hash_one(0))
}

impl Kind {
    /// Opens the store as `installation`; `None` where it is left out.
    pub async fn open(self, installation: &str) -> Option<Arc<dyn Store>> {
        let settings = match self {
            Self::PgVector => vec![
                ("VECTOR_DB", "pgvector".to_owned()),
                ("PGVECTOR_CONNECTION_STRING", address("CARREL_TEST_PGVECTOR")?),
                ("PGVECTOR_TABLE_NAME", "carrel_tests".to_owned()),
            ],
            Self::Chroma => vec![
                ("VECTOR_DB", "chroma".to_owned()),
                ("CHROMA_ENDPOINT", address("CARREL_TEST_CHROMA")?),
            ],
            Self::QdrantStub => vec![
                ("VECTOR_DB", "qdrant".to_owned()),
                ("QDRANT_ENDPOINT", qdrant::address().await),
                ("QDRANT_API_KEY", qdrant::KEY.to_owned()),
            ],
        };
        Some(by(&settings, installation).unwrap())
    }
}

/// The store that settings mean.
pub fn by(settings: &[(&str, String)], installation: &str) -> Result<Arc<dyn Store>> {
    let lookup = |name: &str| {
        let found = settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    };
    Ok(choose::store(&lookup, http, installation)?.expect("a store is chosen"))
}

fn http() -> Result<reqwest::Client> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(ring);
    let tls = tls.with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap())
}

/// A store that goes away after a number of requests.
pub struct Failing {
    store: Arc<dyn Store>,
    /// How many requests it still answers.
    left: AtomicI64,
}

impl Failing {
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, left: AtomicI64::new(i64::MAX) })
    }

    /// The store itself, which never goes away.
    pub fn whole(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    pub fn answer(&self, requests: i64) {
        self.left.store(requests, Ordering::SeqCst);
    }

    fn store(&self) -> Result<&dyn Store> {
        match self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            true => Ok(&*self.store),
            false => Err(Error::unavailable("the store", "it is away")),
        }
    }
}

#[async_trait]
impl Store for Failing {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        self.store()?.watermarks().await
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        self.store()?.watermark(within).await
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        self.store()?.set_watermark(within, watermark).await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        self.store()?.put(within, dimensions, rows).await
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        self.store()?.remove(within, of, tombstones).await
    }

    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        self.store()?.clear(within, of).await
    }

    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        self.store()?.count(within, of).await
    }

    async fn count_soon(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        self.store()?.count_soon(within, of).await
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        self.store()?.chunks(within, of).await
    }

    async fn nearest(
        &self,
        within: WorkspaceId,
        to: &[f32],
        limit: usize,
        among: DocumentSelection<&[WorkspaceDocumentId]>,
    ) -> Result<Vec<ChunkId>> {
        self.store()?.nearest(within, to, limit, among).await
    }
}
