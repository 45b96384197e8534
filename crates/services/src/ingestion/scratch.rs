//! Temporary files with content to be read.
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use carrel_domain::{Error, Result};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// Writes content to a temporary file that is deleted on drop.
pub(crate) async fn written(
    directory: PathBuf,
    content: impl AsRef<[u8]> + Send + 'static,
) -> Result<NamedTempFile> {
    let write = move || {
        let mut file = NamedTempFile::new_in(directory)?;
        file.write_all(content.as_ref())?;
        Ok(file)
    };
    let written: io::Result<_> =
        tokio::task::spawn_blocking(write).await.map_err(Error::internal)?;
    written.map_err(Error::of_file)
}

/// The number of bytes read at a time.
const PIECE: usize = 64 << 10;

/// Returns the SHA-256 of the file at a path.
pub(crate) async fn digest(path: PathBuf) -> Result<[u8; 32]> {
    let opened = tokio::task::spawn_blocking(|| File::open(path)).await.map_err(Error::internal)?;
    digest_of(opened.map_err(Error::of_file)?).await
}

/// Returns the SHA-256 of a file.
pub(crate) async fn digest_of(mut file: File) -> Result<[u8; 32]> {
    let digest = move || -> io::Result<[u8; 32]> {
        let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hash.finalize().into()),
                read => hash.update(&piece[..read]),
            }
        }
    };
    let digest = tokio::task::spawn_blocking(digest).await.map_err(Error::internal)?;
    digest.map_err(Error::of_file)
}
