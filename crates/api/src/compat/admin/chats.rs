//! `/api/v1/admin/workspace-chats` and `/api/v1/system/export-chats`
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use carrel_domain::chat_log::{ChatFilter, ChatLog, Portion};
use carrel_domain::export::{FormatChoice, Layout};
use carrel_domain::settings::Settings;
use carrel_services::exports::{ExportRequest, Exports};
use carrel_services::preferences::Preferences;

use crate::caller::{Admin, Caller};
use crate::compat::Body;
use crate::compat::admin::wire::chats as wire;
use crate::compat::failure::shapes::{Message, Plain};
use crate::failure::{Answer, Failure};
use crate::streaming::Holder;
use crate::v1::admin::chats::{Page, file, page};

/// List exchanges of all workspaces, newest first.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::ChatQuery,
    responses((status = 200, body = wire::ChatPage), Failure<Plain>))]
#[post("/admin/workspace-chats")]
pub async fn list_chats(
    _: Caller<Admin>,
    chats: Data<dyn ChatLog>,
    body: Body<wire::ChatQuery>,
) -> Answer<Json<wire::ChatPage>, Plain> {
    let query = body.read().await?;
    let filter = ChatFilter { before: query.before(), ..ChatFilter::default() };
    let Page { chats, has_pages, has_more } = match query.start() {
        wire::Start::After(before) => page(&**chats, &filter, before, true).await?,
        wire::Start::Before => {
            let first = chats.page(&filter, 0, Portion::of(1)).await?;
            Page { has_pages: !first.items.is_empty(), ..Page::default() }
        }
        wire::Start::Nowhere => Page::default(),
    };
    let chats = chats.into_iter().map(Into::into).collect();
    Ok(Json(wire::ChatPage { chats, has_pages, has_more }))
}

/// Export exchanges as a file: `jsonl`, `json`, `csv` or `jsonAlpaca`.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    params(("type" = Option<String>, Query, description = "`jsonl`, `json`, `csv` or `jsonAlpaca`")),
    responses((status = 200, description = "The file", content_type = "application/jsonl", body = String), Failure<Message>))]
#[get("/system/export-chats")]
pub async fn export_chats(
    caller: Caller<Admin>,
    http: HttpRequest,
    settings: Data<dyn Settings>,
    exports: Data<Exports>,
) -> Answer<HttpResponse, Message> {
    let name = wire::export_type(http.query_string());
    let name = name.map_err(|several| exports.unknown_type(&several))?;
    let prompt = Preferences::read(&**settings).await?.system_prompt().to_owned();
    let choice = FormatChoice::new(&name, Layout::Compat, &prompt);
    let request = ExportRequest { choice, filter: ChatFilter::default(), redact: false };
    Ok(file(&exports, request, &caller.by(), Holder::new(&http, &caller)?).await?)
}
