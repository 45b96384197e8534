//! Documents: extraction of text from files, splitting into chunks, and storage of texts.
//!
//! [`extract`] reads files of many types; potentially harmful ones are read in processes started by
//! [`worker`]. [`split`] cuts text into chunks, and [`files`] stores one text file for each
//! document. Each implements a port of [`carrel_domain::document`].

pub mod extract;
pub mod files;
pub mod ocr_model;
pub mod speech_model;
pub mod split;
pub mod worker;

pub use carrel_ocr::Languages;
pub use extract::pictures::{Ocr, Tesseract};
pub use extract::recordings::TranscriptionMode;
pub use extract::{
    FileExtractor, Limits, ReadingModels, WebPages, extract_file, extract_with,
    extract_with_pictures, file_types, read_page,
};
pub use files::DocumentStore;
pub use files::originals::OriginalStore;
pub use split::RecursiveSplitter;

use carrel_domain::{Error, Result};

/// Runs blocking work on a separate thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
