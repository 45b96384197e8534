//! JSON of the result of an upload.
use carrel_domain::document::{Document, NO_METADATA};
use carrel_domain::{DocumentId, Error, Result};
use carrel_services::ingestion::Added;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

/// The result of an upload.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct DocumentsAdded {
    pub success: bool,
    pub error: Option<String>,
    pub documents: Vec<AddedDocument>,
    /// Problems that did not prevent the upload.
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
    /// The whole text. Omitted with `?content=false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page_content: Option<String>,
    #[serde(rename = "token_count_estimate")]
    token_count_estimate: i32,
    /// `folder/file.json`: how other operations refer to the document.
    location: String,
    /// Last segment of `location`.
    name: String,
    is_direct_upload: bool,
    /// The metadata as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    /// Parts of the file that were not read, one sentence each. Absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// True if the document existed before. Absent otherwise.
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
    pub fn new(added: Vec<Added>, mut warnings: Vec<String>) -> Self {
        let mut documents = Vec::with_capacity(added.len());
        for Added { document, text, warning, existed } in added {
            warnings.extend(warning);
            documents.push(added_document(document, text, existed));
        }
        Self { success: true, error: None, documents, warnings }
    }

    pub fn without_content(mut self) -> Self {
        self.documents.iter_mut().for_each(|document| document.page_content = None);
        self
    }
}

fn added_document(document: Document, page_content: String, existed: bool) -> AddedDocument {
    let path = &document.path;
    AddedDocument {
        id: document.id.to_string(),
        url: document.url,
        title: document.title,
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
        warnings: document.warnings.iter().map(str::to_owned).collect(),
        existed: existed.then_some(true),
    }
}

/// Returns the metadata as sent, if there was any.
pub fn metadata(text: &str) -> Option<Value> {
    if text == NO_METADATA { None } else { serde_json::from_str(text).ok() }
}

/// True if a text is an HTTP or HTTPS URL.
pub fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
