//! Vector databases for tests. Each test uses its own part of them.
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};
use carrel_vectors::choose::{self, Services};
use carrel_vectors::store::{Dimensions, Limits, Store, Tombstones, Watermark};

use super::{qdrant, vendors};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PgVector,
    Chroma,
    /// A stub with the documented API, because the real service is not available here.
    QdrantStub,
    MilvusStub,
    /// The engine of Milvus behind its REST API. Not run by the test suite.
    MilvusLite,
    ZillizStub,
    PineconeStub,
    WeaviateStub,
    AstraStub,
    /// A proxy in front of a real Chroma.
    ChromaCloud,
    #[cfg(feature = "lancedb")]
    LanceDb,
}

/// Every so many requests, stubs of cloud services respond with "too many requests".
const RATE: u64 = 7;

/// Returns the address of a store from a variable that `cargo xtask test` sets, or `None` to skip
/// it.
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

/// Returns a unique installation name.
pub fn installation() -> String {
    format!("{:016x}", RandomState::new().hash_one(0))
}

impl Kind {
    /// Opens the store for `installation`. Returns `None` to skip it.
    pub async fn open(self, installation: &str) -> Option<Arc<dyn Store>> {
        let settings = self.settings().await?;
        Some(by(&settings, installation).unwrap())
    }

    /// Returns the store's settings, or `None` to skip it.
    pub async fn settings(self) -> Option<Vec<(&'static str, String)>> {
        Some(match self {
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
            Self::MilvusStub => {
                static ADDRESS: LazyLock<String> =
                    LazyLock::new(|| vendors::milvus::start(16_384, 0));
                let (user, password) = vendors::milvus::TOKEN.split_once(':').unwrap();
                let host = ADDRESS.strip_prefix("http://").unwrap();
                vec![
                    ("VECTOR_DB", "milvus".to_owned()),
                    ("MILVUS_ADDRESS", host.to_owned()),
                    ("MILVUS_USERNAME", user.to_owned()),
                    ("MILVUS_PASSWORD", password.to_owned()),
                ]
            }
            Self::MilvusLite => {
                let address = std::env::var("CARREL_TEST_MILVUS").ok();
                if address.is_none() {
                    eprintln!("NOT TESTED: `cargo xtask vendors` starts Milvus");
                }
                let (user, password) = vendors::milvus::TOKEN.split_once(':').unwrap();
                vec![
                    ("VECTOR_DB", "milvus".to_owned()),
                    ("MILVUS_ADDRESS", address?),
                    ("MILVUS_USERNAME", user.to_owned()),
                    ("MILVUS_PASSWORD", password.to_owned()),
                ]
            }
            Self::ZillizStub => {
                static ADDRESS: LazyLock<String> =
                    LazyLock::new(|| vendors::milvus::start(1_024, RATE));
                vec![
                    ("VECTOR_DB", "zilliz".to_owned()),
                    ("ZILLIZ_ENDPOINT", ADDRESS.clone()),
                    ("ZILLIZ_API_TOKEN", vendors::milvus::TOKEN.to_owned()),
                ]
            }
            Self::PineconeStub => vec![
                ("VECTOR_DB", "pinecone".to_owned()),
                ("PINECONE_API_KEY", vendors::pinecone::KEY.to_owned()),
                ("PINECONE_INDEX", vendors::pinecone::INDEX.to_owned()),
            ],
            Self::WeaviateStub => {
                static ADDRESS: LazyLock<String> = LazyLock::new(|| vendors::weaviate::start(RATE));
                vec![
                    ("VECTOR_DB", "weaviate".to_owned()),
                    ("WEAVIATE_ENDPOINT", ADDRESS.clone()),
                    ("WEAVIATE_API_KEY", vendors::weaviate::KEY.to_owned()),
                ]
            }
            Self::AstraStub => {
                static ADDRESS: LazyLock<String> = LazyLock::new(|| vendors::astra::start(RATE));
                vec![
                    ("VECTOR_DB", "astra".to_owned()),
                    ("ASTRA_DB_ENDPOINT", ADDRESS.clone()),
                    ("ASTRA_DB_APPLICATION_TOKEN", vendors::astra::KEY.to_owned()),
                ]
            }
            Self::ChromaCloud => {
                address("CARREL_TEST_CHROMA")?;
                vec![
                    ("VECTOR_DB", "chromacloud".to_owned()),
                    ("CHROMACLOUD_API_KEY", vendors::chroma_cloud::KEY.to_owned()),
                    ("CHROMACLOUD_TENANT", vendors::chroma_cloud::TENANT.to_owned()),
                    ("CHROMACLOUD_DATABASE", vendors::chroma_cloud::DATABASE.to_owned()),
                ]
            }
            #[cfg(feature = "lancedb")]
            Self::LanceDb => vec![("VECTOR_DB", "lancedb".to_owned())],
        })
    }
}

/// Returns the directory of LanceDB's tables. Examples have no directory for temporary files of their own.
pub fn lancedb() -> PathBuf {
    let built = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    built.join("lancedb")
}

/// Creates the store for these settings.
pub fn by(settings: &[(&str, String)], installation: &str) -> Result<Arc<dyn Store>> {
    let lookup = |name: &str| {
        let found = settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    };
    static PINECONE: LazyLock<String> = LazyLock::new(|| vendors::pinecone::start(RATE));
    static CHROMA: LazyLock<String> = LazyLock::new(|| match std::env::var("CARREL_TEST_CHROMA") {
        Ok(address) if address != "skip" => vendors::chroma_cloud::start(&address, RATE),
        _ => "http://127.0.0.1:9".to_owned(),
    });
    let (pinecone, chroma) = (PINECONE.clone(), CHROMA.clone());
    let services = Services { pinecone, chroma, lancedb: Some(lancedb()) };
    let store = choose::store_in(&services, &lookup, http, installation)?;
    Ok(store.expect("a store is chosen"))
}

fn http() -> Result<reqwest::Client> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(ring);
    let tls = tls.with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap())
}

/// A store that fails after a number of requests.
pub struct Failing {
    store: Arc<dyn Store>,
    /// The number of requests that still succeed.
    left: AtomicI64,
}

impl Failing {
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, left: AtomicI64::new(i64::MAX) })
    }

    /// Returns the underlying store, which does not fail.
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

    fn limits(&self) -> Limits {
        self.store.limits()
    }

    async fn wait_until_visible(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        self.store()?.wait_until_visible(within, of).await
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
