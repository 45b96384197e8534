//! Files that content is put into on its way to be read.
use std::io::Write;
use std::path::PathBuf;

use carrel_domain::{Error, Result};
use tempfile::NamedTempFile;

/// Content on its way to be read, in a file that goes when it is dropped.
pub(crate) async fn written(
    directory: PathBuf,
    content: impl AsRef<[u8]> + Send + 'static,
) -> Result<NamedTempFile> {
    let write = move || {
        let mut file = NamedTempFile::new_in(directory)?;
        file.write_all(content.as_ref())?;
        Ok(file)
    };
    let written: std::io::Result<_> =
        tokio::task::spawn_blocking(write).await.map_err(Error::internal)?;
    written.map_err(Error::of_file)
}
