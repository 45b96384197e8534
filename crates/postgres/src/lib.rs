//! Connections to PostgreSQL, encrypted with rustls.
//!
//! diesel uses libpq, which encrypts only with OpenSSL. The libpq in this program is built without
//! it: OpenSSL would add minutes to the build and a second set of trusted certificates. Instead,
//! [`Connector`] opens the encrypted connection itself and gives libpq the local end, a Unix socket
//! in a private directory (see `tunnel`).
//!
//! The URL parameters `sslmode`, `sslrootcert`, `sslcert` and `sslkey` have libpq's meaning
//! (<https://www.postgresql.org/docs/current/libpq-ssl.html>), with three differences:
//!
//! - Verification uses the certificates the system trusts, unless `sslrootcert` names a file.
//! - Without `sslmode`, connections to this machine (loopback, Unix sockets) are not encrypted;
//!   other connections are encrypted if the server supports it.
//! - The server's certificate must contain the host as a subject alternative name.
mod target;
mod tunnel;
mod verify;

use std::sync::Arc;

use diesel::{Connection, ConnectionError, ConnectionResult, PgConnection};
use tokio::runtime::{Builder, Runtime};

use crate::target::Target;

/// Opens connections to one database URL. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connector {
    url: String,
    encryption: Option<Arc<Encryption>>,
}

#[derive(Debug)]
struct Encryption {
    target: Target,
    config: Arc<rustls::ClientConfig>,
    /// Runs the tasks that forward the bytes of all connections. `None` only while this is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Encryption {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A thread of another runtime must not wait for these tasks.
            runtime.shutdown_background();
        }
    }
}

impl Connector {
    /// Prepares connections to `url`, a `postgres://` URL as libpq reads it.
    ///
    /// # Errors
    /// If an encryption parameter has an unknown value, or a certificate or key file cannot be
    /// read. The text completes "failed to …" and contains no password.
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
    /// If the server cannot be reached, its certificate is not accepted, or it refuses the user.
    pub fn connect(&self) -> ConnectionResult<PgConnection> {
        let Some(encryption) = &self.encryption else {
            return PgConnection::establish(&self.url);
        };
        let Encryption { target, config, runtime: Some(runtime) } = &**encryption else {
            return Err(ConnectionError::BadConnection("the runtime has ended".into()));
        };
        let kept_alive = Arc::clone(encryption);
        let opened = tunnel::open(target, config, runtime.handle(), kept_alive);
        match opened.map_err(ConnectionError::BadConnection)? {
            Some(tunnel) => PgConnection::establish(&tunnel.url(&self.url)),
            // The server does not support encryption, and the URL does not require it.
            None => PgConnection::establish(&target.plain_url(&self.url)),
        }
    }
}
