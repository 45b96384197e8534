//! `/v1/admin/workspace-chats` and `/v1/system/export-chats`.
use carrel_services::Ports;
use std::io;

use actix_web::http::header::{
    CONTENT_DISPOSITION, ContentDisposition, DispositionParam, DispositionType,
};
use actix_web::web::{Bytes, Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use carrel_domain::audit::By;
use carrel_domain::chat::Bounded;
use carrel_domain::chat_log::{ChatFilter, ChatLog, LoggedChat, Portion};
use carrel_domain::export::{FormatChoice, Layout};
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Result, WorkspaceId};
use carrel_services::admission::download_while_admitted;
use carrel_services::bulk_delete;
use carrel_services::exports::{ExportRequest, Exports};
use carrel_services::preferences::Preferences;
use carrel_services::workspaces as service;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::{JsonBody, Params};
use crate::streaming::Holder;
use crate::v1::admin::wire::chats as wire;

/// List the exchanges of all workspaces, newest first.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::ChatQuery,
    responses((status = 200, body = wire::ChatPage), ErrorResponse<Plain>))]
#[post("/admin/workspace-chats")]
pub async fn list_chats(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<wire::ChatQuery>,
) -> ApiResult<Json<wire::ChatPage>> {
    let query = body.read().await?;
    let mut filter = query.filter()?;
    filter.workspace = workspace_id(&*ports.workspaces, query.workspace.as_deref()).await?;
    let ChatLogPage { chats, has_pages, has_more } =
        page(&*ports.chat_log, &filter, query.offset(), false).await?;
    let chats = chats.into_iter().map(Into::into).collect();
    Ok(Json(wire::ChatPage { chats, has_pages, has_more }))
}

/// Delete exchanges of all workspaces.
///
/// Deletes the exchanges that match all given filters. A request without a filter is refused,
/// unless it has `all=true`. The exchanges are deleted oldest first, 500 per transaction, and an
/// audit event in each transaction records the filter and the number. If the deletion is
/// interrupted, for example because the client disconnects, the audit log shows what was deleted
/// and the rest remains. The usage figures of the deleted answers are deleted too.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), params(wire::ClearQuery),
    responses((status = 200, body = wire::ChatsCleared), ErrorResponse<Plain>))]
#[delete("/admin/workspace-chats")]
pub async fn clear_chats(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    params: Params<wire::ClearQuery>,
) -> ApiResult<Json<wire::ChatsCleared>> {
    let query = params.read()?;
    let mut filter = query.filter()?;
    filter.workspace = workspace_id(&*ports.workspaces, query.workspace.as_deref()).await?;
    Ok(Json(bulk_delete::clear(&*ports.chat_log, &filter, &caller.by()).await?.into()))
}

/// Export exchanges as a file.
///
/// `jsonl` is OpenAI's chat format for fine-tuning, one conversation a line; `json` is an array of
/// records; `csv` has the same records as a table (RFC 4180); `jsonAlpaca` is an array of
/// instruction, input and output. The file is streamed. If the API key becomes invalid, the stream
/// breaks off within a few seconds.
#[utoipa::path(tag = "System", security(("api_key" = [])), params(wire::ExportQuery),
    responses((status = 200, description = "The file.", content_type = "application/jsonl", body = String), ErrorResponse<Plain>))]
#[get("/system/export-chats")]
pub async fn export_chats(
    caller: Authorized<scope::Admin>,
    http: HttpRequest,
    ports: Data<Ports>,
    params: Params<wire::ExportQuery>,
) -> ApiResult<HttpResponse> {
    let query = params.read()?;
    let mut filter = query.filter()?;
    filter.workspace = workspace_id(&*ports.workspaces, query.workspace.as_deref()).await?;
    let name = query.r#type.clone().unwrap_or_else(|| "jsonl".to_owned());
    let prompt = Preferences::read(&*ports.settings).await?.system_prompt().to_owned();
    let mut choice = FormatChoice::new(&name, Layout::Native, &prompt);
    (choice.by_thread, choice.csv_safe) = (query.by_thread()?, query.csv_safe);
    let request = ExportRequest { choice, filter, redact: query.redact };
    Ok(file(&ports.exports, request, &caller.by(), Holder::new(&http, &caller)?).await?)
}

/// Returns the id of the workspace with this slug, if a slug is given.
async fn workspace_id(
    workspaces: &dyn Workspaces,
    slug: Option<&str>,
) -> Result<Option<WorkspaceId>> {
    match slug {
        Some(slug) => Ok(Some(service::by_slug(workspaces, slug).await?.id)),
        None => Ok(None),
    }
}

/// A page of the log.
#[derive(Default)]
pub struct ChatLogPage {
    pub chats: Vec<LoggedChat>,
    /// True if another page follows.
    pub has_pages: bool,
    /// True if exchanges of this page were left out because of its size.
    pub has_more: bool,
}

/// Returns the page that begins after `before` exchanges.
pub async fn page(
    chats: &dyn ChatLog,
    filter: &ChatFilter,
    before: u64,
    images: bool,
) -> Result<ChatLogPage> {
    let at_most = Portion { images, ..Portion::of(wire::PAGE + 1) };
    let Bounded { items: mut chats, is_cut } = chats.page(filter, before, at_most).await?;
    let has_next = chats.len() > wire::PAGE as usize;
    chats.truncate(wire::PAGE as usize);
    // The extra exchange only shows that a page follows; it does not count as left out.
    let has_more = is_cut && chats.len() < wire::PAGE as usize;
    Ok(ChatLogPage { chats, has_pages: has_next || is_cut, has_more })
}

/// Streams an export for as long as its recipient may receive it.
pub async fn file(
    exports: &Exports,
    request: ExportRequest,
    by: &By,
    holder: Holder,
) -> Result<HttpResponse> {
    let name = request.choice.name.clone();
    let (content_type, chunks) = exports.start(request, by).await?;
    let chunks = chunks.map_err(io::Error::other);
    let slices =
        chunks.map_ok(|chunk| stream::iter(slices(chunk.into())).map(io::Result::Ok)).try_flatten();
    Ok(attachment(&name, content_type).streaming(download_while_admitted(slices, holder)))
}

/// Splits a chunk into slices of at most 64 KiB. Actix copies each slice into the connection's
/// buffer, which never shrinks.
fn slices(mut chunk: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let slice = chunk.split_to(chunk.len().min(1 << 16));
        (!slice.is_empty()).then_some(slice)
    })
}

/// Headers of a file that browsers save instead of showing.
fn attachment(format: &str, content_type: &str) -> actix_web::HttpResponseBuilder {
    let extension = if format == "jsonAlpaca" { "json" } else { format };
    let name = format!("chats-{}.{extension}", chrono::Utc::now().format("%Y-%m-%d"));
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    let mut response = HttpResponse::Ok();
    response.content_type(format!("{content_type}; charset=utf-8"));
    response.insert_header((CONTENT_DISPOSITION, disposition));
    response
}
