//! `/workspace/{slug}/thread/{thread}/files*`
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::thread::{Thread, Threads};
use carrel_domain::thread_file::ThreadFile;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Error, Result, ThreadFileId};
use carrel_services::Ports;
use carrel_services::chat::{self, Attachment};
use carrel_services::threads as service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::routes::parse_id;
use crate::wire::time;

#[derive(Serialize, ToSchema)]
pub struct ThreadFileEntry {
    id: i32,
    #[schema(example = "minutes.pdf")]
    name: String,
    tokens: i32,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct ThreadFileList {
    files: Vec<ThreadFileEntry>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ThreadFileBody {
    #[schema(example = "minutes.pdf")]
    name: String,
    /// Media type, such as `application/pdf`.
    #[serde(default)]
    mime: String,
    /// The file in base64, or a data URL of it.
    #[serde(alias = "contentString")]
    content_string: String,
}

impl From<ThreadFile> for ThreadFileEntry {
    fn from(file: ThreadFile) -> Self {
        let ThreadFile { id, name, tokens, created_at } = file;
        Self { id: id.0, name, tokens, created_at: time(created_at) }
    }
}

fn list(files: Vec<ThreadFile>) -> Json<ThreadFileList> {
    Json(ThreadFileList { files: files.into_iter().map(Into::into).collect() })
}

async fn thread<P>(
    caller: &Authorized<P>,
    workspaces: &dyn Workspaces,
    threads: &dyn Threads,
    (slug, thread): (&str, &str),
) -> Result<Thread> {
    let workspace = caller.workspace(workspaces, slug).await?;
    service::by_slug(threads, &workspace, thread).await
}

/// List the files of a thread.
#[utoipa::path(tag = "Threads", security(("api_key" = [])),
    responses((status = 200, body = ThreadFileList), ErrorResponse<Plain>))]
#[get("/workspace/{slug}/thread/{thread}/files")]
pub async fn list_thread_files(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> ApiResult<Json<ThreadFileList>> {
    let thread = thread(&caller, &*ports.workspaces, &*ports.threads, (&path.0, &path.1)).await?;
    Ok(list(ports.thread_files.of(thread.id).await?))
}

/// Add a file to a thread.
///
/// The file is read once. Its text is sent with every question of the thread, as far as the model's
/// context window allows, until the file is removed. A thread holds at most 16 files of 4 MiB of
/// text each. A workbook becomes a file for each sheet. Returns the new files.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = ThreadFileBody,
    responses((status = 200, body = ThreadFileList), ErrorResponse<Plain>))]
#[post("/workspace/{slug}/thread/{thread}/files")]
pub async fn add_thread_file(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    body: JsonBody<ThreadFileBody>,
) -> ApiResult<Json<ThreadFileList>> {
    let ThreadFileBody { name, mime, content_string } = body.read().await?;
    let thread = thread(&caller, &*ports.workspaces, &*ports.threads, (&path.0, &path.1)).await?;
    let attachment = Attachment { name, mime, content: content_string };
    if !attachment.is_readable() {
        let reason = "must be the base64 of a file, or a data URL of base64";
        return Err(Error::invalid("content_string", reason).into());
    }
    Ok(list(chat::add_file(&ports.conversations, &thread, attachment, &caller.by()).await?))
}

/// Remove a file from a thread.
#[utoipa::path(tag = "Threads", security(("api_key" = [])),
    responses((status = 200, body = ThreadFileList), ErrorResponse<Plain>))]
#[delete("/workspace/{slug}/thread/{thread}/files/{id}")]
pub async fn remove_thread_file(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String, String)>,
) -> ApiResult<Json<ThreadFileList>> {
    let thread = thread(&caller, &*ports.workspaces, &*ports.threads, (&path.0, &path.1)).await?;
    let id = ThreadFileId(parse_id("file", &path.2)?);
    chat::remove_file(&ports.conversations, &thread, id, &caller.by()).await?;
    Ok(list(ports.thread_files.of(thread.id).await?))
}
