//! TLS configuration of outgoing connections, with the certificates that the system trusts. Every
//! adapter that opens an encrypted connection uses it.
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

/// Returns the certificates that the system trusts.
///
/// Logs a warning if the system has none. Connections to hosts with public certificates then fail.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        tracing::warn!(
            "the system trusts no certificates, so https connections will fail; install ca-certificates"
        );
    }
    roots
}

/// Returns the cryptography provider of all connections.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Starts a client configuration without a certificate verifier.
///
/// # Errors
/// If the provider supports none of the protocol versions, which does not happen with [`provider`].
pub fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()
}

/// Returns the configuration for hosts whose certificates the system trusts.
///
/// # Errors
/// Those of [`builder`].
pub fn client_config() -> Result<ClientConfig, rustls::Error> {
    Ok(builder()?.with_root_certificates(system_roots()).with_no_client_auth())
}
