//! A backup as a stream, written as fast as it is read.
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::Staged;

/// The size of a piece, in bytes. At most three are in memory at once.
const PIECE: usize = 256 << 10;

/// The time after which a stalled reader is disconnected and the backup is abandoned.
const PATIENCE: Duration = Duration::from_secs(60);

impl Staged {
    /// Streams the archive. The stream ends after an error; dropping it cancels the backup. Must be
    /// called in a tokio runtime.
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

/// A writer that collects bytes into pieces and sends them.
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
        let length = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..length]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.send(Ok(piece))
    }
}
