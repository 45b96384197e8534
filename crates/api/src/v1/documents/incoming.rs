//! Bodies of uploads, texts and links.
use carrel_domain::document::{LARGEST_METADATA, LONGEST_KEY, NO_METADATA};
use carrel_domain::{Error, Folder, Result};
use carrel_services::ingestion::{Details, LinkRequest, RawText, Terms};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::v1::documents::added::{DocumentsAdded, is_web};

/// The fields of a multipart upload.
#[derive(ToSchema)]
pub struct UploadForm {
    /// The file itself.
    // Not `Binary`: with a description, utoipa would describe it as both bytes and an object.
    #[schema(value_type = String, format = Binary)]
    #[expect(dead_code, reason = "describes the body; it is read as a stream")]
    file: String,
    /// A JSON object: `title`, `docAuthor`, `description`, `docSource`, `chunkSource` and any other
    /// fields to store, at most 16 kB.
    #[expect(dead_code, reason = "describes the body; it is read as a stream")]
    metadata: Option<String>,
    /// Slugs of the workspaces to add the document to, comma-separated.
    #[serde(rename = "addToWorkspaces")]
    #[schema(rename = "addToWorkspaces")]
    #[expect(dead_code, reason = "describes the body; it is read as a stream")]
    add_to_workspaces: Option<String>,
    /// Your own name for this upload. A later upload with the same name replaces its documents.
    #[serde(rename = "externalId")]
    #[schema(rename = "externalId")]
    #[expect(dead_code, reason = "describes the body; it is read as a stream")]
    external_id: Option<String>,
    /// True to return existing documents of the same content in the same folder instead of creating
    /// new ones.
    #[serde(rename = "skipIdentical")]
    #[schema(rename = "skipIdentical")]
    #[expect(dead_code, reason = "describes the body; it is read as a stream")]
    skip_identical: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RawTextBody {
    /// Text of the document.
    #[serde(default, alias = "text_content")]
    #[schema(value_type = String, example = "The capital of France is Paris.")]
    text_content: Option<Value>,
    /// An object, or a JSON object as a string; `title` is required.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({ "title": "France facts", "team": "geo" }))]
    metadata: Option<Value>,
    /// Slugs of the workspaces to add the document to, comma-separated.
    #[serde(default, alias = "add_to_workspaces")]
    #[schema(value_type = Option<String>)]
    add_to_workspaces: Option<Value>,
    /// Your own name for this text. A later text with the same name replaces its document.
    #[serde(default)]
    external_id: Option<String>,
    /// True to return the document that an earlier identical request created instead of a new one.
    #[serde(default)]
    skip_identical: Option<bool>,
}

const TITLE_MISSING: &str = "You are missing required metadata key:value pairs in your request. \
    Required metadata key:values are 'title'";

impl RawTextBody {
    /// Returns the text and the workspace slugs. `digest` is that of the body.
    pub fn into_text(self, digest: [u8; 32]) -> Result<(RawText, Vec<String>)> {
        let metadata = metadata_of(self.metadata)?;
        let title = metadata.text("title").filter(|title| !title.trim().is_empty());
        let title = title.ok_or_else(|| Error::invalid("metadata", TITLE_MISSING))?;
        let text = match self.text_content {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(_) => return Err(Error::unprocessable("textContent: must be text")),
        };
        if text.is_empty() {
            return Err(empty());
        }
        let raw = RawText {
            title,
            text,
            url: metadata.text("url").filter(|url| is_web(url)),
            author: metadata.text("docAuthor"),
            description: metadata.text("description"),
            source: metadata.text("docSource"),
            chunk_source: metadata.text("chunkSource"),
            published: metadata.time("published"),
            terms: Terms {
                metadata: metadata.into_text()?,
                key: key(self.external_id)?,
                digest: Some(digest),
                skip_identical: self.skip_identical.unwrap_or_default(),
                ..Terms::default()
            },
        };
        Ok((raw, slugs(self.add_to_workspaces.as_ref())?))
    }
}

/// Refuses a text without visible characters.
pub fn check_visible(raw: &RawText) -> Result<()> {
    if raw.text.trim().is_empty() { Err(empty()) } else { Ok(()) }
}

fn empty() -> Error {
    Error::invalid("textContent", "must not be empty")
}

/// Reads the fields of an upload besides its file: the document's details and the workspace slugs.
pub fn upload_fields(
    fields: &[(String, String)],
    folder: Option<Folder>,
    digest: [u8; 32],
) -> Result<(Details, Vec<String>)> {
    let (mut metadata, mut workspaces, mut parts) = (None, None, Map::new());
    let mut terms = Terms { folder, digest: Some(digest), ..Terms::default() };
    for (name, value) in fields {
        let text = || Value::String(value.clone());
        match name.as_str() {
            "metadata" => metadata = Some(text()),
            "addToWorkspaces" | "add_to_workspaces" if workspaces.is_some() => {
                return Err(not_slugs("object"));
            }
            "addToWorkspaces" | "add_to_workspaces" => workspaces = Some(text()),
            "externalId" => terms.key = key(Some(value.clone()))?,
            "skipIdentical" => {
                let invalid = |_| Error::invalid("skipIdentical", "must be true or false");
                terms.skip_identical = value.parse().map_err(invalid)?;
            }
            name => {
                if let Some(key) =
                    name.strip_prefix("metadata[").and_then(|key| key.strip_suffix(']'))
                {
                    parts.insert(key.to_owned(), text());
                }
            }
        }
    }
    let metadata = match metadata {
        Some(text) => metadata_of(Some(text))?,
        None => Metadata(parts),
    };
    Ok((metadata.into_details(terms)?, slugs(workspaces.as_ref())?))
}

/// A web page to add.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkBody {
    /// URL of the page; `https://` is assumed.
    #[serde(default)]
    #[schema(value_type = String, example = "https://example.com/handbook")]
    link: Option<Value>,
    /// Slugs of the workspaces to add the document to, comma-separated.
    #[serde(default, alias = "add_to_workspaces")]
    #[schema(value_type = Option<String>)]
    add_to_workspaces: Option<Value>,
    /// Headers to send with the request, only to the host of the link.
    #[serde(default, alias = "scraper_headers")]
    #[schema(value_type = Option<Object>)]
    pub scraper_headers: Option<Value>,
    /// An object, or a JSON object as a string: `title`, `docAuthor`, `description`, `docSource`
    /// and any other fields to store.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// Your own name for this page. A later page with the same name replaces its document.
    #[serde(default)]
    external_id: Option<String>,
    /// True to return an existing document of the same content instead of a new one.
    #[serde(default)]
    skip_identical: Option<bool>,
}

impl LinkBody {
    pub fn into_request(self) -> Result<(LinkRequest, Vec<String>)> {
        let slugs = slugs(self.add_to_workspaces.as_ref())?;
        let link = match self.link {
            Some(Value::String(link)) => link,
            None | Some(Value::Null) => String::new(),
            Some(_) => return Err(Error::invalid("link", "must be text")),
        };
        let terms = Terms {
            key: key(self.external_id)?,
            skip_identical: self.skip_identical.unwrap_or_default(),
            ..Terms::default()
        };
        let request = LinkRequest {
            link,
            headers: headers(self.scraper_headers)?,
            take_errors: false,
            details: metadata_of(self.metadata)?.into_details(terms)?,
        };
        Ok((request, slugs))
    }
}

fn headers(value: Option<Value>) -> Result<Vec<(String, String)>> {
    let invalid = || Error::invalid("scraperHeaders", "must be an object of texts");
    let text = |(name, value)| match value {
        Value::String(value) => Ok((name, value)),
        _ => Err(invalid()),
    };
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(fields)) => fields.into_iter().map(text).collect(),
        Some(_) => Err(invalid()),
    }
}

/// Options of the response to an upload.
#[derive(Deserialize, IntoParams)]
pub struct AnswerQuery {
    /// `false` omits the text of the documents from the response.
    content: Option<String>,
}

impl AnswerQuery {
    /// Applies the options to a response.
    pub fn apply(&self, added: DocumentsAdded) -> DocumentsAdded {
        match self.content.as_deref() {
            Some("false") => added.without_content(),
            _ => added,
        }
    }
}

struct Metadata(Map<String, Value>);

impl Metadata {
    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key)?.as_str().map(str::to_owned)
    }

    /// Reads a time as milliseconds since 1970, a number or text.
    fn time(&self, key: &str) -> Option<DateTime<Utc>> {
        let value = self.0.get(key)?;
        let millis = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        DateTime::from_timestamp_millis(millis as i64)
    }

    fn into_details(self, terms: Terms) -> Result<Details> {
        Ok(Details {
            title: self.text("title").filter(|title| !title.trim().is_empty()),
            author: self.text("docAuthor"),
            description: self.text("description"),
            source: self.text("docSource"),
            chunk_source: self.text("chunkSource"),
            terms: Terms { metadata: self.into_text()?, ..terms },
        })
    }

    /// Returns all metadata as JSON, in the order in which it was sent.
    fn into_text(self) -> Result<String> {
        if self.0.is_empty() {
            return Ok(NO_METADATA.to_owned());
        }
        let text = without_nul(Value::Object(self.0)).to_string();
        match text.len() > LARGEST_METADATA {
            true => Err(Error::TooLarge { what: "the metadata", limit: LARGEST_METADATA as u64 }),
            false => Ok(text),
        }
    }
}

/// Replaces NUL characters, which PostgreSQL accepts neither in text nor in JSON.
fn without_nul(value: Value) -> Value {
    let plain = |text: String| text.replace('\0', "\u{FFFD}");
    match value {
        Value::String(text) => Value::String(plain(text)),
        Value::Array(items) => items.into_iter().map(without_nul).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (plain(name), without_nul(value)));
            Value::Object(fields.collect())
        }
        other => other,
    }
}

/// Reads metadata from an object or from JSON text. Text that is not an object counts as empty.
fn metadata_of(value: Option<Value>) -> Result<Metadata> {
    let value = match value {
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or_default(),
        other => other.unwrap_or_default(),
    };
    match value {
        Value::Object(fields) => Ok(Metadata(fields)),
        Value::Null => Ok(Metadata(Map::new())),
        _ => Err(Error::invalid("metadata", "must be an object")),
    }
}

fn key(value: Option<String>) -> Result<Option<String>> {
    let invalid = |reason| Err(Error::invalid("externalId", reason));
    match value {
        Some(key) if key.is_empty() || key.len() > LONGEST_KEY => {
            invalid("must be 1 to 512 bytes of text")
        }
        Some(key) if key.chars().any(char::is_control) => {
            invalid("must not contain control characters")
        }
        given => Ok(given),
    }
}

/// Returns the slugs, trimmed and in lower case.
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
