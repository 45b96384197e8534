//! Originals: the uploaded files from which documents were made. Identical files are stored once.
use std::fmt;
use std::fs::File;
use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Error, Result};

/// The name of an original's file in the store. Every stored file gets a new name, so removing one
/// cannot affect another that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OriginalName(Uuid);

impl OriginalName {
    /// Returns a new random name.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Parses a name. [`Error::Invalid`] if `text` is not a UUID.
    pub fn parse(text: &str) -> Result<Self> {
        let id = Uuid::parse_str(text);
        id.map(Self).map_err(|_| Error::invalid("name of the original", "must be a UUID"))
    }

    /// Returns the path below the store's root: a folder named by the first two digits, then the
    /// name.
    pub fn location(&self) -> String {
        let name = self.to_string();
        format!("{}/{name}", &name[..2])
    }
}

impl fmt::Display for OriginalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The name of the file.
    pub name: OriginalName,
    /// The SHA-256 of the content. Documents with this upload digest were made from it.
    pub digest: [u8; 32],
    /// The size in bytes.
    pub bytes: u64,
}

/// The total size of all originals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginalsSize {
    /// The number of files.
    pub files: u64,
    /// Their total size in bytes.
    pub bytes: u64,
}

/// A rendered page of a PDF file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageImage {
    /// The number of pages in the file.
    pub pages: u32,
    /// The image, as a PNG file.
    pub png: Vec<u8>,
}

/// Renders pages of PDF files.
#[async_trait]
pub trait PageRenderer: Send + Sync {
    /// Renders a page, counted from 1, on behalf of `owner`, with bounded time and size.
    /// [`Error::NotFound`] if the file has no such page, [`Error::Unprocessable`] if it cannot be
    /// rendered, [`Error::Unavailable`] if too many files are queued.
    async fn render_page(&self, file: File, page: u32, owner: &str) -> Result<PageImage>;
}

/// Records of stored originals. Each method is one transaction.
///
/// Files cannot take part in a transaction. Therefore an original is *reserved* before its file is
/// written, and committed after a document with its digest is stored. The transaction that removes
/// the last document with the digest *releases* the original. A cleanup reads reserved and released
/// originals from [`OriginalRecords::pending`] and deletes the files that are not needed.
#[async_trait]
pub trait OriginalRecords: Send + Sync {
    /// Reserves a file that is about to be written. Returns `false` and records nothing if all
    /// originals would exceed `quota` bytes. Content that is already stored takes no additional
    /// space.
    async fn reserve(&self, original: &Original, quota: u64, now: DateTime<Utc>) -> Result<bool>;
    /// Commits a reserved file if a document was made from it and no other file has its content.
    /// Otherwise releases it. Returns whether it was committed.
    async fn commit_or_release(&self, name: OriginalName) -> Result<bool>;
    /// Returns the original with this digest, if one is stored.
    async fn of(&self, digest: [u8; 32]) -> Result<Option<Original>>;
    /// Returns at most 1,000 originals: those reserved before `before`, and all that are released.
    async fn pending(&self, before: DateTime<Utc>) -> Result<Vec<OriginalName>>;
    /// Removes the record of a released file after its deletion.
    async fn forget(&self, name: OriginalName) -> Result<()>;
    /// Returns the number of stored originals and their size.
    async fn size(&self) -> Result<OriginalsSize>;
}

/// Stores the files of originals.
#[async_trait]
pub trait OriginalFiles: Send + Sync {
    /// Writes a copy of the file at `from`.
    async fn put(&self, name: OriginalName, from: &Path) -> Result<()>;
    /// Opens the file for reading. Returns `None` if it does not exist.
    async fn open(&self, name: OriginalName) -> Result<Option<File>>;
    /// Deletes the file. Succeeds if it does not exist.
    async fn delete(&self, name: OriginalName) -> Result<()>;
    /// Returns the free space in bytes, if known.
    async fn room(&self) -> Result<Option<u64>>;
}
