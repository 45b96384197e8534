//! Verifies the certificate of a server, as strictly as `sslmode` requires.
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::target::{Mode, Target};

/// Builds the configuration for connections to `target`. The error completes "failed to …".
pub(crate) fn client_config(target: &Target) -> Result<ClientConfig, String> {
    let (roots, trusted) = match &target.root {
        Some(path) => read_roots(path)?,
        None => (carrel_tls::system_roots(), Vec::new()),
    };
    let verifier = Verifier::new(target.mode, roots, trusted)?;
    let builder = carrel_tls::builder().map_err(|error| format!("set up TLS: {error}"))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let Some((certificate, key)) = &target.identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = read_certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("read the sslkey {}: {error}", key.display()))?;
    let configured = builder.with_client_auth_cert(chain, key);
    configured.map_err(|error| format!("use sslcert and sslkey: {error}"))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error: &dyn std::fmt::Display| {
        format!("read certificates from {}: {error}", path.display())
    };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
    let read: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| failed(&error))?;
    match read.is_empty() {
        true => Err(failed(&"the file contains none")),
        false => Ok(read),
    }
}

fn read_roots(path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), String> {
    let certificates = read_certificates(path)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    Ok((roots, certificates))
}

#[derive(Debug)]
struct Verifier {
    mode: Mode,
    /// `None` if no certificate is trusted, which only allows unverified connections.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that are trusted directly, such as self-signed server certificates.
    trusted: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(
        mode: Mode,
        roots: RootCertStore,
        trusted: Vec<CertificateDer<'static>>,
    ) -> Result<Self, String> {
        let chain = match roots.is_empty() {
            true => None,
            false => {
                let built = WebPkiServerVerifier::builder_with_provider(
                    Arc::new(roots),
                    carrel_tls::provider(),
                )
                .build();
                Some(built.map_err(|error| format!("set up TLS: {error}"))?)
            }
        };
        Ok(Self { mode, chain, trusted })
    }

    /// Verifies that the certificate is trusted, for any host.
    fn verify_chain(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.trusted.iter().any(|trusted| trusted == certificate) {
            return Ok(());
        }
        let chain = self.chain.as_ref().ok_or(CertificateError::UnknownIssuer)?;
        match chain.verify_server_cert(certificate, intermediates, host, &[], now) {
            // The name is checked last, so the chain is valid.
            Ok(_)
            | Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.mode >= Mode::VerifyCa {
            self.verify_chain(certificate, intermediates, host, now)?;
        }
        if self.mode == Mode::VerifyFull {
            rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, host)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = carrel_tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = carrel_tls::provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        carrel_tls::provider().signature_verification_algorithms.supported_schemes()
    }
}
