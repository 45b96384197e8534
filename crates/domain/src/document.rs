//! Documents: their data, how a file becomes one, and the storage of their text.
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, Datelike, Timelike, Utc};

use crate::provenance::Provenance;
use crate::speech::ListeningProgress;
use crate::{DocumentId, DocumentPath, Result, TextKind, Warnings};

/// Metadata that says nothing.
pub const NO_METADATA: &str = "{}";

/// When the original of a document was made, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published(pub Option<DateTime<Utc>>);

impl fmt::Display for Published {
    /// American English, UTC: `2/3/2026, 10:11:12 AM`. Clients of this kind of server know it so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // Written by hand: lists say it of every document, and a general formatter takes long.
            Some(time) => {
                let (is_afternoon, hour) = time.hour12();
                let half = if is_afternoon { "PM" } else { "AM" };
                let (month, day, year) = (time.month(), time.day(), time.year());
                let (minute, second) = (time.minute(), time.second());
                write!(f, "{month}/{day}/{year}, {hour}:{minute:02}:{second:02} {half}")
            }
            None => f.write_str("unknown"),
        }
    }
}

/// The data of a document besides its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Stays the same when the document is moved or replaced.
    pub id: DocumentId,
    /// The path of its file beneath the storage directory.
    pub path: DocumentPath,
    /// The title as given, in any script.
    pub title: String,
    /// The address of the original that clients show: `file://name` or a URL.
    pub url: String,
    /// The author, if known; otherwise `Unknown` or a phrase of the reader.
    pub author: String,
    /// The description, if known.
    pub description: String,
    /// The source in words: `a text file uploaded by the user.`
    pub source: String,
    /// The link to the original; empty for uploads, `link://…` for pages.
    pub chunk_source: String,
    /// When the original was made.
    pub published: Published,
    /// Pieces between single spaces.
    pub words: i32,
    /// Tokens of the text as language models count; estimated from the beginning of long texts, and
    /// from the length of the text where an earlier version took it in.
    pub tokens: i32,
    /// SHA-256 of the text.
    pub digest: [u8; 32],
    /// When it was added to the library.
    pub created_at: DateTime<Utc>,
    /// The metadata that its uploader sent: a JSON object as text, `{}` if there is none. At most
    /// [`LARGEST_METADATA`] bytes, without NUL.
    pub metadata: String,
    /// The upload it comes from.
    pub origin: DocumentOrigin,
    /// Warnings about parts of the file that are not in the text.
    pub warnings: Warnings,
}

/// The most bytes of JSON that a document's metadata may take.
pub const LARGEST_METADATA: usize = 16_384;

/// The longest key by which an owner may call an upload, in bytes.
pub const LONGEST_KEY: usize = 512;

/// Which upload a document is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentOrigin {
    /// The uploader's key for the upload; a later upload with the same key replaces it.
    pub key: Option<String>,
    /// Distinguishes the document from others of the same upload; empty if there are none.
    pub part: String,
    /// SHA-256 of what was handed in; unknown of documents that early versions took in.
    pub digest: Option<[u8; 32]>,
    /// SHA-256 that names the request it was made by, if that may be repeated.
    pub request: Option<[u8; 32]>,
}

impl DocumentOrigin {
    /// The name of the sheet that the document is, of an upload or of a workbook within one.
    pub fn sheet(&self) -> Option<&str> {
        if let Some(sheet) = self.part.strip_prefix("sheet ") {
            return Some(sheet);
        }
        let (file, sheet) = self.part.strip_prefix("file ")?.rsplit_once('/')?;
        crate::text_kind::is_workbook(file).then_some(sheet)
    }
}

/// A file someone handed in: its name as given, its content in a temporary file.
#[derive(Clone, Debug)]
pub struct IncomingFile {
    /// The name as the client gave it, with its extension, which decides how the file is read.
    pub name: String,
    /// The file that holds its content.
    pub content: PathBuf,
}

/// Distinguishes a document from others of the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentPart {
    /// The sheet of a workbook, by its name. The sheets of one upload lie in a folder of their own.
    Sheet(String),
    /// The mail of a mailbox, from 1.
    Mail(u32),
    /// A file within the file, by its name: an attachment, an object, an entry of an archive.
    File(String),
}

/// One document's worth of text found in a file. A mailbox or spreadsheet holds several.
#[derive(Clone, Debug, PartialEq)]
pub struct Extracted {
    /// Distinguishes it from others of the file; absent if the file is one document.
    pub part: Option<DocumentPart>,
    /// The title that the file gives itself.
    pub title: Option<String>,
    /// See [`Document::author`].
    pub author: String,
    /// See [`Document::description`].
    pub description: String,
    /// See [`Document::source`].
    pub source: String,
    /// The text, in paragraphs; Markdown where the reader knows headings, lists and tables.
    pub text: String,
    /// Warnings about parts of the file that are not in the text, one sentence each.
    pub warnings: Vec<String>,
}

/// A type of file that the server knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileType {
    /// The media type without parameters: `application/pdf`.
    pub mime: &'static str,
    /// With their dots, in lower case, the usual one first.
    pub extensions: &'static [&'static str],
    /// Read as well, but not told to clients, who know the usual extensions.
    pub aliases: &'static [&'static str],
    /// Whether files of this type are read; refused otherwise, with the reason.
    pub is_read: bool,
}

/// Turns files into text.
#[async_trait]
pub trait Extractor: Send + Sync {
    /// In the order in which clients are told of them. Files of other types are taken too when
    /// their content looks like text.
    fn file_types(&self) -> Vec<FileType>;

    /// [`crate::Error::Unprocessable`] when the type is unknown or there is no text in the file.
    /// [`crate::Error::Unavailable`] when too many files are waiting to be read.
    async fn extract(&self, file: &IncomingFile, request: &ReadRequest) -> Result<Vec<Extracted>>;
}

/// On whose behalf a file is read, and how long that may take.
#[derive(Clone, Debug, Default)]
pub struct ReadRequest {
    /// Files of different owners are read in rotation.
    pub owner: String,
    /// Shortens the time that is allowed for any file.
    pub time_limit: Option<std::time::Duration>,
    /// Is told how far a recording has come.
    pub recording: ListeningProgress,
}

/// How text is cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splitting {
    /// The most a chunk may hold, in UTF-16 code units, >= 1.
    pub size: usize,
    /// How much of a chunk's end the next may repeat, in UTF-16 code units, < size.
    pub overlap: usize,
}

/// The position of a part of a text, in characters (Unicode scalar values) from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first character, from 0.
    pub start: u32,
    /// Behind the last character.
    pub end: u32,
}

impl Span {
    /// The part of `text` that stands here, in bytes; `None` where the text is shorter.
    pub fn byte_range(self, text: &str) -> Option<std::ops::Range<usize>> {
        let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let start = places.nth(usize::try_from(self.start).ok()?)?;
        let length = usize::try_from(self.end.checked_sub(self.start)?).ok()?;
        let end = if length == 0 { start } else { places.nth(length - 1)? };
        Some(start..end)
    }
}

/// A part of a text that is embedded and found on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The text at `span`; for a part of a table, below a copy of the header row.
    pub text: String,
    /// Its position in the text.
    pub span: Span,
    /// The headings above it, and its place in the original.
    pub provenance: Provenance,
}

impl AsRef<str> for Chunk {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// Cuts text into chunks, in the order of the text.
#[async_trait]
pub trait Splitter: Send + Sync {
    /// Cuts `text` into chunks that together cover it. Text without a word has none. CPU-bound;
    /// runs off the async threads.
    async fn split(&self, text: String, kind: TextKind, how: Splitting) -> Result<Vec<Chunk>>;
}

/// Stores the text of documents, one file each.
#[async_trait]
pub trait DocumentFiles: Send + Sync {
    /// Writes all of the file or none of it.
    async fn put(&self, document: &Document, text: &str) -> Result<()>;
    /// The text of a document; `None` when there is no such file.
    async fn text(&self, path: &DocumentPath) -> Result<Option<String>>;
    /// A second file of the same content, all or nothing. [`crate::Error::NotFound`] when there is
    /// no file at `from`, [`crate::Error::AlreadyExists`] when there is one at `to`.
    async fn copy(&self, from: &DocumentPath, to: &DocumentPath) -> Result<()>;
    /// With what a killed process may have begun to write there. Succeeds also when there is no such
    /// file.
    async fn delete(&self, path: &DocumentPath) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn a_span_counts_characters_of_any_script() {
        let text = "aé日😀b";
        let part = |start, end| Span { start, end }.byte_range(text).map(|at| &text[at]);
        assert_eq!(part(0, 5), Some(text));
        assert_eq!(part(1, 4), Some("é日😀"));
        assert_eq!(part(4, 5), Some("b"));
        assert_eq!(part(5, 5), Some(""));
        assert_eq!((part(5, 6), part(6, 6), part(3, 2)), (None, None, None));
    }

    #[test]
    fn a_sheet_is_known_by_its_part() {
        let sheet = |part: &str| {
            let origin = DocumentOrigin { part: part.to_owned(), ..DocumentOrigin::default() };
            origin.sheet().map(str::to_owned)
        };
        assert_eq!(sheet("sheet Q1 costs").as_deref(), Some("Q1 costs"));
        assert_eq!(sheet("file a/book.xlsx/Q1").as_deref(), Some("Q1"));
        assert_eq!((sheet("file a/b.txt"), sheet("")), (None, None));
    }

    #[test]
    fn a_time_is_said_in_american_english() {
        let at = |h| Published(Utc.with_ymd_and_hms(2026, 2, 3, h, 1, 2).single());
        assert_eq!(at(0).to_string(), "2/3/2026, 12:01:02 AM");
        assert_eq!(at(15).to_string(), "2/3/2026, 3:01:02 PM");
        assert_eq!(Published(None).to_string(), "unknown");
    }
}
