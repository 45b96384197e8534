//! A web host whose pages redirect as a test wants.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

pub struct Host {
    base: String,
    shared: Arc<Shared>,
}

struct Shared {
    visits: AtomicUsize,
    /// Whether responses wait to be released.
    is_holding: watch::Sender<bool>,
    /// The number of waiting requests.
    waiting: Semaphore,
}

/// Starts a host at an address of this machine, on a free port. The path determines the response.
pub async fn start(address: &str) -> Result<Host> {
    let listener = TcpListener::bind((address, 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let shared = Shared {
        visits: AtomicUsize::new(0),
        is_holding: watch::Sender::new(false),
        waiting: Semaphore::new(0),
    };
    let shared = Arc::new(shared);
    let here = shared.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, here.clone()));
        }
    });
    Ok(Host { base, shared })
}

impl Host {
    pub fn redirect(&self, status: u16, to: &str) -> String {
        format!("{}/{status}/{}", self.base, hex(to))
    }

    pub fn page(&self, html: &str) -> String {
        format!("{}/200/{}", self.base, hex(html))
    }

    pub fn visits(&self) -> usize {
        self.shared.visits.load(Ordering::Relaxed)
    }

    /// Makes responses wait for [`Host::release`].
    pub fn hold(&self) {
        self.shared.is_holding.send_replace(true);
    }

    /// Waits until a request is held.
    pub async fn wait_for_held(&self) {
        if let Ok(permit) = self.shared.waiting.acquire().await {
            permit.forget();
        }
    }

    pub fn release(&self) {
        self.shared.is_holding.send_replace(false);
    }
}

async fn answer(mut socket: TcpStream, shared: Arc<Shared>) {
    let mut request = vec![0; 16_384];
    let length = socket.read(&mut request).await.unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    shared.visits.fetch_add(1, Ordering::Relaxed);
    let mut is_holding = shared.is_holding.subscribe();
    if *is_holding.borrow() {
        shared.waiting.add_permits(1);
        let _ = is_holding.wait_for(|is_held| !is_held).await;
    }
    let mut parts = request.split(' ').nth(1).unwrap_or_default().split('/').skip(1);
    let status = parts.next().unwrap_or("404");
    let content = unhex(parts.next().unwrap_or_default());
    let head = format!("HTTP/1.1 {status} As Asked\r\nconnection: close\r\n").into_bytes();
    let answer = match status {
        "200" => {
            let more =
                format!("content-type: text/html\r\ncontent-length: {}\r\n\r\n", content.len());
            [head, more.into_bytes(), content].concat()
        }
        _ => {
            [head, b"content-length: 0\r\nlocation: ".into(), content, b"\r\n\r\n".into()].concat()
        }
    };
    let _ = socket.write_all(&answer).await;
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
