//! Selects the vector database that the settings name.
use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::{Error, Result};

use crate::astra::Astra;
use crate::chroma::{Chroma, Quotas};
use crate::milvus::Milvus;
use crate::pgvector::{self, PgVector};
use crate::pinecone::Pinecone;
use crate::qdrant::Qdrant;
use crate::rest::{Names, Rest};
use crate::store::Store;
use crate::weaviate::Weaviate;

/// The value of `VECTOR_DB` for the index inside this server. In a build with the feature `lancedb`
/// it means LanceDB.
pub const EMBEDDED: &str = "lancedb";

/// All values of `VECTOR_DB`.
pub const NAMES: [&str; 10] = [
    EMBEDDED,
    "pgvector",
    "chroma",
    "qdrant",
    "milvus",
    "zilliz",
    "pinecone",
    "weaviate",
    "astra",
    "chromacloud",
];

const CHROMA: Names =
    Names { service: "Chroma", address: "CHROMA_ENDPOINT", key: "CHROMA_API_KEY" };
const QDRANT: Names =
    Names { service: "Qdrant", address: "QDRANT_ENDPOINT", key: "QDRANT_API_KEY" };
const MILVUS: Names = Names {
    service: "Milvus",
    address: "MILVUS_ADDRESS",
    key: "MILVUS_USERNAME and MILVUS_PASSWORD",
};
const ZILLIZ: Names =
    Names { service: "Zilliz Cloud", address: "ZILLIZ_ENDPOINT", key: "ZILLIZ_API_TOKEN" };
const PINECONE: Names =
    Names { service: "Pinecone", address: "PINECONE_INDEX", key: "PINECONE_API_KEY" };
const WEAVIATE: Names =
    Names { service: "Weaviate", address: "WEAVIATE_ENDPOINT", key: "WEAVIATE_API_KEY" };
const ASTRA: Names =
    Names { service: "Astra DB", address: "ASTRA_DB_ENDPOINT", key: "ASTRA_DB_APPLICATION_TOKEN" };
const CHROMA_CLOUD: Names = Names {
    service: "Chroma Cloud",
    address: "CHROMACLOUD_TENANT and CHROMACLOUD_DATABASE",
    key: "CHROMACLOUD_API_KEY",
};

/// Values that do not depend on the settings: addresses of cloud services, which are the same for all
/// customers, and a directory.
pub struct Services {
    /// The service that returns the host of a Pinecone index.
    pub pinecone: String,
    pub chroma: String,
    /// The directory of LanceDB's tables, which a build without the feature `lancedb` ignores.
    /// Without a directory the index inside this server is used.
    pub lancedb: Option<PathBuf>,
}

impl Default for Services {
    fn default() -> Self {
        let (pinecone, chroma) = ("https://api.pinecone.io", "https://api.trychroma.com");
        Self { pinecone: pinecone.to_owned(), chroma: chroma.to_owned(), lancedb: None }
    }
}

/// The maximum number of neighbors per search in Milvus, and in a small cluster of Zilliz Cloud.
const MILVUS_NEIGHBOURS: usize = 5_000;
const ZILLIZ_NEIGHBOURS: usize = 1_024;

/// Returns the store selected by the settings, or `None` for the embedded index. `installation`
/// identifies the database whose vectors the store will contain. Does not contact the store.
///
/// # Errors
/// [`Error::Unavailable`] if a required setting is missing or unusable; [`Error::Invalid`] for a
/// name that is not in [`NAMES`].
pub fn store(
    settings: &dyn Fn(&str) -> Option<String>,
    http: impl FnOnce() -> Result<reqwest::Client>,
    installation: &str,
) -> Result<Option<Arc<dyn Store>>> {
    store_in(&Services::default(), settings, http, installation)
}

/// Like [`store`], with the values in `services`.
///
/// # Errors
/// Fails like [`store`].
pub fn store_in(
    services: &Services,
    settings: &dyn Fn(&str) -> Option<String>,
    http: impl FnOnce() -> Result<reqwest::Client>,
    installation: &str,
) -> Result<Option<Arc<dyn Store>>> {
    let settings_given = StoreSettings(settings);
    let chosen = settings_given.get("VECTOR_DB").unwrap_or_else(|| EMBEDDED.to_owned());
    let store: Arc<dyn Store> = match chosen.as_str() {
        EMBEDDED => return Ok(lance(services, installation)),
        "pgvector" => {
            let url = settings_given.needed(pgvector::NAME, "PGVECTOR_CONNECTION_STRING")?;
            let table = settings_given.needed(pgvector::NAME, "PGVECTOR_TABLE_NAME")?;
            Arc::new(PgVector::new(&url, &table, installation)?)
        }
        "chroma" => {
            let address = settings_given.needed(CHROMA.service, CHROMA.address)?;
            let header =
                settings_given.get("CHROMA_API_HEADER").unwrap_or_else(|| "X-Api-Key".to_owned());
            let key = settings_given
                .get(CHROMA.key)
                .map(|key| (header.trim(), with_scheme(&header, key)));
            let rest = Rest::new(http()?, CHROMA, &address, key)?;
            let (tenant, database) = ("default_tenant", "default_database");
            Arc::new(Chroma::new(rest, Quotas::of_server(), tenant, database, installation))
        }
        "qdrant" => {
            let address = settings_given.needed(QDRANT.service, QDRANT.address)?;
            let key = settings_given.get(QDRANT.key).map(|key| ("api-key", key));
            let rest = Rest::new(http()?, QDRANT, &address, key)?;
            Arc::new(Qdrant::new(rest, installation))
        }
        "milvus" => {
            let address = settings_given.needed(MILVUS.service, MILVUS.address)?;
            // Other Milvus clients accept a bare host and port and use HTTP.
            let address = match address.contains("://") {
                true => address,
                false => format!("http://{address}"),
            };
            let key = match (
                settings_given.get("MILVUS_USERNAME"),
                settings_given.get("MILVUS_PASSWORD"),
            ) {
                (None, None) => None,
                (Some(user), Some(password)) => Some(bearer(&format!("{user}:{password}"))),
                _ => {
                    return Err(Error::unavailable(
                        MILVUS.service,
                        "set both MILVUS_USERNAME and MILVUS_PASSWORD, or neither",
                    ));
                }
            };
            let rest = Rest::new(http()?, MILVUS, &address, key)?;
            Arc::new(Milvus::new(rest, MILVUS_NEIGHBOURS, installation))
        }
        "zilliz" => {
            let address = settings_given.needed(ZILLIZ.service, ZILLIZ.address)?;
            let key = settings_given.needed(ZILLIZ.service, ZILLIZ.key)?;
            let rest = Rest::new(http()?, ZILLIZ, &address, Some(bearer(&key)))?;
            Arc::new(Milvus::new(rest, ZILLIZ_NEIGHBOURS, installation))
        }
        "pinecone" => {
            let key = settings_given.needed(PINECONE.service, PINECONE.key)?;
            let index = settings_given.needed(PINECONE.service, PINECONE.address)?;
            let key = Some(("Api-Key", key.trim().to_owned()));
            let rest = Rest::new(http()?, PINECONE, &services.pinecone, key)?;
            Arc::new(Pinecone::new(rest, &index, installation))
        }
        "weaviate" => {
            let address = settings_given.needed(WEAVIATE.service, WEAVIATE.address)?;
            let key = settings_given.get(WEAVIATE.key).map(|key| bearer(&key));
            let rest = Rest::new(http()?, WEAVIATE, &address, key)?;
            Arc::new(Weaviate::new(rest, installation))
        }
        "astra" => {
            let address = settings_given.needed(ASTRA.service, ASTRA.address)?;
            let key = settings_given.needed(ASTRA.service, ASTRA.key)?;
            let key = Some(("Token", key.trim().to_owned()));
            Arc::new(Astra::new(Rest::new(http()?, ASTRA, &address, key)?, installation))
        }
        "chromacloud" => {
            let key = settings_given.needed(CHROMA_CLOUD.service, CHROMA_CLOUD.key)?;
            let tenant = settings_given.needed(CHROMA_CLOUD.service, "CHROMACLOUD_TENANT")?;
            let database = settings_given.needed(CHROMA_CLOUD.service, "CHROMACLOUD_DATABASE")?;
            let key = Some(("x-chroma-token", key.trim().to_owned()));
            let rest = Rest::new(http()?, CHROMA_CLOUD, &services.chroma, key)?;
            let (tenant, database) = (tenant.trim(), database.trim());
            Arc::new(Chroma::new(rest, Quotas::of_cloud(), tenant, database, installation))
        }
        _ => {
            return Err(Error::invalid(
                "VECTOR_DB",
                format!("must be one of {}", NAMES.join(", ")),
            ));
        }
    };
    Ok(Some(store))
}

#[cfg(feature = "lancedb")]
fn lance(services: &Services, installation: &str) -> Option<Arc<dyn Store>> {
    let directory = services.lancedb.as_deref()?;
    Some(Arc::new(crate::lance::Lance::new(directory, installation)))
}

#[cfg(not(feature = "lancedb"))]
fn lance(_: &Services, _: &str) -> Option<Arc<dyn Store>> {
    None
}

/// Reads settings and treats blank values as missing.
struct StoreSettings<'a>(&'a dyn Fn(&str) -> Option<String>);

impl StoreSettings<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0(name).filter(|value| !value.trim().is_empty())
    }

    fn needed(&self, service: &'static str, name: &str) -> Result<String> {
        self.get(name).ok_or_else(|| Error::unavailable(service, format!("{name} is not set")))
    }
}

fn bearer(key: &str) -> (&'static str, String) {
    ("Authorization", format!("Bearer {}", key.trim()))
}

/// Adds the scheme `Bearer` to a bare key for the header `Authorization`.
fn with_scheme(header: &str, key: String) -> String {
    let is_bare = header.trim().eq_ignore_ascii_case("authorization") && !key.contains(' ');
    if is_bare { format!("Bearer {key}") } else { key }
}
