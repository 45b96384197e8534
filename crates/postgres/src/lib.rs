//! Connections to PostgreSQL, encrypted with rustls.
//!
//! diesel speaks to PostgreSQL through libpq, which encrypts only with OpenSSL. The libpq in this
//! program is built without it: OpenSSL would take minutes to build and bring a second set of
//! trusted certificates. Instead, [`Connector`] opens the encrypted connection itself and hands
//! libpq the inner end of it, a Unix socket in a private directory (see `tunnel`).
//!
//! The parameters `sslmode`, `sslrootcert`, `sslcert` and `sslkey` of a URL mean what they mean to
//! libpq (<https://www.postgresql.org/docs/current/libpq-ssl.html>), with three differences:
//!
//! - Verification uses the certificates the system trusts unless `sslrootcert` names a file.
//! - Without `sslmode`, addresses of this machine (loopback, Unix sockets) are not encrypted;
//!   others are where the server offers it.
//! - The server's certificate must name its host as a subject alternative name.
mod target;
mod tunnel;
mod verify;

use std::sync::Arc;

use diesel::{Connection, ConnectionError, ConnectionResult, PgConnection};
use tokio::runtime::{Builder, Runtime};

use crate::target::Target;

/// Opens connections to the database that one URL names. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connector {
    url: String,
    encryption: Option<Arc<Encryption>>,
}

#[derive(Debug)]
struct Encryption {
    target: Target,
    config: Arc<rustls::ClientConfig>,
    /// Moves the bytes of all connections. `None` only while this is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Encryption {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its tasks is not allowed on a thread of another runtime.
            runtime.shutdown_background();
        }
    }
}

impl Connector {
    /// Prepares connections to `url`, a `postgres://` URL as libpq reads it.
    ///
    /// # Errors
    /// When a parameter of the encryption has an unknown value, or a certificate or key it names
    /// cannot be read. The text completes "failed to …" and contains no password.
    pub fn new(url: &str) -> ConnectionResult<Self> {
        let Some(target) = Target::parse(url).map_err(ConnectionError::InvalidConnectionUrl)?
        else {
            return Ok(Self { url: url.to_owned(), encryption: None });
        };
        let config = verify::client_config(&target).map_err(ConnectionError::BadConnection)?;
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(1).thread_name("postgres-tls").enable_all();
        let runtime = runtime.build().map_err(|error| {
            ConnectionError::BadConnection(format!("start a thread for encryption: {error}"))
        })?;
        let (config, runtime) = (Arc::new(config), Some(runtime));
        let encryption = Some(Arc::new(Encryption { target, config, runtime }));
        Ok(Self { url: url.to_owned(), encryption })
    }

    /// Opens a connection. Blocks the thread.
    ///
    /// # Errors
    /// When the server cannot be reached, its certificate does not hold, or it refuses the user.
    pub fn connect(&self) -> ConnectionResult<PgConnection> {
        let Some(encryption) = &self.encryption else {
            return PgConnection::establish(&self.url);
        };
        let Encryption { target, config, runtime: Some(runtime) } = &**encryption else {
            return Err(ConnectionError::BadConnection("the runtime has ended".into()));
        };
        let keeper = Arc::clone(encryption);
        let opened = tunnel::open(target, config, runtime.handle(), keeper);
        match opened.map_err(ConnectionError::BadConnection)? {
            Some(tunnel) => PgConnection::establish(&tunnel.url(&self.url)),
            // The server offers no encryption, and the URL does not insist on it.
            None => PgConnection::establish(&target.plain_url(&self.url)),
        }
    }
}
