//! From what a client sent to a document: names, defaults, counts.
use std::fmt::Display;

use carrel_domain::document::{Document, Extracted, NO_METADATA, Origin, Part, Published};
use carrel_domain::path::DEFAULT_FOLDER;
use carrel_domain::{DocumentId, DocumentPath, Error, Result, slug};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// What a client says about a file; absent parts come from the file itself.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// One path segment; the default folder when absent.
    pub folder: Option<String>,
    pub title: Option<String>,
    pub author: Option<String>,
    pub description: Option<String>,
    pub source: Option<String>,
    pub chunk_source: Option<String>,
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
pub fn folder_for_sheets(name: &str, parts: &[Extracted]) -> Option<String> {
    let is_sheet = |part: &Extracted| matches!(part.part, Some(Part::Sheet(_)));
    let unique = DocumentId::random().to_string();
    let folder = || format!("{}-{}", stem(name), &unique[..8]);
    parts.iter().any(is_sheet).then(folder)
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
        Some(Part::Mail(number)) => {
            (stored_name(name, format_args!("{id}-msg-{number}")), name.to_owned())
        }
        Some(Part::Sheet(sheet)) => {
            (stored_name(&format!("sheet-{sheet}"), id), format!("{name} - Sheet:{sheet}"))
        }
    };
    let folder = details.folder.as_deref().unwrap_or(DEFAULT_FOLDER);
    let document = Document {
        id,
        path: DocumentPath::new(folder, &stored)?,
        title: details.title.clone().or(part.title).unwrap_or(usual_title),
        url: format!("file://{name}"),
        author: details.author.clone().unwrap_or(part.author),
        description: details.description.clone().unwrap_or(part.description),
        source: details.source.clone().unwrap_or(part.source),
        chunk_source: details.chunk_source.clone().unwrap_or_default(),
        published: Published(Some(now)),
        words: count_words(&part.text),
        tokens: estimate_tokens(&part.text),
        digest: Sha256::digest(part.text.as_bytes()).into(),
        created_at: now,
        metadata: NO_METADATA.to_owned(),
        origin: Origin::default(),
    };
    Ok((document, part.text))
}

pub fn from_text(raw: RawText, now: DateTime<Utc>) -> Result<(Document, String)> {
    let RawText { title, text, url, author, description, source, chunk_source, published } = raw;
    if text.trim().is_empty() {
        return Err(Error::invalid("textContent", "must not be empty"));
    }
    let id = DocumentId::random();
    let slug = text_slug(&title);
    let said =
        |given: Option<String>, otherwise: &str| given.unwrap_or_else(|| otherwise.to_owned());
    let document = Document {
        id,
        path: DocumentPath::new(DEFAULT_FOLDER, &stored_name(&format!("raw-{slug}"), id))?,
        url: url.unwrap_or_else(|| format!("file://{slug}.txt")),
        author: said(author, "no author specified"),
        description: said(description, "no description found"),
        source: said(source, "no source set"),
        chunk_source: said(chunk_source, &format!("{slug}.txt")),
        published: Published(Some(published.unwrap_or(now))),
        words: count_words(&text),
        tokens: estimate_tokens(&text),
        digest: Sha256::digest(text.as_bytes()).into(),
        created_at: now,
        metadata: NO_METADATA.to_owned(),
        origin: Origin::default(),
        title,
    };
    Ok((document, text))
}

/// The slug of a title without its extension, in lower case; letters of every script are kept.
fn text_slug(title: &str) -> String {
    let stem = match title.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') => stem,
        _ => title,
    };
    let ascii = slug::words(&stem.replace('.', "-")).to_lowercase();
    if ascii.is_empty() { clean(stem).to_lowercase() } else { ascii }
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

/// About four ASCII characters make a token, and most other characters are one.
fn estimate_tokens(text: &str) -> i32 {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().filter(|c| !c.is_ascii()).count();
    i32::try_from(ascii.div_ceil(4) + others).unwrap_or(i32::MAX)
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

    fn part(part: Option<Part>) -> Extracted {
        let [author, description, source] = ["a", "d", "s"].map(str::to_owned);
        Extracted { part, title: None, author, description, source, text: "t".into() }
    }

    #[test]
    fn sheets_lie_in_a_folder_of_their_upload_and_mails_have_numbers() {
        let details = Details::default();
        let sheet = part(Some(Part::Sheet("Q1: costs".into())));
        let folder = folder_for_sheets("my book.xlsx", std::slice::from_ref(&sheet)).unwrap();
        assert!(folder.starts_with("my-book.xlsx-") && folder.len() == 21, "{folder}");
        let placed = Details { folder: Some(folder.clone()), ..Details::default() };
        let (sheet, _) = from_file("my book.xlsx", sheet, &placed, Utc::now()).unwrap();
        assert!(sheet.path.to_string().starts_with(&format!("{folder}/sheet-Q1-costs-")));
        assert_eq!(sheet.title, "my book.xlsx - Sheet:Q1: costs");

        let mail = part(Some(Part::Mail(12)));
        assert_eq!(folder_for_sheets("a.mbox", std::slice::from_ref(&mail)), None);
        let (mail, _) = from_file("a.mbox", mail, &details, Utc::now()).unwrap();
        assert!(mail.path.to_string().ends_with("-msg-12.json"));
        assert_eq!(mail.title, "a.mbox");
        let long = part(Some(Part::Mail(u32::MAX)));
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
        assert_eq!(text_slug("../../evil"), "evil");
    }
}
