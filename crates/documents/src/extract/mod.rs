//! Files to text: which types are understood, and what is made of each.
//!
//! [`extract_file`] is a plain function of a file and limits, so that it can run wherever the
//! caller wants it to: on a blocking thread, as [`FileExtractor`] does, or in another process.

mod formats;
mod html;
mod layout;
mod text;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use async_trait::async_trait;
use carrel_domain::document::{Extracted, Extractor, FileType, IncomingFile};
use carrel_domain::{Error, Result};

pub use formats::file_types;
use formats::{Reading, unconfigured};

use crate::blocking;

/// How much is read and made, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest file that is opened.
    pub file: u64,
    /// The most text that all documents of one file may hold together, in UTF-8.
    pub text: u64,
}

impl Limits {
    /// Limits for text of at most `bytes`: files may be four times as large, since markup and
    /// other encodings take more than the text in them.
    pub fn text(bytes: u64) -> Self {
        Self { file: bytes.saturating_mul(4), text: bytes }
    }
}

/// Reads files on blocking threads of this process.
#[derive(Clone, Copy, Debug)]
pub struct FileExtractor {
    limits: Limits,
}

impl FileExtractor {
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }
}

#[async_trait]
impl Extractor for FileExtractor {
    fn file_types(&self) -> Vec<FileType> {
        file_types().collect()
    }

    async fn extract(&self, file: &IncomingFile) -> Result<Vec<Extracted>> {
        let (file, limits) = (file.clone(), self.limits);
        blocking(move || extract_file(&file.name, &file.content, limits)).await
    }
}

/// The documents in the file at `path`, which its owner calls `name`; at least one, each with text.
///
/// [`Error::Unprocessable`] when the type is unknown or there is no text, [`Error::TooLarge`] when
/// the file or its text exceeds the limits.
pub fn extract_file(name: &str, path: &Path, limits: Limits) -> Result<Vec<Extracted>> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let Some(extension) = extension(name) else {
        return Err(Error::unprocessable(
            "No file extension found. This file cannot be processed.",
        ));
    };
    let input = Input { name, path, limits };
    let mut documents = match formats::reading(&extension) {
        Some(Reading::By(read)) => read(&input)?,
        Some(Reading::Awaits(setting)) => return Err(unconfigured(&extension, setting)),
        None => text::read_unknown(&input, &extension)?,
    };
    let mut bytes = 0;
    for document in &mut documents {
        storable(&mut document.text);
        document.title = document.title.take().map(|mut title| {
            storable(&mut title);
            title
        });
        bytes += document.text.len() as u64;
    }
    if bytes > limits.text {
        return Err(Error::TooLarge { what: "the text of the file", limit: limits.text });
    }
    documents.retain(|document| !document.text.trim().is_empty());
    if documents.is_empty() { Err(input.no_text()) } else { Ok(documents) }
}

/// What a reader of one format is given.
struct Input<'a> {
    name: &'a str,
    path: &'a Path,
    limits: Limits,
}

impl Input<'_> {
    /// The whole file.
    fn bytes(&self) -> Result<Vec<u8>> {
        let limit = self.limits.file;
        let file = File::open(self.path).map_err(Error::internal)?;
        let metadata = file.metadata().map_err(Error::internal)?;
        let mut bytes = Vec::new();
        if metadata.len() <= limit {
            bytes.reserve_exact(usize::try_from(metadata.len()).unwrap_or(0));
            // One more than allowed, to notice a file that has grown meanwhile.
            file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::internal)?;
        }
        if metadata.len().max(bytes.len() as u64) > limit {
            return Err(Error::TooLarge { what: "the file", limit });
        }
        Ok(bytes)
    }

    fn no_text(&self) -> Error {
        Error::unprocessable(format!("No text content found in {}.", self.name))
    }
}

/// The last extension in lower case. A name that only begins with a dot has none.
fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_lowercase())
}

/// Takes out what PostgreSQL cannot store in text.
fn storable(text: &mut String) {
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
}
