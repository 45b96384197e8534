//! A backup as a stream, written piece by piece as its reader takes it.
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::Staged;

/// How much a piece holds. Three of them are in memory at once.
const PIECE: usize = 256 << 10;

/// How long a reader may take for a piece. What is held for a backup is given up after that.
const PATIENCE: Duration = Duration::from_secs(60);

impl Staged {
    /// The archive in pieces. An error ends it; so does dropping it. Must be called in a runtime.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static {
        let (pieces, received) = channel(1);
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let mut to = Pieces { pieces, runtime, piece: Vec::with_capacity(PIECE) };
            if let Err(error) = self.write(&mut to) {
                match error.kind() {
                    ErrorKind::BrokenPipe | ErrorKind::TimedOut | ErrorKind::StorageFull => {
                        tracing::warn!("a backup was abandoned: {error}");
                    }
                    _ => tracing::error!("failed to write a backup: {error}"),
                }
                let _ = to.send(Err(error));
            }
        });
        unfold(received, |mut received: Receiver<_>| async move {
            received.recv().await.map(|piece| (piece, received))
        })
    }
}

/// Gathers what is written into pieces and hands them over.
struct Pieces {
    pieces: Sender<io::Result<Vec<u8>>>,
    runtime: Handle,
    piece: Vec<u8>,
}

impl Pieces {
    fn send(&self, piece: io::Result<Vec<u8>>) -> io::Result<()> {
        let sent = self.runtime.block_on(timeout(PATIENCE, self.pieces.send(piece)));
        let sent = sent.map_err(|_| {
            io::Error::new(
                ErrorKind::TimedOut,
                "the reader has \
             disconnected",
            )
        })?;
        sent.map_err(|_| io::Error::new(ErrorKind::BrokenPipe, "the reader has disconnected"))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.send(Ok(piece))
    }
}
