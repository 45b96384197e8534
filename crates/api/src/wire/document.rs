//! Documents as they were taken in.
use std::borrow::Cow;

use carrel_domain::document::{Document, NO_METADATA};
use carrel_domain::{DocumentId, Error, Result};
use carrel_services::ingestion::Added;
use carrel_services::record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::mount::Mount;

/// What became of an upload.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct DocumentsAdded {
    pub success: bool,
    pub error: Option<String>,
    pub documents: Vec<AddedDocument>,
    /// What did not work although the documents were kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedDocument {
    id: String,
    url: String,
    title: String,
    doc_author: String,
    description: String,
    doc_source: String,
    chunk_source: String,
    published: String,
    word_count: i32,
    /// The whole text; left out with `?content=false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page_content: Option<String>,
    #[serde(rename = "token_count_estimate")]
    token_count_estimate: i32,
    /// `folder/file.json`: what other calls want to be given.
    location: String,
    /// The last part of `location`.
    name: String,
    is_direct_upload: bool,
    /// All that was sent as metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    /// What of the file is not in the text, a sentence each; absent where nothing was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Whether it was there before; said only if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    existed: Option<bool>,
}

impl AddedDocument {
    pub fn id(&self) -> Result<DocumentId> {
        Ok(DocumentId(Uuid::parse_str(&self.id).map_err(Error::internal)?))
    }

    pub fn set_content(&mut self, text: String) {
        self.page_content = Some(text);
    }
}

impl DocumentsAdded {
    pub fn new(added: Vec<Added>, mut warnings: Vec<String>, mount: Mount) -> Self {
        let mut documents = Vec::with_capacity(added.len());
        for Added { document, text, warning, existed } in added {
            warnings.extend(warning);
            documents.push(added_document(document, text, existed, mount));
        }
        Self { success: true, error: None, documents, warnings }
    }

    pub fn without_content(mut self) -> Self {
        self.documents.iter_mut().for_each(|document| document.page_content = None);
        self
    }
}

fn added_document(
    document: Document,
    page_content: String,
    existed: bool,
    mount: Mount,
) -> AddedDocument {
    let names = Names::of(&document, mount);
    let path = &document.path;
    AddedDocument {
        id: document.id.to_string(),
        url: names.url.into_owned(),
        title: names.title.into_owned(),
        doc_author: document.author,
        description: document.description,
        doc_source: document.source,
        chunk_source: document.chunk_source,
        published: document.published.to_string(),
        word_count: document.words,
        page_content: Some(page_content),
        token_count_estimate: document.tokens,
        location: path.to_string(),
        name: path.name().to_owned(),
        is_direct_upload: false,
        metadata: metadata(&document.metadata),
        external_id: document.origin.key,
        // What was left out has no place in the other dialect.
        warnings: match mount {
            Mount::Native => document.warnings.iter().map(str::to_owned).collect(),
            Mount::Compat => Vec::new(),
        },
        existed: existed.then_some(true),
    }
}

/// What was sent as metadata, if anything.
pub fn metadata(text: &str) -> Option<Value> {
    if text == NO_METADATA { None } else { serde_json::from_str(text).ok() }
}

/// By what a document is known.
pub struct Names<'a> {
    pub title: Cow<'a, str>,
    pub url: Cow<'a, str>,
}

impl<'a> Names<'a> {
    pub fn new(title: &'a str, url: &'a str) -> Self {
        Self { title: title.into(), url: url.into() }
    }

    pub fn of(document: &'a Document, mount: Mount) -> Self {
        let Document { path, title, url, chunk_source, metadata, .. } = document;
        let names = Self::new(title, url);
        match mount {
            Mount::Native => names,
            Mount::Compat => {
                let given = || record::gives_title(metadata, title);
                names.of_compat(path.name(), chunk_source, given)
            }
        }
    }

    /// As the other dialect says them of a document whose file has this `name`. Natively, a title may
    /// have been `given` by whoever handed the document in, or be the page's own.
    pub fn of_compat(
        mut self,
        name: &str,
        chunk_source: &str,
        given: impl FnOnce() -> bool,
    ) -> Self {
        let file = self.url.strip_prefix("file://");
        if let Some(stem) = self.raw_stem(name) {
            // quirk(raw-text-title): the title there is the slug of the one that was given, with
            // `.txt`.
            self.title = format!("{stem}.txt").into();
            if is_web(&self.url) {
                self.url = format!("web://{}.website", self.url.to_lowercase()).into();
            }
        } else if chunk_source.starts_with("link://") {
            // quirk(link-title): a page has no title of its own there.
            if let Some(file) = file
                && !given()
            {
                self.title = file.to_owned().into();
            }
        } else if let Some(file) = file.filter(|file| !file.starts_with('/')) {
            // quirk(upload-directory): a file is said to have come from a directory. That of an
            // imported document is said already.
            self.url = format!("file:///uploads/{file}").into();
        }
        self
    }

    /// The slug of the title of what was never a file, in the `name` of its file. Files that are
    /// called `raw-…` are called so in their address too.
    fn raw_stem<'n>(&self, name: &'n str) -> Option<&'n str> {
        let stem = name.strip_prefix("raw-")?.strip_suffix(".json").and_then(without_id)?;
        let is_uploaded = |file: &str| !file.starts_with(stem);
        let file = self.url.strip_prefix("file://");
        (!file.is_some_and(is_uploaded)).then_some(stem)
    }
}

/// What stands before `-<uuid>`.
fn without_id(text: &str) -> Option<&str> {
    let (stem, id) = text.split_at_checked(text.len().checked_sub(UUID_LENGTH)?)?;
    Uuid::try_parse(id).ok()?;
    stem.strip_suffix('-')
}

const UUID_LENGTH: usize = 36;

pub(super) fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
