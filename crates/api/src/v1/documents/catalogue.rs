//! `/documents` and `/document/*`: what there is
use std::future::ready;
use std::mem::{replace, take};

use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get};
use carrel_domain::folder::ListPosition;
use carrel_domain::{DocumentId, Error, Folder, Result};
use carrel_services::library::{LISTED_FIRST, Library};
use futures_util::stream::{once, try_unfold};
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::caller::{Caller, Fetcher, Keeper};
use crate::failure::{
    Answer, Failure,
    shapes::{NoSuccess, NotFoundInText, Plain},
};
use crate::mount::Mount;
use crate::read::Params;
use crate::v1::documents::listing::{self as wire, ListWriter};
use crate::v1::system::wire::DocumentsRemoved;

/// List documents: every folder with its documents, or one folder in pages.
///
/// The default folder comes first, the others by name, and so do the documents in each. Long lists are
/// written as they are read.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::TreeQuery),
    responses((status = 200, body = wire::DocumentTree<'static>), Failure<Plain>))]
#[get("/documents")]
pub async fn list_documents(
    _: Caller<Fetcher>,
    request: HttpRequest,
    library: Data<Library>,
    params: Params<wire::TreeQuery>,
) -> Answer<HttpResponse> {
    let mount = Mount::of(&request);
    let (folder, part) = params.read()?.into_part();
    if let Some(folder) = folder {
        let part = part.read(Some(100), mount)?;
        return Ok(folder_page(&library, &folder, part, true, mount).await?);
    }
    let entries = library.everything().await?;
    Ok(list(wire::TreeWriter::new(mount), entries).await?)
}

/// List the documents of a folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::PartQuery),
    responses((status = 200, body = wire::FolderPage<'static>), Failure<Plain>))]
#[get("/documents/folder/{folderName}")]
pub async fn list_folder(
    _: Caller<Fetcher>,
    request: HttpRequest,
    library: Data<Library>,
    name: Path<String>,
    params: Params<wire::PartQuery>,
) -> Answer<HttpResponse> {
    let mount = Mount::of(&request);
    let part = params.read()?.read(None, mount)?;
    Ok(folder_page(&library, &name, part, false, mount).await?)
}

async fn folder_page(
    library: &Library,
    name: &str,
    (offset, limit): (u64, Option<u32>),
    with_code: bool,
    mount: Mount,
) -> Result<HttpResponse> {
    let missing = || HttpResponse::NotFound().json(wire::FolderPage::missing(name, with_code));
    let Ok(folder) = Folder::parse(name) else { return Ok(missing()) };
    let Some(total) = library.folders.documents_in(&folder).await? else {
        return Ok(missing());
    };
    let from = ListPosition::In { folder: folder.clone(), after: None };
    let first = limit.unwrap_or(LISTED_FIRST);
    let found = library.folders.list(&from, offset, first).await?;
    let seen = offset.saturating_add(found.len() as u64);
    let has_more = limit.is_some() && seen < total;
    let about = wire::PageFacts { total, has_more, with_code };
    let writer = wire::PageWriter::new(mount, folder.as_str(), about)?;
    if limit.is_some() || seen >= total {
        return list(writer, once(ready(Ok(found)))).await;
    }
    let after = found.last().map(|last| last.texts().name.to_owned());
    let rest = library.rest_of(folder, after);
    list(writer, once(ready(Ok(found))).chain(rest)).await
}

/// An answer in pieces as its entries are read, or in one where it is short.
async fn list<W: ListWriter + 'static>(
    mut writer: W,
    entries: impl Stream<Item = Result<Vec<W::Entry>>> + 'static,
) -> Result<HttpResponse> {
    let mut entries = Box::pin(entries);
    let mut some = Vec::new().into_iter();
    let is_whole = write_on(&mut writer, &mut entries, &mut some, LARGEST_WHOLE).await?;
    let begin = take(writer.written());
    if is_whole {
        return Ok(HttpResponse::Ok().content_type(JSON).body(begin));
    }
    let rest = try_unfold(Some((writer, entries, some)), |state| async move {
        let Some((mut writer, mut entries, mut some)) = state else { return Ok(None) };
        let is_whole = write_on(&mut writer, &mut entries, &mut some, PIECE).await?;
        let piece = replace(writer.written(), Vec::with_capacity(PIECE + PIECE / 8));
        Ok::<_, Error>(Some((piece, (!is_whole).then_some((writer, entries, some)))))
    });
    let pieces = once(ready(Ok(begin))).chain(rest).map_ok(Bytes::from);
    Ok(HttpResponse::Ok().content_type(JSON).streaming(pieces.map_err(std::io::Error::other)))
}

/// Writes entries until there are `enough` bytes. Says whether that was all of them.
async fn write_on<W: ListWriter>(
    writer: &mut W,
    entries: &mut (impl Stream<Item = Result<Vec<W::Entry>>> + Unpin),
    some: &mut std::vec::IntoIter<W::Entry>,
    enough: usize,
) -> Result<bool> {
    loop {
        for entry in some.by_ref() {
            writer.add(entry)?;
            if writer.written().len() >= enough {
                return Ok(false);
            }
        }
        match entries.try_next().await? {
            Some(more) => *some = more.into_iter(),
            None => {
                writer.end();
                return Ok(true);
            }
        }
    }
}

const JSON: &str = "application/json";

/// The longest list that is not written in pieces, in bytes.
const LARGEST_WHOLE: usize = 256 << 10;

/// How long a piece is, in bytes: what is handed over at once is copied into the connection's buffer,
/// which keeps the size it has grown to.
const PIECE: usize = 64 << 10;

/// Tell which types of files are understood.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = Object), Failure<Plain>))]
#[get("/document/accepted-file-types")]
pub async fn accepted_file_types(
    _: Caller<Fetcher>,
    library: Data<Library>,
) -> Answer<Json<Value>> {
    let types = library.extractor.file_types().into_iter();
    let types: Map<_, _> =
        types.map(|known| (known.mime.to_owned(), json!(known.extensions))).collect();
    Ok(Json(json!({ "types": types })))
}

/// Tell which fields of metadata have an effect. Others are kept.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = Object), Failure<Plain>))]
#[get("/document/metadata-schema")]
pub async fn metadata_schema(_: Caller<Fetcher>) -> Answer<Json<Value>> {
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

/// Find a document by the name of its file, in whichever folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = wire::DocumentFound<'static>), Failure<NotFoundInText>))]
#[get("/document/{docName}")]
pub async fn find_document(
    _: Caller<Fetcher>,
    request: HttpRequest,
    library: Data<Library>,
    name: Path<String>,
) -> Answer<HttpResponse, NotFoundInText> {
    let found = library.folders.by_name(&name).await?;
    let found = found.ok_or_else(|| Error::not_found("document", &name))?;
    let found = wire::DocumentFound::new(&found, None, Mount::of(&request));
    Ok(HttpResponse::Ok().json(found))
}

/// Find a document by its id, which it keeps wherever it is moved.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::FoundQuery),
    responses((status = 200, body = wire::DocumentFound<'static>), Failure<NotFoundInText>))]
#[get("/document/id/{id}")]
pub async fn find_document_by_id(
    _: Caller<Fetcher>,
    request: HttpRequest,
    library: Data<Library>,
    id: Path<String>,
    params: Params<wire::FoundQuery>,
) -> Answer<HttpResponse, NotFoundInText> {
    let (id, query) = (parse_id(&id)?, params.read()?);
    let found = library.folders.by_id(id).await?;
    let found = found.ok_or_else(|| Error::not_found("document", id))?;
    let text = if query.with_content() { library.text_at(&found).await? } else { None };
    let found = wire::DocumentFound::new(&found, text, Mount::of(&request));
    Ok(HttpResponse::Ok().json(found))
}

/// Remove a document, by its id, from the library and from every workspace.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = DocumentsRemoved), Failure<NoSuccess>))]
#[delete("/document/id/{id}")]
pub async fn remove_document_by_id(
    caller: Caller<Keeper>,
    library: Data<Library>,
    id: Path<String>,
) -> Answer<Json<DocumentsRemoved>, NoSuccess> {
    let id = parse_id(&id)?;
    let missing = || Error::not_found("document", id);
    let found = library.folders.by_id(id).await?.ok_or_else(missing)?;
    let path = found.path()?;
    let removed = library.remove(vec![path.clone()], &caller.by()).await?;
    if removed.is_empty() {
        return Err(missing().into());
    }
    Ok(Json(DocumentsRemoved::new(&[path], &removed, Mount::Native)))
}

fn parse_id(text: &str) -> Result<DocumentId> {
    let id = Uuid::parse_str(text).map_err(|_| Error::not_found("document", text))?;
    Ok(DocumentId(id))
}
