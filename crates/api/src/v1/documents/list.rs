//! Document lists at `/documents` and `/document/*`.
use carrel_services::Ports;
use std::future::ready;
use std::mem::{replace, take};

use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{HttpResponse, delete, get};
use carrel_domain::document::FileType;
use carrel_domain::folder::{ListPosition, ListedDocument};
use carrel_domain::{DocumentId, Error, Folder, Result};
use carrel_services::library::{FIRST_PAGE_LEN, Library};
use futures_util::stream::{once, try_unfold};
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain, error_body::NoSuccess};
use crate::read::Params;
use crate::v1::documents::listing::{self as wire, ListWriter};
use crate::v1::system::wire::DocumentsRemoved;

/// List documents: every folder with its documents, or one folder in pages.
///
/// The default folder comes first, the others are sorted by name, as are the documents in each
/// folder. Long lists are streamed.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::TreeQuery),
    responses((status = 200, body = wire::DocumentTree<'static>),
        (status = 404, description = "The folder does not exist.", body = wire::FolderPage<'static>), ErrorResponse<Plain>))]
#[get("/documents")]
pub async fn list_documents(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
    params: Params<wire::TreeQuery>,
) -> ApiResult<HttpResponse> {
    let (folder, part) = params.read()?.into_part();
    Ok(match folder {
        Some(folder) => {
            let part = part.read(Some(DEFAULT_LIMIT))?;
            folder_page(&ports.library, &folder, part, true, wire::body).await?
        }
        None => tree(&ports.library, wire::body).await?,
    })
}

/// Documents of a folder that `GET /documents` lists by default.
pub const DEFAULT_LIMIT: u32 = 100;

/// Lists every folder with its documents.
pub async fn tree(library: &Library, entry_of: wire::EntryOf) -> Result<HttpResponse> {
    let entries = library.list_all().await?;
    list(wire::TreeWriter::new(entry_of), entries).await
}

/// List the documents of a folder.
///
/// Sorted by name, in pages of `limit` documents after the first `offset`.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::PartQuery),
    responses((status = 200, body = wire::FolderPage<'static>),
        (status = 404, description = "The folder does not exist.", body = wire::FolderPage<'static>), ErrorResponse<Plain>))]
#[get("/documents/folder/{folderName}")]
pub async fn list_folder(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
    name: Path<String>,
    params: Params<wire::PartQuery>,
) -> ApiResult<HttpResponse> {
    let part = params.read()?.read(None)?;
    Ok(folder_page(&ports.library, &name, part, false, wire::body).await?)
}

/// Returns a part of a folder: the offset, and the limit unless all documents are requested.
pub async fn folder_page(
    library: &Library,
    name: &str,
    (offset, limit): (u64, Option<u32>),
    with_code: bool,
    entry_of: wire::EntryOf,
) -> Result<HttpResponse> {
    let missing = || HttpResponse::NotFound().json(wire::FolderPage::missing(name, with_code));
    let Ok(folder) = Folder::parse(name) else { return Ok(missing()) };
    let Some(total) = library.folders.documents_in(&folder).await? else {
        return Ok(missing());
    };
    let from = ListPosition::In { folder: folder.clone(), after: None };
    let first = limit.unwrap_or(FIRST_PAGE_LEN);
    let page = library.folders.list(&from, offset, first).await?;
    let end = offset.saturating_add(page.len() as u64);
    let has_more = limit.is_some() && end < total;
    let about = wire::PageFacts { total, has_more, with_code };
    let writer = wire::PageWriter::new(entry_of, folder.as_str(), about)?;
    if limit.is_some() || end >= total {
        return list(writer, once(ready(Ok(page)))).await;
    }
    let after = page.last().map(|last| last.texts().name.to_owned());
    let rest = library.list_after(folder, after);
    list(writer, once(ready(Ok(page))).chain(rest)).await
}

/// Streams the entries as they are read, or sends a short list at once.
async fn list<W: ListWriter + 'static>(
    mut writer: W,
    entries: impl Stream<Item = Result<Vec<W::Entry>>> + 'static,
) -> Result<HttpResponse> {
    let mut entries = Box::pin(entries);
    let mut some = Vec::new().into_iter();
    let is_complete =
        write_entries(&mut writer, &mut entries, &mut some, MAX_BUFFERED_BYTES).await?;
    let head = take(writer.buffer());
    if is_complete {
        return Ok(HttpResponse::Ok().content_type(JSON).body(head));
    }
    let rest = try_unfold(Some((writer, entries, some)), |state| async move {
        let Some((mut writer, mut entries, mut some)) = state else { return Ok(None) };
        let is_complete = write_entries(&mut writer, &mut entries, &mut some, CHUNK_BYTES).await?;
        let chunk = replace(writer.buffer(), Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8));
        Ok::<_, Error>(Some((chunk, (!is_complete).then_some((writer, entries, some)))))
    });
    let chunks = once(ready(Ok(head))).chain(rest).map_ok(Bytes::from);
    Ok(HttpResponse::Ok().content_type(JSON).streaming(chunks.map_err(std::io::Error::other)))
}

/// Writes entries until there are `limit` bytes. Returns true if that was all of them.
async fn write_entries<W: ListWriter>(
    writer: &mut W,
    entries: &mut (impl Stream<Item = Result<Vec<W::Entry>>> + Unpin),
    some: &mut std::vec::IntoIter<W::Entry>,
    limit: usize,
) -> Result<bool> {
    loop {
        for entry in some.by_ref() {
            writer.add(entry)?;
            if writer.buffer().len() >= limit {
                return Ok(false);
            }
        }
        match entries.try_next().await? {
            Some(entries) => *some = entries.into_iter(),
            None => {
                writer.end();
                return Ok(true);
            }
        }
    }
}

const JSON: &str = "application/json";

/// Longest list that is sent at once, in bytes.
const MAX_BUFFERED_BYTES: usize = 256 << 10;

/// Size of a streamed chunk, in bytes. Actix copies each chunk into the connection's buffer, which
/// never shrinks.
const CHUNK_BYTES: usize = 64 << 10;

/// List the file types that this server can read.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = Object), ErrorResponse<Plain>))]
#[get("/document/accepted-file-types")]
pub async fn accepted_file_types(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
) -> ApiResult<Json<Value>> {
    let types = ports.library.extractor.file_types().into_iter();
    Ok(Json(accepted(types.filter(|file_type| file_type.is_read))))
}

/// Returns file types with their extensions.
pub fn accepted(types: impl Iterator<Item = FileType>) -> Value {
    let types: Map<_, _> =
        types.map(|file_type| (file_type.mime.to_owned(), json!(file_type.extensions))).collect();
    json!({ "types": types })
}

/// List the metadata fields that have an effect. Other fields are stored.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = Object), ErrorResponse<Plain>))]
#[get("/document/metadata-schema")]
pub async fn metadata_schema(_: Authorized<scope::LibraryRead>) -> ApiResult<Json<Value>> {
    let text = "string | nullable";
    Ok(Json(json!({ "schema": {
        "url": text,
        "title": "string",
        "docAuthor": text,
        "description": text,
        "docSource": text,
        "chunkSource": text,
        "published": "epoch timestamp in ms | nullable",
    } })))
}

/// Find a document by its file name, in any folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = wire::DocumentFound<'static>), ErrorResponse<Plain>))]
#[get("/document/{docName}")]
pub async fn find_document(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
    name: Path<String>,
) -> ApiResult<HttpResponse, Plain> {
    let row = by_name(&ports.library, &name).await?;
    let document = wire::body(&row);
    Ok(HttpResponse::Ok().json(wire::DocumentFound::new(&row, document, None)))
}

/// Returns the document whose file has this name.
pub async fn by_name(library: &Library, name: &str) -> Result<ListedDocument> {
    let document = library.folders.by_name(name).await?;
    document.ok_or_else(|| Error::not_found("document", name))
}

/// Find a document by its id, which stays the same when the document moves.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::FoundQuery),
    responses((status = 200, body = wire::DocumentFound<'static>), ErrorResponse<Plain>))]
#[get("/document/id/{id}")]
pub async fn find_document_by_id(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
    id: Path<String>,
    params: Params<wire::FoundQuery>,
) -> ApiResult<HttpResponse, Plain> {
    let (row, text) = by_id(&ports.library, &id, &params.read()?).await?;
    let document = wire::body(&row);
    Ok(HttpResponse::Ok().json(wire::DocumentFound::new(&row, document, text)))
}

/// Returns the document with this id, and its text if requested.
pub async fn by_id(
    library: &Library,
    id: &str,
    query: &wire::FoundQuery,
) -> Result<(ListedDocument, Option<String>)> {
    let id = parse_id(id)?;
    let document = library.folders.by_id(id).await?;
    let document = document.ok_or_else(|| Error::not_found("document", id))?;
    let text = if query.with_content() { library.text_at(&document).await? } else { None };
    Ok((document, text))
}

/// Remove a document from the library and from every workspace, by its id.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = DocumentsRemoved), ErrorResponse<NoSuccess>))]
#[delete("/document/id/{id}")]
pub async fn remove_document_by_id(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<DocumentsRemoved>, NoSuccess> {
    let id = parse_id(&id)?;
    let missing = || Error::not_found("document", id);
    let document = ports.library.folders.by_id(id).await?.ok_or_else(missing)?;
    let path = document.path()?;
    let removed = ports.library.remove(vec![path.clone()], &caller.by()).await?;
    if removed.is_empty() {
        return Err(missing().into());
    }
    Ok(Json(DocumentsRemoved::new(&[path], &removed)))
}

pub fn parse_id(text: &str) -> Result<DocumentId> {
    let id = Uuid::parse_str(text).map_err(|_| Error::not_found("document", text))?;
    Ok(DocumentId(id))
}
