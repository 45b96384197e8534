//! A backup as a stream, written as fast as it is read.
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::StagedBackup;

/// The size of a piece, in bytes. At most three are in memory at once.
const CHUNK_BYTES: usize = 256 << 10;

/// The time after which a stalled reader is disconnected and the backup is abandoned.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

impl StagedBackup {
    /// Streams the archive. The stream ends after an error; dropping it cancels the backup. Must be
    /// called in a tokio runtime.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static {
        let (sender, receiver) = channel(1);
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let mut writer =
                ChunkWriter { sender, runtime, chunk: Vec::with_capacity(CHUNK_BYTES) };
            if let Err(error) = self.write(&mut writer) {
                match error.kind() {
                    ErrorKind::BrokenPipe | ErrorKind::TimedOut | ErrorKind::StorageFull => {
                        tracing::warn!("a backup was abandoned: {error}");
                    }
                    _ => tracing::error!("failed to write a backup: {error}"),
                }
                let _ = writer.send(Err(error));
            }
        });
        unfold(receiver, |mut receiver: Receiver<_>| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        })
    }
}

/// A writer that collects bytes into pieces and sends them.
struct ChunkWriter {
    sender: Sender<io::Result<Vec<u8>>>,
    runtime: Handle,
    chunk: Vec<u8>,
}

impl ChunkWriter {
    fn send(&self, chunk: io::Result<Vec<u8>>) -> io::Result<()> {
        let result = self.runtime.block_on(timeout(STALL_TIMEOUT, self.sender.send(chunk)));
        let result = result.map_err(|_| {
            io::Error::new(
                ErrorKind::TimedOut,
                "the reader has \
             disconnected",
            )
        })?;
        result.map_err(|_| io::Error::new(ErrorKind::BrokenPipe, "the reader has disconnected"))
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..length]);
        if self.chunk.len() == CHUNK_BYTES {
            self.flush()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.send(Ok(chunk))
    }
}
