//! The HTTP client that every provider shares.
use std::sync::Arc;
use std::time::Duration;

use carrel_domain::{Error, Result};
use rustls::RootCertStore;
use rustls::crypto::ring;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

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

/// Connections encrypted for whoever the system trusts.
pub(crate) fn tls() -> Result<rustls::ClientConfig> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        tracing::warn!("no trusted certificates found: hosts behind https cannot be reached");
    }
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?;
    Ok(tls.with_root_certificates(roots).with_no_client_auth())
}
