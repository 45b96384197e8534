//! `/documents` and `/document/*`: what there is
use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get};
use carrel_domain::catalogue::Place;
use carrel_domain::{DocumentId, DocumentPath, Error, Folder, Result};
use carrel_services::library::{LISTED_AT_ONCE, Library};
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
use crate::wire::listing as wire;
use crate::wire::system::DocumentsRemoved;

/// List documents: every folder with its documents, or one folder in pages.
///
/// The default folder comes first, the others by name, and so do the documents in each. Long lists are
/// written as they are read.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::TreeQuery),
    responses((status = 200, body = wire::DocumentTree), Failure<Plain>))]
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
    let entries = Box::pin(library.everything().await?);
    let pieces = try_unfold(Some((entries, wire::TreeWriter::new(mount))), |state| async move {
        let Some((mut entries, mut writer)) = state else { return Ok(None) };
        Ok::<_, Error>(Some(match entries.try_next().await? {
            Some(some) => (writer.piece(some)?, Some((entries, writer))),
            None => (writer.end(), None),
        }))
    });
    Ok(json_in_pieces(pieces).await?)
}

/// List the documents of a folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::PartQuery),
    responses((status = 200, body = wire::FolderPage), Failure<Plain>))]
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
    let Some(total_count) = library.catalogue.documents_in(&folder).await? else {
        return Ok(missing());
    };
    let from = Place::In { folder: folder.clone(), after: None };
    let first = limit.unwrap_or(LISTED_AT_ONCE);
    let found = library.catalogue.list(&from, offset, first).await?;
    let seen = offset.saturating_add(found.len() as u64);
    if limit.is_some() || seen >= total_count {
        return Ok(HttpResponse::Ok().json(wire::FolderPage {
            folder: folder.to_string(),
            documents: found
                .into_iter()
                .map(|each| wire::ListedDocument::new(each, mount))
                .collect(),
            total_count,
            has_more: seen < total_count,
            code: with_code.then_some(200),
            error: None,
        }));
    }
    let after = found.last().map(|last| last.name.clone());
    let (mut writer, mut begin) = wire::PageWriter::new(mount, folder.as_str())?;
    begin.extend(writer.piece(found)?);
    let rest = library.rest_of(folder, after);
    let rest = rest.map(move |some| writer.piece(some?));
    let end = wire::PageWriter::end(total_count, with_code);
    let begin = once(std::future::ready(Ok(begin)));
    json_in_pieces(begin.chain(rest).chain(once(std::future::ready(Ok(end))))).await
}

/// An answer in pieces, or in one where it is short.
async fn json_in_pieces(
    pieces: impl Stream<Item = Result<Vec<u8>>> + 'static,
) -> Result<HttpResponse> {
    let mut pieces = Box::pin(pieces);
    let mut begin = Vec::new();
    while begin.len() < LARGEST_WHOLE {
        match pieces.try_next().await? {
            Some(piece) => begin.extend(piece),
            None => return Ok(HttpResponse::Ok().content_type(JSON).body(begin)),
        }
    }
    let begin = once(std::future::ready(Ok(begin)));
    let pieces = begin.chain(pieces).map_ok(Bytes::from).map_err(std::io::Error::other);
    Ok(HttpResponse::Ok().content_type(JSON).streaming(pieces))
}

const JSON: &str = "application/json";

/// The longest list that is not written in pieces, in bytes.
const LARGEST_WHOLE: usize = 256 << 10;

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
    responses((status = 200, body = wire::DocumentFound), Failure<NotFoundInText>))]
#[get("/document/{docName}")]
pub async fn find_document(
    _: Caller<Fetcher>,
    request: HttpRequest,
    library: Data<Library>,
    name: Path<String>,
) -> Answer<Json<wire::DocumentFound>, NotFoundInText> {
    let found = library.catalogue.by_name(&name).await?;
    let found = found.ok_or_else(|| Error::not_found("document", &name))?;
    Ok(Json(wire::DocumentFound::new(found, None, Mount::of(&request))))
}

/// Find a document by its id, which it keeps wherever it is moved.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::FoundQuery),
    responses((status = 200, body = wire::DocumentFound), Failure<NotFoundInText>))]
#[get("/document/id/{id}")]
pub async fn find_document_by_id(
    _: Caller<Fetcher>,
    request: HttpRequest,
    library: Data<Library>,
    id: Path<String>,
    params: Params<wire::FoundQuery>,
) -> Answer<Json<wire::DocumentFound>, NotFoundInText> {
    let (id, query) = (parse_id(&id)?, params.read()?);
    let found = library.catalogue.by_id(id).await?;
    let found = found.ok_or_else(|| Error::not_found("document", id))?;
    let text = if query.with_content() { library.text_at(&found).await? } else { None };
    Ok(Json(wire::DocumentFound::new(found, text, Mount::of(&request))))
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
    let found = library.catalogue.by_id(id).await?.ok_or_else(missing)?;
    let path = DocumentPath::new(&found.folder, &found.name).map_err(Error::internal)?;
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
