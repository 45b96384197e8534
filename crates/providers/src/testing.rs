//! A test server that responds to each request with the given bytes, even invalid ones.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// The response to one request.
pub(crate) enum Reply {
    /// Sends these bytes, then closes the connection.
    Bytes(Vec<u8>),
    /// Sends these bytes, then nothing while the client waits.
    ThenSilence(Vec<u8>),
    /// Sends the first bytes, then the second repeatedly until the client disconnects.
    Endless(Vec<u8>, Vec<u8>),
}

pub(crate) struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    disconnected: mpsc::UnboundedReceiver<()>,
}

impl Server {
    /// Sends each reply to one request, in order, on separate connections.
    pub async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        let (left, disconnected) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for reply in replies {
                let Ok((mut socket, _)) = listener.accept().await else { return };
                let request = read_request(&mut socket).await;
                log.lock().unwrap().push(request);
                let left = left.clone();
                tokio::spawn(async move {
                    send(&mut socket, reply).await;
                    let _ = left.send(());
                });
            }
        });
        Self { url, requests, disconnected }
    }

    /// Returns the requests so far, each with headers and body as text.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until a client has closed its connection or received a complete response.
    pub async fn client_gone(&mut self) {
        let waited = tokio::time::timeout(Duration::from_secs(30), self.disconnected.recv()).await;
        waited.expect("the connection stays open");
    }
}

/// Returns a response with a body of known length.
pub(crate) fn response(status: &str, kind: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

/// Returns a stream of events that ends with the connection.
pub(crate) fn events(data: &[&str]) -> Reply {
    let body: String = data.iter().map(|data| format!("data: {data}\n\n")).collect();
    Reply::Bytes([EVENTS, body.as_bytes()].concat())
}

/// The headers of a stream of events.
pub(crate) const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

async fn send(socket: &mut TcpStream, reply: Reply) {
    match reply {
        Reply::Bytes(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
        Reply::ThenSilence(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.read(&mut [0]).await;
        }
        Reply::Endless(first, again) => {
            let _ = socket.write_all(&first).await;
            while socket.write_all(&again).await.is_ok() {}
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match socket.read(&mut piece).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
            _ => return text,
        }
    }
}
