//! Documents: their data, how a file becomes one, and the storage of their text.
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use chrono::{DateTime, Datelike, Timelike, Utc};

use crate::provenance::Provenance;
use crate::speech::TranscriptionProgress;
use crate::{DocumentId, DocumentPath, Result, TextKind, Warnings};

/// Empty metadata.
pub const NO_METADATA: &str = "{}";

/// The publication time of a document's original, if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published(pub Option<DateTime<Utc>>);

impl fmt::Display for Published {
    /// Formats as American English in UTC, `2/3/2026, 10:11:12 AM`, which clients of this API
    /// expect.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // Lists format one time per document, and a general formatter is slow.
            Some(time) => {
                let (is_afternoon, hour) = time.hour12();
                let period = if is_afternoon { "PM" } else { "AM" };
                let (month, day, year) = (time.month(), time.day(), time.year());
                let (minute, second) = (time.minute(), time.second());
                write!(f, "{month}/{day}/{year}, {hour}:{minute:02}:{second:02} {period}")
            }
            None => f.write_str("unknown"),
        }
    }
}

/// A document without its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The id. It does not change when the document is moved or replaced.
    pub id: DocumentId,
    /// The path of its file relative to the storage directory.
    pub path: DocumentPath,
    /// The title, in any script.
    pub title: String,
    /// The address of the original that clients show: `file://name` or a URL.
    pub url: String,
    /// The author, if known. Otherwise `Unknown` or a phrase set by the extractor.
    pub author: String,
    /// The description, if known.
    pub description: String,
    /// The source in words, such as `a text file uploaded by the user.`
    pub source: String,
    /// A link to the original. Empty for uploads, `link://…` for web pages.
    pub chunk_source: String,
    /// The publication time of the original.
    pub published: Published,
    /// The number of words, counted by single spaces.
    pub words: i32,
    /// The number of tokens. Estimated from the beginning of a long text, or from its length for
    /// documents stored by an earlier version.
    pub tokens: i32,
    /// The SHA-256 of the text.
    pub digest: [u8; 32],
    /// The time the document was added to the library.
    pub created_at: DateTime<Utc>,
    /// Metadata from the uploader: a JSON object as text, `{}` by default. At most
    /// [`LARGEST_METADATA`] bytes, without NUL.
    pub metadata: String,
    /// The upload the document comes from.
    pub origin: DocumentOrigin,
    /// Warnings about parts of the file that are missing from the text.
    pub warnings: Warnings,
}

/// The maximum size of a document's metadata, in bytes of JSON.
pub const LARGEST_METADATA: usize = 16_384;

/// The maximum length of an upload key, in bytes.
pub const LONGEST_KEY: usize = 512;

/// The upload a document comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentOrigin {
    /// The uploader's key for the upload. A later upload with the same key replaces it.
    pub key: Option<String>,
    /// The part of the upload, if it produced several documents. Otherwise empty.
    pub part: String,
    /// The SHA-256 of the uploaded content. Absent for documents stored by early versions.
    pub digest: Option<[u8; 32]>,
    /// The SHA-256 that identifies the repeatable request that created the document, if any.
    pub request: Option<[u8; 32]>,
}

impl DocumentOrigin {
    /// Returns the sheet name if the document is a sheet of a workbook, uploaded directly or within
    /// another file.
    pub fn sheet(&self) -> Option<&str> {
        if let Some(sheet) = self.part.strip_prefix("sheet ") {
            return Some(sheet);
        }
        let (file, sheet) = self.part.strip_prefix("file ")?.rsplit_once('/')?;
        crate::text_kind::is_workbook(file).then_some(sheet)
    }
}

/// An uploaded file: its name and a temporary file with its content.
#[derive(Clone, Debug)]
pub struct IncomingFile {
    /// The name given by the client. Its extension decides how the file is read.
    pub name: String,
    /// The temporary file with the content.
    pub content: PathBuf,
}

/// Identifies a document among those extracted from the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentPart {
    /// A sheet of a workbook, by its name. The sheets of one upload are stored in their own folder.
    Sheet(String),
    /// A mail of a mailbox, counted from 1.
    Mail(u32),
    /// A file inside the file, by its name: an attachment, an embedded object, an archive entry.
    File(String),
}

/// The text of one document found in a file. Mailboxes and workbooks yield several.
#[derive(Clone, Debug, PartialEq)]
pub struct Extracted {
    /// The part of the file. Absent if the file is one document.
    pub part: Option<DocumentPart>,
    /// The title stated in the file.
    pub title: Option<String>,
    /// See [`Document::author`].
    pub author: String,
    /// See [`Document::description`].
    pub description: String,
    /// See [`Document::source`].
    pub source: String,
    /// The text, in paragraphs. Markdown if the reader recognizes headings, lists and tables.
    pub text: String,
    /// Warnings about parts of the file that are missing from the text, one sentence each.
    pub warnings: Vec<String>,
}

/// A file type known to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileType {
    /// The media type without parameters: `application/pdf`.
    pub mime: &'static str,
    /// Extensions with their dots, in lower case, the usual one first.
    pub extensions: &'static [&'static str],
    /// Extensions that are accepted but not listed to clients.
    pub aliases: &'static [&'static str],
    /// Whether files of this type can be read. Otherwise they are refused with a reason.
    pub is_read: bool,
}

/// Extracts text from files.
#[async_trait]
pub trait Extractor: Send + Sync {
    /// Returns the known file types in the order in which clients list them. Other files are
    /// accepted if their content looks like text.
    fn file_types(&self) -> Vec<FileType>;

    /// Extracts the documents of a file. [`crate::Error::Unprocessable`] if the type is unknown or
    /// the file holds no text, [`crate::Error::Unavailable`] if too many files are queued.
    async fn extract(&self, file: &IncomingFile, request: &ReadRequest) -> Result<Vec<Extracted>>;
}

/// The owner and the time limit of an extraction.
#[derive(Clone, Debug, Default)]
pub struct ReadRequest {
    /// The owner. Files of different owners are read in turn.
    pub owner: String,
    /// A time limit shorter than the general one.
    pub time_limit: Option<std::time::Duration>,
    /// Receives the progress of a transcription.
    pub recording: TranscriptionProgress,
}

/// How the splitter cuts text into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splitting {
    /// The maximum length of a chunk, in UTF-16 code units, at least 1.
    pub size: usize,
    /// The maximum overlap with the previous chunk, in UTF-16 code units, less than `size`.
    pub overlap: usize,
}

/// A range of a text, in characters (Unicode scalar values).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The index of the first character, from 0.
    pub start: u32,
    /// The index after the last character.
    pub end: u32,
}

impl Span {
    /// Returns the range in bytes of `text`. Returns `None` if the text is too short.
    pub fn byte_range(self, text: &str) -> Option<std::ops::Range<usize>> {
        let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let start = places.nth(usize::try_from(self.start).ok()?)?;
        let length = usize::try_from(self.end.checked_sub(self.start)?).ok()?;
        let end = if length == 0 { start } else { places.nth(length - 1)? };
        Some(start..end)
    }
}

/// A part of a text that is embedded and retrieved on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The text at `span`. A part of a table follows a copy of the header row.
    pub text: String,
    /// The position in the text.
    pub span: Span,
    /// The headings above the chunk and its location in the original.
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
    /// Splits `text` into chunks that together cover it. Text without words has no chunks.
    /// CPU-bound; runs off the async threads.
    async fn split(&self, text: String, kind: TextKind, how: Splitting) -> Result<Vec<Chunk>>;
}

/// Stores the text of documents, one file each.
#[async_trait]
pub trait DocumentFiles: Send + Sync {
    /// Writes the file atomically.
    async fn put(&self, document: &Document, text: &str) -> Result<()>;
    /// Returns the text of a document. Returns `None` if the file does not exist.
    async fn text(&self, path: &DocumentPath) -> Result<Option<String>>;
    /// Copies a file atomically. [`crate::Error::NotFound`] if `from` does not exist,
    /// [`crate::Error::AlreadyExists`] if `to` exists.
    async fn copy(&self, from: &DocumentPath, to: &DocumentPath) -> Result<()>;
    /// Deletes the file and any partial write left by a killed process. Succeeds if the file does
    /// not exist.
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
    fn a_document_part_identifies_a_sheet() {
        let sheet = |part: &str| {
            let origin = DocumentOrigin { part: part.to_owned(), ..DocumentOrigin::default() };
            origin.sheet().map(str::to_owned)
        };
        assert_eq!(sheet("sheet Q1 costs").as_deref(), Some("Q1 costs"));
        assert_eq!(sheet("file a/book.xlsx/Q1").as_deref(), Some("Q1"));
        assert_eq!((sheet("file a/b.txt"), sheet("")), (None, None));
    }

    #[test]
    fn a_time_is_formatted_in_american_english() {
        let at = |h| Published(Utc.with_ymd_and_hms(2026, 2, 3, h, 1, 2).single());
        assert_eq!(at(0).to_string(), "2/3/2026, 12:01:02 AM");
        assert_eq!(at(15).to_string(), "2/3/2026, 3:01:02 PM");
        assert_eq!(Published(None).to_string(), "unknown");
    }
}
