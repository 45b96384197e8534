//! Titles and addresses of documents at `/api/v1`, which derive from file names.
use std::borrow::Cow;

use carrel_domain::Warnings;
use carrel_domain::document::Document;
use carrel_domain::folder::ListedDocument;
use carrel_domain::library::WorkspaceDocument;
use carrel_services::ingestion::Added;
use carrel_services::record;
use uuid::Uuid;

use crate::v1::documents::added::{DocumentsAdded, is_web};
use crate::v1::documents::listing::DocumentBody;
use crate::v1::workspaces::wire::PlacedDocument;

/// The title and address of a document.
pub struct Names<'a> {
    pub title: Cow<'a, str>,
    pub url: Cow<'a, str>,
}

impl<'a> Names<'a> {
    /// Returns the names of a document whose file is called `name`. `is_title_given` tells whether the
    /// client set the title; otherwise it is the page's own.
    pub fn of(
        title: &'a str,
        url: &'a str,
        name: &str,
        chunk_source: &str,
        is_title_given: impl FnOnce() -> bool,
    ) -> Self {
        let mut names = Self { title: title.into(), url: url.into() };
        let file = url.strip_prefix("file://");
        if let Some(stem) = raw_stem(url, name) {
            // quirk(raw-text-title): the title is its slug with `.txt`
            // native: the title of a raw text is kept as given
            // test: `documents::names_and_titles_are_kept_in_every_script`
            names.title = format!("{stem}.txt").into();
            if is_web(url) {
                names.url = format!("web://{}.website", url.to_lowercase()).into();
            }
        } else if chunk_source.starts_with("link://") {
            // quirk(link-title): its host and path, unless a title was given
            // native: a page has the title that it states
            // test: `links::a_page_becomes_a_document`
            if let Some(file) = file
                && !is_title_given()
            {
                names.title = file.into();
            }
        } else if let Some(file) = file.filter(|file| !file.starts_with('/')) {
            // quirk(upload-directory): `file:///uploads/<name>`
            // native: the `url` of an upload is `file://<name>`
            // test: `cargo xtask conformance`
            names.url = format!("file:///uploads/{file}").into();
        }
        names
    }
}

/// Returns the slug of the title of a raw text, taken from the `name` of its file. An uploaded file
/// called `raw-…` is recognized by its address.
fn raw_stem<'n>(url: &str, name: &'n str) -> Option<&'n str> {
    let stem = name.strip_prefix("raw-")?.strip_suffix(".json").and_then(without_id)?;
    let is_uploaded = |file: &str| !file.starts_with(stem);
    (!url.strip_prefix("file://").is_some_and(is_uploaded)).then_some(stem)
}

/// Returns the part before `-<uuid>`.
fn without_id(text: &str) -> Option<&str> {
    let (stem, id) = text.split_at_checked(text.len().checked_sub(UUID_LENGTH)?)?;
    Uuid::try_parse(id).ok()?;
    stem.strip_suffix('-')
}

const UUID_LENGTH: usize = 36;

/// Returns the document with this contract's names.
pub fn rename(mut document: Document) -> Document {
    let is_title_given = || record::has_given_title(&document.metadata, &document.title);
    let (title, url) = (&document.title, &document.url);
    let names = Names::of(title, url, document.path.name(), &document.chunk_source, is_title_given);
    let (title, url) = (names.title.into_owned(), names.url.into_owned());
    (document.title, document.url) = (title, url);
    // quirk(warnings-untold): the field does not exist
    // native: a document says in `warnings` which parts of its file were not read
    // test: `browser_library::omitted_parts_of_a_file_are_named`
    document.warnings = Warnings::default();
    document
}

/// Like [`DocumentsAdded::new`], with this contract's names.
pub fn added(added: Vec<Added>, warnings: Vec<String>) -> DocumentsAdded {
    let rename = |added: Added| Added { document: rename(added.document), ..added };
    DocumentsAdded::new(added.into_iter().map(rename).collect(), warnings)
}

/// Like [`PlacedDocument::new`], with this contract's names.
pub fn placed(placed: WorkspaceDocument) -> PlacedDocument {
    PlacedDocument::new(WorkspaceDocument { document: rename(placed.document), ..placed })
}

/// Like [`DocumentBody::new`], with this contract's names.
pub fn document_body(row: &ListedDocument) -> DocumentBody<'_> {
    let texts = row.texts();
    let is_title_given = || record::has_given_title(texts.metadata, texts.title);
    let names = Names::of(texts.title, texts.url, texts.name, texts.chunk_source, is_title_given);
    let mut document = DocumentBody::new(row);
    (document.title, document.url) = (names.title, names.url);
    // quirk(warnings-untold)
    document.warnings.clear();
    document
}
