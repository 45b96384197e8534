//! Creating documents from web pages.
use carrel_domain::audit::By;
use carrel_domain::document::{FileType, IncomingFile};
use carrel_domain::link::{FetchedPage, Link};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use sha2::{Digest, Sha256};
use url::Url;

use super::incoming::{self, FoundPage};
use super::{Details, Indexing, Ingested, Ingestion, PreparedUpload, known, scratch};

/// A request to add a web page.
#[derive(Clone, Debug)]
pub struct LinkRequest {
    /// The address, at most 4,096 bytes. `https` is assumed if the scheme is missing.
    pub link: String,
    /// Request headers.
    pub headers: Vec<(String, String)>,
    /// Whether to accept the body of an unsuccessful response.
    pub take_errors: bool,
    /// The client's metadata.
    pub details: Details,
}

/// The maximum length of an address, in bytes.
const LONGEST: usize = 4_096;

impl Ingestion {
    /// Adds the target of a link: a page or a text as one document, another file as the documents
    /// extracted from it.
    pub async fn add_link(
        &self,
        request: LinkRequest,
        into: Vec<Workspace>,
        indexing: Indexing,
        by: &By,
    ) -> Result<Ingested> {
        let LinkRequest { link, headers, take_errors, mut details } = request;
        let link = parse(&link)?;
        let link_request = Link { url: link.to_string(), headers, take_errors };
        let fetched = self.fetcher.fetch(&link_request).await?;
        details.terms.digest = Some(Sha256::digest(&fetched.content).into());
        details.chunk_source = Some(incoming::link_source(&link));
        if let Kind::File(extension) = kind(self.library.extractor.file_types(), &fetched)? {
            let mut name = incoming::link_slug(&link);
            if !name.to_lowercase().ends_with(&extension) {
                name.push_str(&extension);
            }
            return self.add_fetched(name, fetched, details, into, indexing, by).await;
        }
        let same = known::identical(&self.library, &details.terms).await?;
        if let Some(known) = known::single(self, &same, &into, indexing, by).await? {
            return Ok(known);
        }
        let page = self.reader.read(fetched).await?;
        if page.text.trim().is_empty() {
            return Err(nothing_at(&link));
        }
        let documents = vec![incoming::from_page(FoundPage { link, page }, &details, by.at)?];
        let upload = PreparedUpload::new("api_link_uploaded", documents, details.terms, by)
            .or_identical(same)
            .into_workspaces(into, indexing);
        self.ingest(upload).await
    }

    async fn add_fetched(
        &self,
        name: String,
        fetched: FetchedPage,
        details: Details,
        into: Vec<Workspace>,
        indexing: Indexing,
        by: &By,
    ) -> Result<Ingested> {
        let file = scratch::written(self.directory.clone(), fetched.content).await?;
        let incoming = IncomingFile { name, content: file.path().to_owned() };
        self.add_file(incoming, details, into, indexing, by).await
    }
}

/// Returns how to read a response: according to its media type, or its address if that is more
/// specific.
fn kind(types: Vec<FileType>, fetched: &FetchedPage) -> Result<Kind> {
    let media_type = fetched.media_type.as_str();
    let is_page = |mime: &str| is_markup(mime) || mime == "text/plain";
    if is_page(media_type) {
        return Ok(Kind::Page);
    }
    if let Some(known) = types.iter().find(|known| known.mime == media_type)
        && let Some(extension) = known.extensions.first()
    {
        return Ok(Kind::File((*extension).to_owned()));
    }
    let extension = extension(&fetched.url);
    let reads = |known: &&FileType| {
        let mut extensions = known.extensions.iter().chain(known.aliases);
        extensions.any(|known| Some(*known) == extension.as_deref())
    };
    match (types.iter().find(reads), extension.clone()) {
        (Some(known), Some(extension)) if !is_page(known.mime) => Ok(Kind::File(extension)),
        _ if media_type.starts_with("text/") || media_type.ends_with("xml") => Ok(Kind::Page),
        // Hosts send no media type, or a generic one, for files they do not know.
        (Some(known), _) if is_markup(known.mime) => Ok(Kind::Page),
        (Some(_), Some(extension)) => Ok(Kind::File(extension)),
        _ if media_type.is_empty() => Ok(Kind::Page),
        _ => Err(Error::unprocessable(format!(
            "The link leads to a file of the type {}, which cannot be read.",
            media_type.escape_default()
        ))),
    }
}

fn is_markup(mime: &str) -> bool {
    matches!(mime, "text/html" | "application/xhtml+xml")
}

/// The supported targets of a link.
enum Kind {
    Page,
    /// A file with this extension.
    File(String),
}

/// Returns the file extension of an address, with its dot.
fn extension(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let (_, extension) = url.path().rsplit_once('/')?.1.rsplit_once('.')?;
    Some(format!(".{}", extension.to_lowercase()))
}

/// Parses an address as people type it, without `https://` or with a trailing slash.
fn parse(text: &str) -> Result<Url> {
    let invalid = || Error::invalid("link", "Not a valid URL.");
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid("link", "must not be empty"));
    }
    if text.len() > LONGEST || text.chars().any(|c| c.is_control() || c == '\\') {
        return Err(invalid());
    }
    let has_scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        rest.starts_with("//") || !(scheme.contains('.') || rest.starts_with(char::is_numeric))
    });
    let text = if has_scheme { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&text).map_err(|_| invalid())?;
    let named = url.host_str().is_some_and(|host| !host.is_empty());
    let is_web = matches!(url.scheme(), "http" | "https");
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    if named && is_web && !has_credentials { Ok(url) } else { Err(invalid()) }
}

/// Returns the error for a link whose target has no readable content.
pub fn nothing_at(link: &Url) -> Error {
    let link = link.as_str().trim_end_matches('/');
    Error::unprocessable(format!("No URL content found at {link}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_as_people_type_them() {
        for (text, url) in [
            ("example.com", "https://example.com/"),
            (" http://example.com/a/ ", "http://example.com/a/"),
            ("example.com:8080/x", "https://example.com:8080/x"),
            ("localhost:80", "https://localhost:80/"),
            ("HTTP://EXAMPLE.com/Ä", "http://example.com/%C3%84"),
            ("http://127.1", "http://127.0.0.1/"),
        ] {
            assert_eq!(parse(text).map(|url| url.to_string()).ok().as_deref(), Some(url), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        let long = format!("https://example.com/{}", "x".repeat(LONGEST));
        for text in [
            "",
            "  ",
            "not a url",
            "file:///etc/passwd",
            "gopher://example.com",
            "data:text/html,x",
            "javascript:alert(1)",
            "http://user@example.com",
            "http://user:secret@example.com/",
            "http://127.0.0.1\\@example.com",
            "http://",
            "https:///",
            "http://a b.com",
            "http://exam\nple.com/",
            "http://example.com:99999",
            &long,
        ] {
            assert!(matches!(parse(text), Err(Error::Invalid { .. })), "{text:?}");
        }
    }
}
