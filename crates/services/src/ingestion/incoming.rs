//! From what a client sent to a document: names, defaults, counts.
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

/// What a client says about a file; absent parts come from the file itself.
#[derive(Clone, Debug, Default)]
pub struct Details {
    pub title: Option<String>,
    pub author: Option<String>,
    pub description: Option<String>,
    pub source: Option<String>,
    pub chunk_source: Option<String>,
    pub terms: Terms,
}

/// Under which terms documents are taken in, wherever their text comes from.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The default folder when absent.
    pub folder: Option<Folder>,
    /// As [`Document::metadata`].
    pub metadata: String,
    /// As [`DocumentOrigin::key`]; documents of the same key are replaced.
    pub key: Option<String>,
    /// As [`DocumentOrigin::digest`].
    pub digest: Option<[u8; 32]>,
    /// As [`DocumentOrigin::request`].
    pub request: Option<[u8; 32]>,
    /// Whether documents made earlier of the same content in the same folder will do.
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
    /// Where a document of that file name is kept.
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

/// Text that a client sends as such.
#[derive(Clone, Debug, Default)]
pub struct RawText {
    pub title: String,
    pub text: String,
    pub url: Option<String>,
    pub author: Option<String>,
    pub description: Option<String>,
    pub source: Option<String>,
    pub chunk_source: Option<String>,
    pub published: Option<DateTime<Utc>>,
    pub terms: Terms,
}

/// A page and where it was found.
#[derive(Clone, Debug)]
pub struct FoundPage {
    /// As it was asked for, without a slash at the end.
    pub link: Url,
    pub page: WebPage,
}

/// The longest name, in bytes, that a client's file may have.
const LONGEST_FILE_NAME: usize = 255;
/// What is left for the beginning of a stored name beside `-`, a UUID, the number of a mail and
/// `.json`. File systems take 255 bytes, of which a store needs some for the name under which it
/// writes.
const LONGEST_STEM: usize = 250 - 1 - 36 - 15 - 5;

/// Refuses names that are no plain file name. The name is never used as a path; but a client
/// that sends such a one is mistaken or up to no good, and is told.
pub fn check_file_name(name: &str) -> Result<()> {
    let wrong = |reason| Err(Error::invalid("file name", reason));
    if name.is_empty() || name == "." || name == ".." {
        return wrong("must not be empty");
    }
    if name.len() > LONGEST_FILE_NAME {
        return wrong("must not be longer than 255 bytes");
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
        return wrong("must not contain path separators or control characters");
    }
    Ok(())
}

/// The folder that the sheets of an upload lie in unless the client names one: nobody else's.
pub fn folder_for_sheets(name: &str, parts: &[Extracted]) -> Result<Option<Folder>> {
    let is_sheet = |part: &Extracted| matches!(part.part, Some(DocumentPart::Sheet(_)));
    let unique = DocumentId::random().to_string();
    let folder = || format!("{}-{}", stem(name), &unique[..8]);
    parts.iter().any(is_sheet).then(folder).map(|name| Folder::parse(&name)).transpose()
}

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

pub fn from_text(raw: RawText, now: DateTime<Utc>) -> Result<(Document, String)> {
    let RawText { title, text, url, author, description, source, chunk_source, published, terms } =
        raw;
    if text.is_empty() {
        return Err(Error::invalid("textContent", "must not be empty"));
    }
    let id = DocumentId::random();
    let slug = text_slug(&title);
    let said =
        |given: Option<String>, otherwise: &str| given.unwrap_or_else(|| otherwise.to_owned());
    let document = Document {
        id,
        path: terms.path(&stored_name(&format!("raw-{slug}"), id))?,
        url: url.unwrap_or_else(|| format!("file://{slug}.txt")),
        author: said(author, "no author specified"),
        description: said(description, "no description found"),
        source: said(source, "no source set"),
        chunk_source: said(chunk_source, &format!("{slug}.txt")),
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

/// As [`from_file`], of a page.
pub fn from_page(
    FoundPage { link, page }: FoundPage,
    details: &Details,
    now: DateTime<Utc>,
) -> Result<(Document, String)> {
    let id = DocumentId::random();
    let slug = link_slug(&link);
    let (terms, text) = (&details.terms, page.text);
    let said =
        |given: &Option<String>, otherwise: &str| given.clone().unwrap_or(otherwise.to_owned());
    let document = Document {
        id,
        path: terms.path(&stored_name(&format!("url-{slug}"), id))?,
        title: details.title.clone().or(page.title).unwrap_or_else(|| format!("{slug}.html")),
        url: format!("file://{slug}.html"),
        author: said(&details.author, "no author found"),
        description: said(&details.description, "No description found."),
        source: said(&details.source, "URL link uploaded by the user."),
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

/// How a document says which page it is made of.
pub fn link_source(link: &Url) -> String {
    format!("link://{}", link.as_str().trim_end_matches('/'))
}

/// Host and path of a link, fit for a file name.
pub fn link_slug(link: &Url) -> String {
    let path = link.path().trim_end_matches('/').replace('/', "_");
    let name = format!("{}{path}", link.host_str().unwrap_or_default());
    let mut name = clean(&name);
    while name.len() > LONGEST_STEM - "url-".len() {
        name.pop();
    }
    name
}

/// The slug of a title without its extension, in lower case; empty where it has none but other
/// scripts.
fn text_slug(title: &str) -> String {
    let stem = title.rsplit_once('.').map_or(title, |(stem, _)| stem);
    slug::words(&stem.replace('.', "-")).to_lowercase()
}

/// A file name that begins like `name` and is different for each `id`, at most 250 bytes.
fn stored_name(name: &str, id: impl Display) -> String {
    format!("{}-{id}.json", stem(name))
}

/// The beginning of `name` that leaves room for what makes it unique.
fn stem(name: &str) -> String {
    let mut stem = clean(name);
    while stem.len() > LONGEST_STEM {
        stem.pop();
    }
    if stem.is_empty() { "document".to_owned() } else { stem }
}

/// Leaves what every file system takes in a name.
fn clean(text: &str) -> String {
    let kept =
        |c: &char| !c.is_control() && !"<>:\"/\\|?*\u{2018}\u{2019}\u{201c}\u{201d}".contains(*c);
    let words: String = text.chars().filter(kept).collect();
    words.split_whitespace().collect::<Vec<_>>().join("-").trim_start_matches('.').to_owned()
}

/// Pieces between single spaces, as clients of this kind of server count them.
fn count_words(text: &str) -> i32 {
    i32::try_from(text.split(' ').count()).unwrap_or(i32::MAX)
}

/// The tokens of a document until [`count_tokens`] has said how many there are.
const UNCOUNTED: i32 = 0;

/// How much of a text is counted, in bytes. What follows is taken to be like it.
const COUNTED: usize = 64 << 10;

/// Counts the tokens of documents, on a thread that may take its time.
pub async fn count_tokens(
    tokenizer: &Arc<dyn Tokenizer>,
    mut made: Vec<(Document, String)>,
) -> Result<Vec<(Document, String)>> {
    let tokenizer = Arc::clone(tokenizer);
    let count = move || {
        for (document, text) in &mut made {
            document.tokens = tokens_of(&*tokenizer, text);
        }
        made
    };
    tokio::task::spawn_blocking(count).await.map_err(Error::internal)
}

fn tokens_of(tokenizer: &dyn Tokenizer, text: &str) -> i32 {
    let beginning = &text[..text.floor_char_boundary(COUNTED)];
    // No token is shorter than a byte, so this ends with a number.
    let counted = tokenizer.count(beginning, beginning.len()).unwrap_or(beginning.len());
    let share = text.len() as f64 / beginning.len().max(1) as f64;
    (counted as f64 * share).ceil() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_are_unique_and_fit_a_file_system() {
        let id = DocumentId::random();
        assert_eq!(stored_name("my file.txt", id), format!("my-file.txt-{id}.json"));
        assert_eq!(stored_name("報告 v2.txt", id), format!("報告-v2.txt-{id}.json"));
        assert_eq!(stored_name("...<:>", id), format!("document-{id}.json"));
        let long = stored_name(&"語".repeat(100), id);
        assert!(long.len() <= 250 && DocumentPath::new("f", &long).is_ok());
    }

    #[tokio::test]
    async fn the_tokens_of_long_texts_are_those_of_their_beginning_times_their_length() {
        let document =
            || from_file("a.txt", part(None), &Details::default(), Utc::now()).unwrap().0;
        let long = "word ".repeat(100_000);
        let made = [String::new(), "three words here".into(), long];
        let made = made.into_iter().map(|text| (document(), text)).collect();
        let tokenizer: Arc<dyn Tokenizer> = Arc::new(crate::fakes::world::Words);
        let counted = count_tokens(&tokenizer, made).await.unwrap();
        let tokens: Vec<_> = counted.iter().map(|(document, _)| document.tokens).collect();
        assert_eq!(tokens[..2], [0, 3]);
        assert!((100_000..=100_010).contains(&tokens[2]), "{tokens:?}");
    }

    fn part(part: Option<DocumentPart>) -> Extracted {
        let [author, description, source] = ["a", "d", "s"].map(str::to_owned);
        let warnings = Vec::new();
        Extracted { part, title: None, author, description, source, text: "t".into(), warnings }
    }

    #[test]
    fn sheets_lie_in_a_folder_of_their_upload_and_mails_have_numbers() {
        let details = Details::default();
        let sheet = part(Some(DocumentPart::Sheet("Q1: costs".into())));
        let folder =
            folder_for_sheets("my book.xlsx", std::slice::from_ref(&sheet)).unwrap().unwrap();
        let name = folder.as_str();
        assert!(name.starts_with("my-book.xlsx-") && name.len() == 21, "{name}");
        let terms = Terms { folder: Some(folder.clone()), ..Terms::default() };
        let placed = Details { terms, ..Details::default() };
        let (sheet, _) = from_file("my book.xlsx", sheet, &placed, Utc::now()).unwrap();
        assert!(sheet.path.to_string().starts_with(&format!("{folder}/sheet-Q1-costs-")));
        assert_eq!(sheet.title, "my book.xlsx - Sheet:Q1: costs");

        let mail = part(Some(DocumentPart::Mail(12)));
        assert_eq!(folder_for_sheets("a.mbox", std::slice::from_ref(&mail)).unwrap(), None);
        let (mail, _) = from_file("a.mbox", mail, &details, Utc::now()).unwrap();
        assert!(mail.path.to_string().ends_with("-msg-12.json"));
        assert_eq!(mail.title, "a.mbox");
        let long = part(Some(DocumentPart::Mail(u32::MAX)));
        assert!(from_file(&"x".repeat(255), long, &details, Utc::now()).is_ok());
    }

    #[test]
    fn file_names_that_are_paths_are_refused() {
        for bad in ["", ".", "..", "../x.txt", "a/b.txt", "a\\b.txt", "a\0.txt", &"x".repeat(256)] {
            assert!(check_file_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_file_name("日本語 – naïve (1).txt").is_ok());
    }

    #[test]
    fn the_title_of_a_text_is_kept_as_given() {
        let raw =
            RawText {
                title: "第3四半期 Plan v2".into(), text: "x y".into(), ..RawText::default()
            };
        let (document, _) = from_text(raw, Utc::now()).unwrap();
        assert_eq!(document.title, "第3四半期 Plan v2");
        assert_eq!(document.words, 2);
    }

    #[test]
    fn the_slug_of_a_text_drops_its_extension() {
        assert_eq!(text_slug("France facts"), "france-facts");
        assert_eq!(text_slug("a.b.md"), "a-b");
        assert_eq!(text_slug("Q3 Plan v2"), "q3-plan-v2");
        assert_eq!((text_slug("日本語"), text_slug("../../evil")), (String::new(), String::new()));
    }

    #[test]
    fn a_link_is_named_by_its_host_and_path() {
        let slug = |link: &str| link_slug(&Url::parse(link).unwrap());
        assert_eq!(slug("http://127.0.0.1:8080/page.html?q=1#x"), "127.0.0.1_page.html");
        assert_eq!(slug("https://example.com/a/b/"), "example.com_a_b");
        assert_eq!(slug("https://example.com"), "example.com");
        let long = format!("https://example.com/{}", "x".repeat(1000));
        assert!(stored_name(&format!("url-{}", slug(&long)), DocumentId::random()).len() <= 250);
    }
}
