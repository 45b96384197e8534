//! An encrypted connection to a server, with a local Unix socket that libpq connects to.
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::{TcpStream, UnixListener};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::target::{Mode, Target, with_parameters};

/// The message that asks a PostgreSQL server for encryption
/// (<https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const BUFFER: usize = 16 * 1024;
/// libpq adds this port to the socket's name.
const PORT: u16 = 5432;

/// The local end of an encrypted connection, for a single libpq connection.
pub(crate) struct Tunnel {
    /// Directory of the socket, accessible only to this user. Removed once libpq has connected.
    directory: TempDir,
}

impl Tunnel {
    /// Returns `url` with this tunnel as its host.
    pub fn url(&self, url: &str) -> String {
        let directory = self.directory.path().to_string_lossy();
        let directory: String =
            url::form_urlencoded::byte_serialize(directory.as_bytes()).collect();
        let parameters =
            format!("host={directory}&hostaddr=&port={PORT}&sslmode=disable&gssencmode=disable");
        with_parameters(url, &parameters)
    }
}

/// Connects to the server and starts encryption. Returns `None` if the server does not support it
/// and `target` does not require it. The error completes "failed to …".
///
/// Bytes are forwarded on `runtime`. `keeper` keeps it running and is dropped with the connection.
pub(crate) fn open(
    target: &Target,
    config: &Arc<rustls::ClientConfig>,
    runtime: &Handle,
    kept_alive: impl Send + 'static,
) -> Result<Option<Tunnel>, String> {
    let failed = |error: &dyn std::fmt::Display| {
        format!("connect to {}:{} with encryption: {error}", target.host, target.port)
    };
    let directory = tempfile::Builder::new().prefix("carrel-tls-").tempdir();
    let directory = directory.map_err(|error| failed(&error))?;
    let path = directory.path().join(format!(".s.PGSQL.{PORT}"));
    let (done, opened) = std::sync::mpsc::sync_channel(1);
    let (host, port, mode) = (target.host.clone(), target.port, target.mode);
    let (config, limit) = (Arc::clone(config), target.connect_timeout);
    runtime.spawn(async move {
        let _keeper = kept_alive;
        let stream = timeout(limit, connect(&host, port, mode, config)).await;
        let stream = stream.unwrap_or_else(|_| Err("the server does not answer".into()));
        let listener = match stream {
            Ok(Some(stream)) => match UnixListener::bind(&path) {
                Ok(listener) => Ok(Some((stream, listener))),
                Err(error) => Err(error.to_string()),
            },
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match listener {
            Ok(Some((stream, listener))) => {
                if done.send(Ok(true)).is_ok() {
                    forward(stream, listener, limit).await;
                }
            }
            Ok(None) => drop(done.send(Ok(false))),
            Err(error) => drop(done.send(Err(error))),
        }
    });
    let opened = opened.recv().unwrap_or_else(|_| Err("the thread for encryption ended".into()));
    let is_encrypted = opened.map_err(|error| failed(&error))?;
    Ok(is_encrypted.then_some(Tunnel { directory }))
}

async fn connect(
    host: &str,
    port: u16,
    mode: Mode,
    config: Arc<rustls::ClientConfig>,
) -> Result<Option<TlsStream<TcpStream>>, String> {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((address, port)).await;
    let mut stream = stream.map_err(|error| error.to_string())?;
    keep_alive(&stream).map_err(|error| error.to_string())?;
    let negotiation = async {
        stream.write_all(&SSL_REQUEST).await?;
        stream.read_u8().await
    };
    match negotiation.await {
        Ok(b'S') => {}
        Ok(b'N') if mode == Mode::Prefer => return Ok(None),
        Ok(b'N') => return Err("the server offers no encryption; turn `ssl` on there".into()),
        Ok(_) => return Err("the program at that address is not a PostgreSQL server".into()),
        Err(error) => return Err(error.to_string()),
    }
    let name = ServerName::try_from(address.to_owned()).map_err(|error| error.to_string())?;
    let encrypted = TlsConnector::from(config).connect(name, stream).await;
    encrypted.map(Some).map_err(|error| match error.get_ref() {
        Some(cause) => format!("{cause}; check sslmode and sslrootcert"),
        None => error.to_string(),
    })
}

/// Enables keepalive probes, which detect a lost server within half a minute.
fn keep_alive(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(15)))?;
    Ok(())
}

/// Forwards bytes between libpq and the server until one of them closes the connection.
async fn forward(mut server: TlsStream<TcpStream>, listener: UnixListener, limit: Duration) {
    let Ok(Ok((mut client, _))) = timeout(limit, listener.accept()).await else { return };
    drop(listener);
    let moved = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await;
    if let Err(error) = moved {
        tracing::debug!(%error, "encrypted connection to PostgreSQL ended");
    }
}
