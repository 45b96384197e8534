//! Which store the settings mean.
use std::sync::Arc;

use carrel_domain::{Error, Result};

use crate::chroma::Chroma;
use crate::pgvector::{self, PgVector};
use crate::qdrant::Qdrant;
use crate::rest::{Names, Rest};
use crate::store::Store;

/// What `VECTOR_DB` calls the index inside this server.
pub const EMBEDDED: &str = "lancedb";

/// All that `VECTOR_DB` may say.
pub const NAMES: [&str; 4] = [EMBEDDED, "pgvector", "chroma", "qdrant"];

const CHROMA: Names =
    Names { service: "Chroma", address: "CHROMA_ENDPOINT", key: "CHROMA_API_KEY" };
const QDRANT: Names =
    Names { service: "Qdrant", address: "QDRANT_ENDPOINT", key: "QDRANT_API_KEY" };

/// The store that is meant; `None` for the index inside this server. `installation` is the name
/// of the database whose vectors it is to hold. Nothing is asked of the store yet.
///
/// # Errors
/// [`Error::Unavailable`] when a setting it needs is missing or of no use, and [`Error::Invalid`]
/// for a name that is not among [`NAMES`].
pub fn store(
    settings: &dyn Fn(&str) -> Option<String>,
    http: impl FnOnce() -> Result<reqwest::Client>,
    installation: &str,
) -> Result<Option<Arc<dyn Store>>> {
    let given = |name: &str| settings(name).filter(|value| !value.trim().is_empty());
    let needed = |service, name: &str| {
        given(name).ok_or_else(|| Error::unavailable(service, format!("{name} is not set")))
    };
    let chosen = given("VECTOR_DB").unwrap_or_else(|| EMBEDDED.to_owned());
    let store: Arc<dyn Store> = match chosen.as_str() {
        EMBEDDED => return Ok(None),
        "pgvector" => {
            let url = needed(pgvector::NAME, "PGVECTOR_CONNECTION_STRING")?;
            let table = needed(pgvector::NAME, "PGVECTOR_TABLE_NAME")?;
            Arc::new(PgVector::new(&url, &table, installation)?)
        }
        "chroma" => {
            let address = needed(CHROMA.service, CHROMA.address)?;
            let header = given("CHROMA_API_HEADER").unwrap_or_else(|| "X-Api-Key".to_owned());
            let key = given(CHROMA.key).map(|key| (header.trim(), with_scheme(&header, key)));
            let rest = Rest::new(http()?, CHROMA, &address, key)?;
            Arc::new(Chroma::new(rest, "default_tenant", "default_database", installation))
        }
        "qdrant" => {
            let address = needed(QDRANT.service, QDRANT.address)?;
            let key = given(QDRANT.key).map(|key| ("api-key", key));
            let rest = Rest::new(http()?, QDRANT, &address, key)?;
            Arc::new(Qdrant::new(rest, installation))
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

/// Whoever sends a key as `Authorization` sends it as a bearer's.
fn with_scheme(header: &str, key: String) -> String {
    let is_bare = header.trim().eq_ignore_ascii_case("authorization") && !key.contains(' ');
    if is_bare { format!("Bearer {key}") } else { key }
}
