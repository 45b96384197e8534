//! Creating documents from client input: names, defaults and counts.
use std::fmt::Display;
use std::sync::Arc;

use carrel_domain::document::{
    Document, DocumentOrigin, DocumentPart, Extracted, NO_METADATA, Published,
};
use carrel_domain::link::WebPage;
use carrel_domain::model::Tokenizer;
use carrel_domain::{DocumentId, DocumentPath, Error, Folder, Result, Warnings, slug};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use url::Url;

/// A client's metadata for a file. Absent fields are taken from the file.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// The title. The title of the file or its name if absent.
    pub title: Option<String>,
    /// The author.
    pub author: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The source, in words.
    pub source: Option<String>,
    /// The link to the original.
    pub chunk_source: Option<String>,
    /// The terms of the upload.
    pub terms: Terms,
}

/// The options that apply to all kinds of uploads.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The folder. The default folder if absent.
    pub folder: Option<Folder>,
    /// See [`Document::metadata`].
    pub metadata: String,
    /// See [`DocumentOrigin::key`]. Documents with the same key are replaced.
    pub key: Option<String>,
    /// See [`DocumentOrigin::digest`].
    pub digest: Option<[u8; 32]>,
    /// See [`DocumentOrigin::request`].
    pub request: Option<[u8; 32]>,
    /// Whether existing documents with the same content in the same folder are used instead.
    pub skip_identical: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            folder: None,
            metadata: NO_METADATA.to_owned(),
            key: None,
            digest: None,
            request: None,
            skip_identical: false,
        }
    }
}

impl Terms {
    /// Returns the path for a document with this file name.
    fn path(&self, name: &str) -> Result<DocumentPath> {
        let folder = self.folder.clone().unwrap_or_default();
        DocumentPath::new(folder.as_str(), name)
    }

    fn origin(&self, part: Option<&DocumentPart>) -> DocumentOrigin {
        let part = match part {
            None => String::new(),
            Some(DocumentPart::Sheet(name)) => format!("sheet {name}"),
            Some(DocumentPart::Mail(number)) => format!("mail {number}"),
            Some(DocumentPart::File(name)) => format!("file {name}"),
        };
        DocumentOrigin { key: self.key.clone(), part, digest: self.digest, request: self.request }
    }
}

/// A text sent by a client.
#[derive(Clone, Debug, Default)]
pub struct RawText {
    /// The title, from which the file name is derived.
    pub title: String,
    /// The text.
    pub text: String,
    /// The address of the original; derived from the title if absent.
    pub url: Option<String>,
    /// The author.
    pub author: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The source, in words.
    pub source: Option<String>,
    /// The link to the original.
    pub chunk_source: Option<String>,
    /// The publication time of the original.
    pub published: Option<DateTime<Utc>>,
    /// The terms of the upload.
    pub terms: Terms,
}

/// A web page and its address.
#[derive(Clone, Debug)]
pub struct FoundPage {
    /// The requested address, without a trailing slash.
    pub link: Url,
    /// The extracted content.
    pub page: WebPage,
}

/// The maximum length of an uploaded file's name, in bytes.
const LONGEST_FILE_NAME: usize = 255;
/// The maximum length of the first part of a stored name, in bytes. `-`, a UUID, the number of a
/// mail and `.json` follow. File systems allow 255 bytes, of which the store needs some for
/// temporary names.
const LONGEST_STEM: usize = 250 - 1 - 36 - 15 - 5;

/// Checks that a name is a plain file name. Names are never used as paths, but a client that sends
/// a path is wrong and is told so.
pub fn check_file_name(name: &str) -> Result<()> {
    let invalid = |reason| Err(Error::invalid("file name", reason));
    if name.is_empty() || name == "." || name == ".." {
        return invalid("must not be empty");
    }
    if name.len() > LONGEST_FILE_NAME {
        return invalid("must not be longer than 255 bytes");
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
        return invalid("must not contain path separators or control characters");
    }
    Ok(())
}

/// Returns a unique folder for the sheets of a workbook. Used unless the client names a folder.
pub fn folder_for_sheets(name: &str, parts: &[Extracted]) -> Result<Option<Folder>> {
    let is_sheet = |part: &Extracted| matches!(part.part, Some(DocumentPart::Sheet(_)));
    let unique = DocumentId::random().to_string();
    let folder = || format!("{}-{}", stem(name), &unique[..8]);
    parts.iter().any(is_sheet).then(folder).map(|name| Folder::parse(&name)).transpose()
}

/// Returns the path for the document of a whole file.
pub fn path(name: &str, id: DocumentId, terms: &Terms) -> Result<DocumentPath> {
    terms.path(&stored_name(name, id))
}

/// Creates a document from one part of a file.
pub fn from_file(
    name: &str,
    part: Extracted,
    details: &Details,
    now: DateTime<Utc>,
) -> Result<(Document, String)> {
    let id = DocumentId::random();
    let (stored, usual_title) = match &part.part {
        None => (stored_name(name, id), name.to_owned()),
        Some(DocumentPart::Mail(number)) => {
            (stored_name(name, format_args!("{id}-msg-{number}")), name.to_owned())
        }
        Some(DocumentPart::File(inner)) => {
            (stored_name(&inner.replace('/', "-"), id), format!("{name} - {inner}"))
        }
        Some(DocumentPart::Sheet(sheet)) => {
            (stored_name(&format!("sheet-{sheet}"), id), format!("{name} - Sheet:{sheet}"))
        }
    };
    let terms = &details.terms;
    let document = Document {
        id,
        path: terms.path(&stored)?,
        title: details.title.clone().or(part.title).unwrap_or(usual_title),
        url: format!("file://{name}"),
        author: details.author.clone().unwrap_or(part.author),
        description: details.description.clone().unwrap_or(part.description),
        source: details.source.clone().unwrap_or(part.source),
        chunk_source: details.chunk_source.clone().unwrap_or_default(),
        published: Published(Some(now)),
        words: count_words(&part.text),
        tokens: UNCOUNTED,
        digest: Sha256::digest(part.text.as_bytes()).into(),
        created_at: now,
        metadata: terms.metadata.clone(),
        origin: terms.origin(part.part.as_ref()),
        warnings: Warnings::new(&part.warnings),
    };
    Ok((document, part.text))
}

/// Creates a document from a text. [`Error::Invalid`] if the text is empty.
pub fn from_text(raw: RawText, now: DateTime<Utc>) -> Result<(Document, String)> {
    let RawText { title, text, url, author, description, source, chunk_source, published, terms } =
        raw;
    if text.is_empty() {
        return Err(Error::invalid("textContent", "must not be empty"));
    }
    let id = DocumentId::random();
    let slug = text_slug(&title);
    let or_default =
        |given: Option<String>, otherwise: &str| given.unwrap_or_else(|| otherwise.to_owned());
    let document = Document {
        id,
        path: terms.path(&stored_name(&format!("raw-{slug}"), id))?,
        url: url.unwrap_or_else(|| format!("file://{slug}.txt")),
        author: or_default(author, "no author specified"),
        description: or_default(description, "no description found"),
        source: or_default(source, "no source set"),
        chunk_source: or_default(chunk_source, &format!("{slug}.txt")),
        published: Published(Some(published.unwrap_or(now))),
        words: count_words(&text),
        tokens: UNCOUNTED,
        digest: Sha256::digest(text.as_bytes()).into(),
        created_at: now,
        origin: terms.origin(None),
        warnings: Warnings::default(),
        metadata: terms.metadata,
        title,
    };
    Ok((document, text))
}

/// Creates a document from a web page.
pub fn from_page(
    FoundPage { link, page }: FoundPage,
    details: &Details,
    now: DateTime<Utc>,
) -> Result<(Document, String)> {
    let id = DocumentId::random();
    let slug = link_slug(&link);
    let (terms, text) = (&details.terms, page.text);
    let or_default =
        |given: &Option<String>, otherwise: &str| given.clone().unwrap_or(otherwise.to_owned());
    let document = Document {
        id,
        path: terms.path(&stored_name(&format!("url-{slug}"), id))?,
        title: details.title.clone().or(page.title).unwrap_or_else(|| format!("{slug}.html")),
        url: format!("file://{slug}.html"),
        author: or_default(&details.author.clone().or(page.author), "no author found"),
        description: or_default(&details.description, "No description found."),
        source: or_default(&details.source, "URL link uploaded by the user."),
        chunk_source: link_source(&link),
        published: Published(Some(now)),
        words: count_words(&text),
        tokens: UNCOUNTED,
        digest: Sha256::digest(text.as_bytes()).into(),
        created_at: now,
        metadata: terms.metadata.clone(),
        origin: terms.origin(None),
        warnings: Warnings::default(),
    };
    Ok((document, text))
}

/// Returns the link that identifies the page of a document.
pub fn link_source(link: &Url) -> String {
    format!("link://{}", link.as_str().trim_end_matches('/'))
}

/// Returns the host and path of a link in a form suitable for file names.
pub fn link_slug(link: &Url) -> String {
    let path = link.path().trim_end_matches('/').replace('/', "_");
    let name = format!("{}{path}", link.host_str().unwrap_or_default());
    let mut name = clean(&name);
    while name.len() > LONGEST_STEM - "url-".len() {
        name.pop();
    }
    name
}

/// Returns the slug of a title without its extension, in lower case. Empty if the title consists of
/// other scripts only.
fn text_slug(title: &str) -> String {
    let stem = title.rsplit_once('.').map_or(title, |(stem, _)| stem);
    slug::words(&stem.replace('.', "-")).to_lowercase()
}

/// Returns a file name that begins like `name` and is unique for `id`, at most 250 bytes long.
fn stored_name(name: &str, id: impl Display) -> String {
    format!("{}-{id}.json", stem(name))
}

/// Returns the beginning of `name`, short enough to append a unique suffix.
fn stem(name: &str) -> String {
    let mut stem = clean(name);
    while stem.len() > LONGEST_STEM {
        stem.pop();
    }
    if stem.is_empty() { "document".to_owned() } else { stem }
}

/// Removes characters that some file system does not allow in names.
fn clean(text: &str) -> String {
    let is_allowed =
        |c: &char| !c.is_control() && !"<>:\"/\\|?*\u{2018}\u{2019}\u{201c}\u{201d}".contains(*c);
    let words: String = text.chars().filter(is_allowed).collect();
    words.split_whitespace().collect::<Vec<_>>().join("-").trim_start_matches('.').to_owned()
}

/// Counts words separated by single spaces, as clients of this API do.
fn count_words(text: &str) -> i32 {
    i32::try_from(text.split(' ').count()).unwrap_or(i32::MAX)
}

/// The token count of a document before [`count_tokens`].
const UNCOUNTED: i32 = 0;

/// The number of bytes of a text whose tokens are counted. The rest is extrapolated.
const COUNTED: usize = 64 << 10;

/// Counts the tokens of documents on a blocking thread.
pub async fn count_tokens(
    tokenizer: &Arc<dyn Tokenizer>,
    mut documents: Vec<(Document, String)>,
) -> Result<Vec<(Document, String)>> {
    let tokenizer = Arc::clone(tokenizer);
    let count = move || {
        for (document, text) in &mut documents {
            document.tokens = tokens_of(&*tokenizer, text);
        }
        documents
    };
    tokio::task::spawn_blocking(count).await.map_err(Error::internal)
}

fn tokens_of(tokenizer: &dyn Tokenizer, text: &str) -> i32 {
    let beginning = &text[..text.floor_char_boundary(COUNTED)];
    // A token has at least one byte, so the limit is never exceeded.
    let counted = tokenizer.count(beginning, beginning.len()).unwrap_or(beginning.len());
    let share = text.len() as f64 / beginning.len().max(1) as f64;
    (counted as f64 * share).ceil() as i32
}

#[cfg(test)]
mod tests;
