//! The HTTP client that all providers share.
use std::time::Duration;

use carrel_domain::{Error, Result};

use crate::pace::Pacers;

/// Connection timeout.
const CONNECT: Duration = Duration::from_secs(10);

/// The state that all requests to providers share. Created once, cheap to clone.
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

/// Creates the client for [`crate::chat_model`] and [`crate::embedder`]. Created once, cheap to
/// clone.
///
/// It follows no redirects, because a key in a provider-specific header would be sent to the host
/// of the redirect. It checks certificates against those that the system trusts; without any,
/// encrypted connections fail with a message and plain ones work.
pub fn http_client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .user_agent(concat!("carrel/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(Error::internal)
}

/// Returns a TLS configuration with the certificates that the system trusts.
pub(crate) fn tls() -> Result<rustls::ClientConfig> {
    carrel_tls::client_config().map_err(Error::internal)
}
