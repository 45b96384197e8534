//! Looks up the host and the dimension of a Pinecone index by its name.
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::Result;
use serde_json::Value;
use url::Url;

use crate::rest::Rest;

/// The domain of Pinecone's hosts.
const DOMAIN: &str = "pinecone.io";

pub(super) struct Indexes {
    /// Sends requests to the control plane, which lists all indexes.
    pub rest: Rest,
    pub name: String,
    known: Mutex<Option<Arc<Index>>>,
}

pub(super) struct Index {
    /// Sends requests to the index.
    pub rest: Rest,
    pub dimension: usize,
}

impl Indexes {
    pub fn new(rest: Rest, name: &str) -> Self {
        Self { rest, name: name.trim().to_owned(), known: Mutex::default() }
    }

    /// Returns the index. The result of the first lookup is cached.
    pub async fn found(&self) -> Result<Arc<Index>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(index) = known {
            return Ok(index);
        }
        let index = Arc::new(self.look_up().await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known.insert(index).clone())
    }

    pub fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn look_up(&self) -> Result<Index> {
        let (rest, name) = (&self.rest, &self.name);
        let Some(description) = rest.get(&["indexes", name]).await? else {
            return Err(rest.unavailable(format!(
                "it has no index {name}; create one for dense vectors with the cosine metric, or \
                 check PINECONE_INDEX"
            )));
        };
        let unfit = |what: &str| {
            rest.unavailable(format!(
                "its index {name} {what}; name another index in \
                 PINECONE_INDEX"
            ))
        };
        if description["status"]["ready"] == Value::Bool(false) {
            return Err(rest.unavailable(format!("its index {name} is not ready yet")));
        }
        let dimension =
            description["dimension"].as_u64().and_then(|size| usize::try_from(size).ok());
        let Some(dimension) = dimension.filter(|size| *size > 0) else {
            return Err(unfit("is not for dense vectors"));
        };
        if description["metric"] != "cosine" {
            return Err(unfit("does not use the cosine metric"));
        }
        let host = description["host"].as_str().and_then(|host| trusted(rest.base(), host));
        let host = host.ok_or_else(|| rest.strange())?;
        Ok(Index { rest: rest.at(host), dimension })
    }
}

/// Returns the address of an index if the key may be sent there: it must be one of Pinecone's
/// hosts, or the host that returned the address.
fn trusted(by: &Url, host: &str) -> Option<Url> {
    let address = match host.contains("://") {
        true => Url::parse(host).ok()?,
        false => Url::parse(&format!("https://{host}")).ok()?,
    };
    let is_pinecone = |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        let below = host.strip_suffix(DOMAIN).is_some_and(|rest| rest.ends_with('.'));
        below && url.scheme() == "https" && url.port().is_none()
    };
    let is_one_of_theirs = is_pinecone(by) && is_pinecone(&address);
    (is_one_of_theirs || address.origin() == by.origin()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_sent_only_to_pinecones_hosts() {
        let by = Url::parse("https://api.pinecone.io").unwrap();
        for (host, is_trusted) in [
            ("books-abc123.svc.aped-4627-b74a.pinecone.io", true),
            ("https://books-abc123.svc.pinecone.io", true),
            ("http://books-abc123.svc.pinecone.io", false),
            ("books.svc.pinecone.io:8443", false),
            ("evilpinecone.io", false),
            ("pinecone.io.evil.example", false),
            ("evil.example/.pinecone.io", false),
            ("evil.example#.pinecone.io", false),
            ("evil.example\\.pinecone.io", false),
            ("user@evil.example", false),
        ] {
            assert_eq!(trusted(&by, host).is_some(), is_trusted, "{host}");
        }
        let stub = Url::parse("http://127.0.0.1:9").unwrap();
        assert!(trusted(&stub, "http://127.0.0.1:9").is_some());
        assert!(trusted(&stub, "http://127.0.0.1:10").is_none());
        assert!(trusted(&stub, "books.svc.pinecone.io").is_none());
    }
}
