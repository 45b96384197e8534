//! JSON of document lists, and their query parameters.
mod writers;

use std::borrow::Cow;
use std::result;

use carrel_domain::document::{NO_METADATA, Published};
use carrel_domain::folder::ListedDocument;
use carrel_domain::{DocumentId, Result};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};

use crate::wire::StatusMessage;

pub use writers::{EntryOf, ListWriter, PageFacts, PageWriter, TreeWriter};

/// A document in a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentBody<'a> {
    /// File name within its folder.
    name: &'a str,
    /// `file`
    r#type: &'static str,
    #[schema(value_type = String)]
    id: StatusMessage<DocumentId>,
    #[schema(value_type = String)]
    pub url: Cow<'a, str>,
    #[schema(value_type = String)]
    pub title: Cow<'a, str>,
    doc_author: &'a str,
    description: &'a str,
    doc_source: &'a str,
    chunk_source: &'a str,
    #[schema(value_type = String)]
    published: StatusMessage<Published>,
    word_count: i32,
    #[serde(rename = "token_count_estimate")]
    token_count_estimate: i32,
    /// True if the document is in a workspace.
    cached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_watch: Option<bool>,
    /// Ids of the workspaces in which it is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned_workspaces: Option<Vec<i32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watched: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    /// Parts of the file that were not read, one sentence each. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub warnings: Vec<&'a str>,
}

impl<'a> DocumentBody<'a> {
    pub fn new(row: &'a ListedDocument) -> Self {
        let texts = row.texts();
        Self {
            name: texts.name,
            r#type: "file",
            id: StatusMessage(row.id),
            url: texts.url.into(),
            title: texts.title.into(),
            doc_author: texts.author,
            description: texts.description,
            doc_source: texts.source,
            chunk_source: texts.chunk_source,
            published: StatusMessage(row.published),
            word_count: row.words,
            token_count_estimate: row.tokens,
            cached: row.is_placed,
            can_watch: Some(false),
            pinned_workspaces: Some(row.pinned_in.iter().map(|id| id.0).collect()),
            watched: Some(row.is_watched),
            metadata: Some(Metadata(texts.metadata)).filter(|metadata| metadata.0 != NO_METADATA),
            external_id: texts.key,
            warnings: texts.warnings.lines().collect(),
        }
    }

    /// Appends the document as JSON. Invalid metadata is left out.
    fn write(mut self, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        if serde_json::to_writer(&mut *out, &self).is_err() {
            out.truncate(start);
            self.metadata = None;
            write(out, &self)?;
        }
        Ok(())
    }
}

/// Returns the JSON form of a document in a list.
pub fn body(row: &ListedDocument) -> DocumentBody<'_> {
    DocumentBody::new(row)
}

/// Stored metadata, parsed and written in one pass because lists are long. Fails if it is not JSON.
struct Metadata<'a>(&'a str);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> result::Result<S::Ok, S::Error> {
        let mut stored = serde_json::Deserializer::from_str(self.0);
        let rendered = serde_transcode::transcode(&mut stored, serializer)?;
        stored.end().map_err(S::Error::custom)?;
        Ok(rendered)
    }
}

/// A single document.
#[derive(Serialize, ToSchema)]
pub struct DocumentFound<'a> {
    document: FoundDocument<'a>,
}

#[derive(Serialize, ToSchema)]
struct FoundDocument<'a> {
    #[serde(flatten)]
    document: DocumentBody<'a>,
    /// `folder/file.json`: how other operations refer to the document.
    location: String,
    /// The whole text. Only with `?content=true`.
    #[serde(rename = "pageContent", skip_serializing_if = "Option::is_none")]
    page_content: Option<String>,
}

impl<'a> DocumentFound<'a> {
    /// Combines a listed document with its JSON form.
    pub fn new(
        row: &'a ListedDocument,
        mut document: DocumentBody<'a>,
        page_content: Option<String>,
    ) -> Self {
        let texts = row.texts();
        let location = format!("{}/{}", texts.folder, texts.name);
        (document.can_watch, document.watched, document.pinned_workspaces) = (None, None, None);
        document.metadata =
            document.metadata.filter(|metadata| serde_json::to_vec(metadata).is_ok());
        Self { document: FoundDocument { document, location, page_content } }
    }
}

/// Every folder with its documents.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentTree<'a> {
    local_files: TreeRoot<'a>,
}

#[derive(Serialize, ToSchema)]
pub struct TreeRoot<'a> {
    /// `documents`
    name: String,
    /// `folder`
    r#type: String,
    items: Vec<TreeFolder<'a>>,
}

#[derive(Serialize, ToSchema)]
pub struct TreeFolder<'a> {
    name: String,
    /// `folder`
    r#type: String,
    items: Vec<DocumentBody<'a>>,
}

/// Documents of one folder.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FolderPage<'a> {
    folder: &'a str,
    documents: Vec<DocumentBody<'a>>,
    /// Total number of documents in the folder.
    total_count: u64,
    /// True if more documents follow.
    has_more: bool,
    /// The HTTP status, repeated in responses of `GET /documents`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    error: Option<String>,
}

impl<'a> FolderPage<'a> {
    pub fn missing(folder: &'a str, with_code: bool) -> Self {
        Self {
            folder,
            documents: Vec::new(),
            total_count: 0,
            has_more: false,
            code: with_code.then_some(404),
            error: Some(format!("Folder \"{folder}\" does not exist.")),
        }
    }
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<()> {
    serde_json::to_writer(out, value).map_err(carrel_domain::Error::internal)
}

#[derive(Deserialize, IntoParams)]
pub struct TreeQuery {
    /// List only the documents of this folder, in pages.
    folder: Option<String>,
    /// Number of documents of the folder to skip, by name.
    offset: Option<String>,
    /// Number of documents, 1 to 1000, or `all`.
    limit: Option<String>,
}

impl TreeQuery {
    /// Splits the query into the folder, if one is given, and the part of it.
    pub fn into_part(self) -> (Option<String>, PartQuery) {
        let Self { folder, offset, limit } = self;
        (folder, PartQuery { offset, limit })
    }
}

/// The part of a folder to list.
#[derive(Deserialize, IntoParams)]
pub struct PartQuery {
    /// Number of documents to skip, by name.
    pub offset: Option<String>,
    /// Number of documents, 1 to 1000, or `all`.
    pub limit: Option<String>,
}

/// Most documents on a page.
pub const MAX_PAGE_LEN: u32 = 1_000;

impl PartQuery {
    /// Returns offset and limit: no limit for `all`, `default` if none is given.
    pub fn read(&self, default: Option<u32>) -> Result<(u64, Option<u32>)> {
        let invalid = |field, reason| Err(carrel_domain::Error::invalid(field, reason));
        let offset = match self.offset.as_deref().map(str::parse::<u64>) {
            None => 0,
            Some(Ok(offset)) => offset,
            Some(Err(_)) => return invalid("offset", "must be a number from 0"),
        };
        let limit = match self.limit.as_deref().map(|text| (text, text.parse::<u32>())) {
            None => default,
            Some(("all", _)) => None,
            Some((_, Ok(limit @ 1..=MAX_PAGE_LEN))) => Some(limit),
            Some(_) => return invalid("limit", "must be a number from 1 to 1000, or all"),
        };
        Ok((offset, limit))
    }
}

/// Options of a document request.
#[derive(Deserialize, IntoParams)]
pub struct FoundQuery {
    /// `true` adds the document's text.
    content: Option<bool>,
}

impl FoundQuery {
    pub fn with_content(&self) -> bool {
        self.content.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::folder::Texts;

    use super::*;

    fn rendered(metadata: &str) -> String {
        let texts = Texts { name: "a.json", title: "A", metadata, ..Texts::default() };
        let row = ListedDocument {
            id: DocumentId::random(),
            texts: texts.into(),
            published: Published(None),
            words: 1,
            tokens: 2,
            is_placed: false,
            pinned_in: Vec::new(),
            is_watched: false,
        };
        let mut out = Vec::new();
        DocumentBody::new(&row).write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn metadata_is_written_like_a_parsed_value() {
        for metadata in [
            r#"{"a":1,"b":-1.5e300,"c":[null,true,{"d":"\u00e9\n\ud834\udd1e"}],"":18446744073709551616}"#,
            " { \"spaced\" : [ 1.0 , 2 ] } ",
            "5",
            "null",
        ] {
            let value: serde_json::Value = serde_json::from_str(metadata).unwrap();
            let expected = format!("\"metadata\":{value}}}");
            assert!(rendered(metadata).ends_with(&expected), "{metadata}");
        }
        assert!(!rendered("{}").contains("metadata"));
    }

    #[test]
    fn damaged_metadata_is_left_out_and_the_rest_is_complete() {
        let nested = "[".repeat(100_000);
        for metadata in [
            "",
            "{",
            "{\"a\":1",
            "{\"a\":1} x",
            "{\"a\":\"\\ud800\"}",
            "1e999",
            "nope",
            "\u{7}",
            &nested,
        ] {
            let value: serde_json::Value = serde_json::from_str(&rendered(metadata)).unwrap();
            assert_eq!((value["title"].as_str(), value.get("metadata")), (Some("A"), None));
        }
    }
}
