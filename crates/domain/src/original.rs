//! Originals: the files that documents were made of, each content kept once.
use std::fmt;
use std::fs::File;
use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Error, Result};

/// The name of an original's file in the store. It is new whenever a file is kept, so that one which is
/// on its way out never stands in the way of one that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OriginalName(Uuid);

impl OriginalName {
    /// A new random name.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads a name. [`Error::Invalid`] for what is none.
    pub fn parse(text: &str) -> Result<Self> {
        let id = Uuid::parse_str(text);
        id.map(Self).map_err(|_| Error::invalid("name of the original", "must be a UUID"))
    }

    /// Where the file is beneath the place of all of them: in a folder of its first two digits.
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

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Names its file.
    pub name: OriginalName,
    /// SHA-256 of its content. Documents whose upload has this digest were made of it.
    pub digest: [u8; 32],
    /// How many bytes the file has.
    pub bytes: u64,
}

/// What all originals take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginalsSize {
    /// How many files there are.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// A page of a PDF file, as it would be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageImage {
    /// How many pages the file has.
    pub pages: u32,
    /// The picture, as a PNG file.
    pub png: Vec<u8>,
}

/// Draws pages of PDF files.
#[async_trait]
pub trait PageRenderer: Send + Sync {
    /// A page, counted from 1, drawn on behalf of `owner`, in bounded time and size.
    /// [`Error::NotFound`] where the file has no such page, [`Error::Unprocessable`] where it cannot be
    /// drawn, [`Error::Unavailable`] where too many files are waiting.
    async fn render_page(&self, file: File, page: u32, owner: &str) -> Result<PageImage>;
}

/// Which originals there are. Each method is one transaction.
///
/// Files cannot take part in a transaction. So an original is *noted* before its file is written, and
/// kept once a document of its digest is stored. When the last document of its digest is removed, the
/// same transaction *releases* it. [`OriginalRecords::pending`] tells what is noted or released, and
/// whoever finds it deletes the files that are not needed.
#[async_trait]
pub trait OriginalRecords: Send + Sync {
    /// Notes a file that is about to be written; `false`, and nothing is noted, where all originals
    /// would then take more than `quota` bytes. Content that is kept already takes no more room.
    async fn reserve(&self, original: &Original, quota: u64, now: DateTime<Utc>) -> Result<bool>;
    /// Keeps a file that was noted if a document was made of it and no other file holds its content.
    /// Otherwise releases it. Whether it is kept.
    async fn commit_or_release(&self, name: OriginalName) -> Result<bool>;
    /// The original of this content, if it is kept.
    async fn of(&self, digest: [u8; 32]) -> Result<Option<Original>>;
    /// What was noted before `before`, and all that is released; a thousand at most.
    async fn pending(&self, before: DateTime<Utc>) -> Result<Vec<OriginalName>>;
    /// Forgets a released file, which is gone.
    async fn forget(&self, name: OriginalName) -> Result<()>;
    /// How many originals are kept, and how many bytes they take.
    async fn size(&self) -> Result<OriginalsSize>;
}

/// Where the files are.
#[async_trait]
pub trait OriginalFiles: Send + Sync {
    /// Writes a copy of the file at `from`.
    async fn put(&self, name: OriginalName, from: &Path) -> Result<()>;
    /// The file, open for reading.
    async fn open(&self, name: OriginalName) -> Result<Option<File>>;
    /// Succeeds also when there is no such file.
    async fn delete(&self, name: OriginalName) -> Result<()>;
    /// How many bytes there is room for, if that is known.
    async fn room(&self) -> Result<Option<u64>>;
}
