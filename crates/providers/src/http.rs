//! The HTTP client that every provider shares.
use std::time::Duration;

use carrel_domain::{Error, Result};

use crate::pace::Pacers;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// What all requests to providers share; cheap to clone, made once.
#[derive(Clone, Debug)]
pub struct Http {
    pub(crate) client: reqwest::Client,
    pub(crate) pacers: Pacers,
}

impl Http {
    pub fn new() -> Result<Self> {
        Ok(Self { client: http_client()?, pacers: Pacers::default() })
    }
}

/// A client for [`crate::chat_model`] and [`crate::embedder`]; cheap to clone, made once.
///
/// It follows no redirects: a key sent in a header of the provider's own choosing would travel to
/// whichever host the redirect names. Certificates are checked against those the system trusts;
/// where there are none, encrypted connections fail with words and plain ones work.
pub fn http_client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .user_agent(concat!("carrel/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(Error::internal)
}

/// Trusts the certificates that the system trusts.
pub(crate) fn tls() -> Result<rustls::ClientConfig> {
    carrel_tls::client_config().map_err(Error::internal)
}
