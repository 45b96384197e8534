//! Lists of documents, written piece by piece.
use carrel_domain::Result;
use carrel_domain::catalogue::Listed;
use carrel_services::library::Entry;
use carrel_services::record;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::document::{Names, metadata};
use crate::mount::Mount;
use crate::routes::leading_number;

/// A document in a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedDocument {
    /// The file's name within its folder.
    name: String,
    /// `file`
    r#type: &'static str,
    id: String,
    url: String,
    title: String,
    doc_author: String,
    description: String,
    doc_source: String,
    chunk_source: String,
    published: String,
    word_count: i32,
    #[serde(rename = "token_count_estimate")]
    token_count_estimate: i32,
    /// Whether it is in any workspace.
    cached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    can_watch: Option<bool>,
    /// Ids of the workspaces it is pinned in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned_workspaces: Option<Vec<i32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watched: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
}

impl ListedDocument {
    pub fn new(listed: Listed, mount: Mount) -> Self {
        let metadata = metadata(&listed.metadata);
        let names = Names { title: listed.title, url: listed.url };
        let names = match mount {
            Mount::Native => names,
            Mount::Compat => {
                let given = record::gives_title(&listed.metadata, &names.title);
                names.of_compat(&listed.name, &listed.chunk_source, given)
            }
        };
        Self {
            name: listed.name,
            r#type: "file",
            id: listed.id.to_string(),
            url: names.url,
            title: names.title,
            doc_author: listed.author,
            description: listed.description,
            doc_source: listed.source,
            chunk_source: listed.chunk_source,
            published: listed.published.to_string(),
            word_count: listed.words,
            token_count_estimate: listed.tokens,
            cached: listed.is_placed,
            can_watch: Some(false),
            pinned_workspaces: Some(listed.pinned_in.iter().map(|id| id.0).collect()),
            watched: Some(listed.is_watched),
            metadata,
            external_id: listed.key,
        }
    }
}

/// One document, by itself.
#[derive(Serialize, ToSchema)]
pub struct DocumentFound {
    pub document: FoundDocument,
}

#[derive(Serialize, ToSchema)]
pub struct FoundDocument {
    #[serde(flatten)]
    document: ListedDocument,
    /// `folder/file.json`: what other calls want to be given.
    location: String,
    /// The whole text; only with `?content=true`.
    #[serde(rename = "pageContent", skip_serializing_if = "Option::is_none")]
    page_content: Option<String>,
}

impl DocumentFound {
    pub fn new(listed: Listed, page_content: Option<String>, mount: Mount) -> Self {
        let location = format!("{}/{}", listed.folder, listed.name);
        let mut document = ListedDocument::new(listed, mount);
        (document.can_watch, document.watched, document.pinned_workspaces) = (None, None, None);
        Self { document: FoundDocument { document, location, page_content } }
    }
}

/// Every folder with its documents.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentTree {
    local_files: TreeRoot,
}

#[derive(Serialize, ToSchema)]
pub struct TreeRoot {
    /// `documents`
    name: String,
    /// `folder`
    r#type: String,
    items: Vec<TreeFolder>,
}

#[derive(Serialize, ToSchema)]
pub struct TreeFolder {
    name: String,
    /// `folder`
    r#type: String,
    items: Vec<ListedDocument>,
}

/// Writes a [`DocumentTree`].
pub struct TreeWriter {
    mount: Mount,
    out: Vec<u8>,
    folders: usize,
    documents: usize,
}

impl TreeWriter {
    pub fn new(mount: Mount) -> Self {
        let out = br#"{"localFiles":{"name":"documents","type":"folder","items":["#.to_vec();
        Self { mount, out, folders: 0, documents: 0 }
    }

    /// What follows from the next entries.
    pub fn piece(&mut self, entries: Vec<Entry>) -> Result<Vec<u8>> {
        for entry in entries {
            match entry {
                Entry::Folder(name) => {
                    let before: &[u8] =
                        if self.folders > 0 { b"]},{\"name\":" } else { b"{\"name\":" };
                    self.out.extend_from_slice(before);
                    write(&mut self.out, &name)?;
                    self.out.extend_from_slice(br#","type":"folder","items":["#);
                    (self.folders, self.documents) = (self.folders + 1, 0);
                }
                Entry::Document(listed) => {
                    if self.documents > 0 {
                        self.out.push(b',');
                    }
                    self.documents += 1;
                    write(&mut self.out, &ListedDocument::new(*listed, self.mount))?;
                }
            }
        }
        Ok(std::mem::take(&mut self.out))
    }

    pub fn end(self) -> Vec<u8> {
        let mut out = self.out;
        out.extend_from_slice(if self.folders > 0 { b"]}]}}" } else { b"]}}" });
        out
    }
}

/// Documents of one folder.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FolderPage {
    pub folder: String,
    pub documents: Vec<ListedDocument>,
    /// How many documents the folder holds in all.
    pub total_count: u64,
    /// Whether any follow.
    pub has_more: bool,
    /// The status once more, in answers of `GET /documents`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    pub error: Option<String>,
}

impl FolderPage {
    pub fn missing(folder: &str, with_code: bool) -> Self {
        Self {
            folder: folder.to_owned(),
            documents: Vec::new(),
            total_count: 0,
            has_more: false,
            code: with_code.then_some(404),
            error: Some(format!("Folder \"{folder}\" does not exist.")),
        }
    }
}

/// Writes a [`FolderPage`] with all documents that there are.
pub struct PageWriter {
    mount: Mount,
    documents: usize,
}

impl PageWriter {
    /// The writer and how the page begins.
    pub fn new(mount: Mount, folder: &str) -> Result<(Self, Vec<u8>)> {
        let mut out = b"{\"folder\":".to_vec();
        write(&mut out, folder)?;
        out.extend_from_slice(b",\"documents\":[");
        Ok((Self { mount, documents: 0 }, out))
    }

    pub fn piece(&mut self, documents: Vec<Listed>) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for listed in documents {
            if self.documents > 0 {
                out.push(b',');
            }
            self.documents += 1;
            write(&mut out, &ListedDocument::new(listed, self.mount))?;
        }
        Ok(out)
    }

    pub fn end(total: u64, with_code: bool) -> Vec<u8> {
        let code = if with_code { ",\"code\":200" } else { "" };
        format!("],\"totalCount\":{total},\"hasMore\":false{code},\"error\":null}}").into_bytes()
    }
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<()> {
    serde_json::to_writer(out, value).map_err(carrel_domain::Error::internal)
}

#[derive(Deserialize, IntoParams)]
pub struct TreeQuery {
    /// Only the documents of this folder, as pages.
    folder: Option<String>,
    /// How many documents of the folder are left out at the beginning, by name.
    offset: Option<String>,
    /// How many of the folder are wanted, 1 to 1000, or `all`.
    limit: Option<String>,
}

impl TreeQuery {
    /// The folder, if one is asked for, and the part of it.
    pub fn into_part(self) -> (Option<String>, PartQuery) {
        let Self { folder, offset, limit } = self;
        (folder, PartQuery { offset, limit })
    }
}

/// Which part of a folder is asked for.
#[derive(Deserialize, IntoParams)]
pub struct PartQuery {
    /// How many documents are left out at the beginning, by name.
    offset: Option<String>,
    /// How many are wanted, 1 to 1000, or `all`.
    limit: Option<String>,
}

/// The most documents on a page.
const LARGEST_PAGE: u32 = 1_000;

impl PartQuery {
    /// The offset, and the limit unless all are wanted; `default` where no limit is given.
    pub fn read(&self, default: Option<u32>, mount: Mount) -> Result<(u64, Option<u32>)> {
        let wrong = |field, reason| Err(carrel_domain::Error::invalid(field, reason));
        // quirk(odd-parts): what is no number is as if it were not given.
        let offset = match (self.offset.as_deref(), mount) {
            (None, _) => 0,
            (Some(text), Mount::Compat) => leading_number(text).parse().unwrap_or(0),
            (Some(text), Mount::Native) => match text.parse::<u64>() {
                Ok(offset) => offset,
                Err(_) => return wrong("offset", "must be a number from 0"),
            },
        };
        let limit = match (self.limit.as_deref(), mount) {
            (None, _) => default,
            (Some("all"), _) => None,
            (Some(text), Mount::Compat) => match leading_number(text).parse::<u32>() {
                Ok(0) | Err(_) => default,
                Ok(limit) => Some(limit.min(LARGEST_PAGE)),
            },
            (Some(text), Mount::Native) => match text.parse::<u32>() {
                Ok(limit) if (1..=LARGEST_PAGE).contains(&limit) => Some(limit),
                _ => return wrong("limit", "must be a number from 1 to 1000, or all"),
            },
        };
        Ok((offset, limit))
    }
}

/// Which part of a document is asked for.
#[derive(Deserialize, IntoParams)]
pub struct FoundQuery {
    /// `true` adds the text of the document.
    content: Option<bool>,
}

impl FoundQuery {
    pub fn with_content(&self) -> bool {
        self.content.unwrap_or_default()
    }
}
