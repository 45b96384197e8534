//! Request bodies that are read from a file while they are sent.
use std::path::Path;

use carrel_domain::{Error, Result};
use futures_util::stream::try_unfold;
use reqwest::Body;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// Size of a chunk read from a file, in bytes.
const PIECE: usize = 64 << 10;

/// Opens a file. This is fast enough not to need another thread.
pub(crate) fn open(path: &Path) -> Result<Body> {
    let file = File::from_std(std::fs::File::open(path).map_err(Error::of_file)?);
    let pieces = try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    });
    Ok(Body::wrap_stream(pieces))
}
