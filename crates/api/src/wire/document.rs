//! Documents on the wire.
use std::collections::BTreeMap;

use carrel_domain::document::Document;
use carrel_domain::path::DEFAULT_FOLDER;
use carrel_domain::{Error, Result};
use carrel_services::library::{Added, Details, RawText};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use crate::mount::Mount;

/// What a multipart upload carries.
#[derive(ToSchema)]
pub struct UploadForm {
    /// The file itself.
    #[schema(value_type = String, format = Binary)]
    #[expect(dead_code, reason = "describes the body; it is read as a stream")]
    file: Vec<u8>,
    /// A JSON object: `title`, `docAuthor`, `description`, `docSource`, `chunkSource`.
    #[expect(dead_code, reason = "describes the body; it is read as a stream")]
    metadata: Option<String>,
    /// Slugs of workspaces to place the document in, comma-separated.
    #[serde(rename = "addToWorkspaces")]
    #[schema(rename = "addToWorkspaces")]
    #[expect(dead_code, reason = "describes the body; it is read as a stream")]
    add_to_workspaces: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RawTextBody {
    /// The document's text.
    #[serde(default, alias = "text_content")]
    #[schema(value_type = String, example = "The capital of France is Paris.")]
    text_content: Option<Value>,
    /// An object, or a JSON object as text; `title` is required.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({ "title": "France facts" }))]
    metadata: Option<Value>,
    /// Slugs of workspaces to place the document in, comma-separated.
    #[serde(default, alias = "add_to_workspaces")]
    #[schema(value_type = Option<String>)]
    add_to_workspaces: Option<Value>,
}

const TITLE_MISSING: &str = "You are missing required metadata key:value pairs in your request. \
    Required metadata key:values are 'title'";

impl RawTextBody {
    pub fn into_text(self) -> Result<(RawText, Vec<String>)> {
        let metadata = metadata_of(self.metadata)?;
        let title = metadata.text("title").filter(|title| !title.trim().is_empty());
        let title = title.ok_or_else(|| Error::invalid("metadata", TITLE_MISSING))?;
        let text = match self.text_content {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(_) => return Err(Error::unprocessable("textContent: must be text")),
        };
        let raw = RawText {
            title,
            text,
            url: metadata.text("url").filter(|url| is_web(url)),
            author: metadata.text("docAuthor"),
            description: metadata.text("description"),
            source: metadata.text("docSource"),
            chunk_source: metadata.text("chunkSource"),
            published: metadata.time("published"),
        };
        Ok((raw, slugs(self.add_to_workspaces.as_ref())?))
    }
}

/// The fields of an upload beside its file: details of the document, slugs of workspaces.
pub fn upload_fields(fields: Vec<(String, String)>) -> Result<(Details, Vec<String>)> {
    let (mut metadata, mut workspaces, mut parts) = (None, None, BTreeMap::new());
    for (name, value) in fields {
        match name.as_str() {
            "metadata" => metadata = Some(Value::String(value)),
            "addToWorkspaces" | "add_to_workspaces" if workspaces.is_some() => {
                return Err(not_slugs("object"));
            }
            "addToWorkspaces" | "add_to_workspaces" => workspaces = Some(Value::String(value)),
            name => {
                if let Some(key) =
                    name.strip_prefix("metadata[").and_then(|key| key.strip_suffix(']'))
                {
                    parts.insert(key.to_owned(), Value::String(value));
                }
            }
        }
    }
    let metadata = match metadata {
        Some(text) => metadata_of(Some(text))?,
        None => Metadata(parts),
    };
    let details = Details {
        folder: None,
        title: metadata.text("title").filter(|title| !title.trim().is_empty()),
        author: metadata.text("docAuthor"),
        description: metadata.text("description"),
        source: metadata.text("docSource"),
        chunk_source: metadata.text("chunkSource"),
    };
    Ok((details, slugs(workspaces.as_ref())?))
}

struct Metadata(BTreeMap<String, Value>);

impl Metadata {
    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key)?.as_str().map(str::to_owned)
    }

    /// Milliseconds since 1970, as a number or as text.
    fn time(&self, key: &str) -> Option<DateTime<Utc>> {
        let value = self.0.get(key)?;
        let millis = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        DateTime::from_timestamp_millis(millis as i64)
    }
}

/// Metadata comes as an object or as JSON text; text that is no object holds nothing.
fn metadata_of(value: Option<Value>) -> Result<Metadata> {
    let value = match value {
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or_default(),
        other => other.unwrap_or_default(),
    };
    match value {
        Value::Object(fields) => Ok(Metadata(fields.into_iter().collect())),
        Value::Null => Ok(Metadata(BTreeMap::new())),
        _ => Err(Error::invalid("metadata", "must be an object")),
    }
}

/// Slugs, trimmed and in lower case.
fn slugs(value: Option<&Value>) -> Result<Vec<String>> {
    let kind = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => {
            let slugs = text.split(',').map(|slug| slug.trim().to_lowercase());
            return Ok(slugs.filter(|slug| !slug.is_empty()).collect());
        }
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::Array(_) | Value::Object(_)) => "object",
    };
    Err(not_slugs(kind))
}

fn not_slugs(kind: &str) -> Error {
    let reason =
        format!("addToWorkspaces must be a string of comma-separated workspace slugs. Got {kind}");
    Error::invalid("addToWorkspaces", reason)
}

fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// What became of an upload.
#[derive(Serialize, ToSchema)]
pub struct DocumentsAdded {
    pub success: bool,
    pub error: Option<String>,
    pub documents: Vec<AddedDocument>,
    /// What did not work although the documents were kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
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
    page_content: String,
    #[serde(rename = "token_count_estimate")]
    token_count_estimate: i32,
    /// `folder/file.json`: what other calls want to be given.
    location: String,
    is_direct_upload: bool,
}

impl DocumentsAdded {
    pub fn new(added: Vec<Added>, mut warnings: Vec<String>, mount: Mount) -> Self {
        let mut documents = Vec::with_capacity(added.len());
        for Added { document, text, warning } in added {
            warnings.extend(warning);
            documents.push(added_document(document, text, mount));
        }
        Self { success: true, error: None, documents, warnings }
    }
}

fn added_document(document: Document, page_content: String, mount: Mount) -> AddedDocument {
    let legacy = (mount == Mount::Compat).then(|| raw_text_names(&document)).flatten();
    let (title, url) = legacy.unwrap_or((document.title, document.url));
    AddedDocument {
        id: document.id.to_string(),
        url,
        title,
        doc_author: document.author,
        description: document.description,
        doc_source: document.source,
        chunk_source: document.chunk_source,
        published: document.published.to_string(),
        word_count: document.words,
        page_content,
        token_count_estimate: document.tokens,
        location: document.path.to_string(),
        is_direct_upload: false,
    }
}

/// Title and address of a raw text as the other dialect says them.
// quirk(raw-text-title): the title there is the slug of the one that was given, with `.txt`.
fn raw_text_names(document: &Document) -> Option<(String, String)> {
    let tail = format!("-{}.json", document.id);
    let stem = document.path.name().strip_prefix("raw-")?.strip_suffix(&tail)?;
    if document.path.folder() != DEFAULT_FOLDER {
        return None;
    }
    let url = match is_web(&document.url) {
        true => format!("web://{}.website", document.url.to_lowercase()),
        false => document.url.clone(),
    };
    Some((format!("{stem}.txt"), url))
}
