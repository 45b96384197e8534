//! `/api/v1/admin/workspace-chats` and `/api/v1/system/export-chats`.
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use carrel_domain::chat_log::{ChatFilter, Portion};
use carrel_domain::export::{FormatChoice, Layout};
use carrel_services::Ports;
use carrel_services::exports::ExportRequest;
use carrel_services::preferences::Preferences;

use crate::authorized::{Authorized, scope};
use crate::compat::JsonBody;
use crate::compat::admin::wire::chats as wire;
use crate::compat::error::error_body::{Plain, PlainMessage};
use crate::error::{ApiResult, ErrorResponse};
use crate::streaming::Holder;
use crate::v1::admin::chats::{ChatLogPage, file, page};

/// List the exchanges of all workspaces, newest first.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::ChatQuery,
    responses((status = 200, body = wire::ChatPage), ErrorResponse<Plain>))]
#[post("/admin/workspace-chats")]
pub async fn list_chats(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<wire::ChatQuery>,
) -> ApiResult<Json<wire::ChatPage>, Plain> {
    let query = body.read().await?;
    let filter = ChatFilter { before: query.before(), ..ChatFilter::default() };
    let ChatLogPage { chats, has_pages, has_more } = match query.start() {
        wire::Start::After(before) => page(&*ports.chat_log, &filter, before, true).await?,
        wire::Start::Before => {
            let first = ports.chat_log.page(&filter, 0, Portion::of(1)).await?;
            ChatLogPage { has_pages: !first.items.is_empty(), ..ChatLogPage::default() }
        }
        wire::Start::Nowhere => ChatLogPage::default(),
    };
    let chats = chats.into_iter().map(Into::into).collect();
    Ok(Json(wire::ChatPage { chats, has_pages, has_more }))
}

/// Export exchanges as `jsonl`, `json`, `csv` or `jsonAlpaca`.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    params(("type" = Option<String>, Query, description = "Format: `jsonl`, `json`, `csv` or `jsonAlpaca`.")),
    responses((status = 200, description = "The file.", content_type = "application/jsonl", body = String), ErrorResponse<PlainMessage>))]
#[get("/system/export-chats")]
pub async fn export_chats(
    caller: Authorized<scope::Admin>,
    http: HttpRequest,
    ports: Data<Ports>,
) -> ApiResult<HttpResponse, PlainMessage> {
    let name = wire::export_type(http.query_string());
    let name = name.map_err(|name| ports.exports.unknown_type(&name))?;
    let prompt = Preferences::read(&*ports.settings).await?.system_prompt().to_owned();
    let choice = FormatChoice::new(&name, Layout::Compat, &prompt);
    let request = ExportRequest { choice, filter: ChatFilter::default(), redact: false };
    Ok(file(&ports.exports, request, &caller.by(), Holder::new(&http, &caller)?).await?)
}
