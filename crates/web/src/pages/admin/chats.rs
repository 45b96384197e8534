//! The chat log and its export.
use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Bytes, Path};
use askama::Template;
use carrel_domain::chat::Bounded;
use carrel_domain::chat_log::{ChatFilter, LoggedChat, Portion};
use carrel_domain::export::{FormatChoice, Layout};
use carrel_domain::{ChatId, Error, UserId};
use carrel_services::admission::download_while_admitted;
use carrel_services::exports::ExportRequest;
use carrel_services::preferences::Preferences;
use carrel_services::{record, workspaces};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;

use super::date;
use crate::http::form::Fields;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::session::session_guard::SessionGuard;
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

/// Exchanges per page.
const PAGE_SIZE: u32 = 25;

struct ChatRow {
    id: i64,
    created_at: DateTime<Utc>,
    workspace: String,
    author: String,
    question: String,
    answer: String,
    feedback: Option<bool>,
}

#[derive(Template)]
#[template(path = "admin/chats.html")]
struct ChatsPage {
    layout: PageLayout,
    rows: Vec<ChatRow>,
    workspaces: Vec<(String, String, bool)>,
    users: Vec<(i32, String, bool)>,
    from: String,
    to: String,
    rating: String,
    formats: &'static [&'static str],
    /// The filter as a query string.
    filter: String,
    page: u64,
    /// Query of the next page, if there is one.
    next: Option<String>,
}

/// Parses the filter of a query. The last day is included.
async fn filter(
    current_user: &CurrentUser<role::Admin>,
    parameters: &Fields,
) -> Result<ChatFilter, PageError> {
    let mut filter = ChatFilter {
        user: parameters.number("user")?.map(UserId),
        before: parameters.number("before")?.map(ChatId),
        from: date(parameters.text("from"), "from")?,
        to: date(parameters.text("to"), "to")?
            .map(|day| day.checked_add_signed(TimeDelta::days(1)).unwrap_or(day)),
        feedback: match parameters.text("rating") {
            "up" => Some(true),
            "down" => Some(false),
            _ => None,
        },
        ..ChatFilter::default()
    };
    if let Some(slug) = parameters.text_or_none("workspace") {
        filter.workspace =
            Some(workspaces::by_slug(&*current_user.ports().workspaces, &slug).await?.id);
    }
    Ok(filter)
}

fn row(logged_chat: LoggedChat) -> ChatRow {
    let (workspace, author) =
        (logged_chat.workspace_name().to_owned(), logged_chat.author().to_owned());
    let chat = logged_chat.chat;
    ChatRow {
        id: chat.id.0,
        created_at: chat.created_at,
        workspace,
        author,
        answer: record::text_of(&chat.response).unwrap_or(chat.response),
        question: chat.prompt,
        feedback: chat.feedback,
    }
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let parameters = Fields::of_query(&current_user.request);
    let filter = filter(&current_user, &parameters).await?;
    let page = parameters.number::<u64>("page")?.unwrap_or(1).clamp(1, 1_000_000);
    let ports = current_user.ports();
    let offset = (page - 1) * u64::from(PAGE_SIZE);
    let Bounded { items: mut found, is_cut } =
        ports.chat_log.page(&filter, offset, Portion::of(PAGE_SIZE + 1)).await?;
    let has_more = found.len() > PAGE_SIZE as usize;
    found.truncate(PAGE_SIZE as usize);
    // If a page was truncated because of its size, the next one continues after its last exchange.
    let next = match found.last().filter(|_| is_cut) {
        Some(last) => format!("before={}", last.chat.id),
        None => format!("page={}", page + 1),
    };
    let selected_slug = parameters.text("workspace");
    let workspace = |workspace: carrel_domain::workspace::Workspace| {
        let slug = workspace.slug.to_string();
        let is_selected = slug == selected_slug;
        (slug, workspace.settings.name, is_selected)
    };
    let user_option = |user: carrel_domain::user::ListedUser| {
        (user.id.0, user.username, filter.user == Some(user.id))
    };
    let page = ChatsPage {
        layout: current_user.admin_layout(t("chats.title")).await?,
        rows: found.into_iter().map(row).collect(),
        workspaces: current_user.workspaces().await?.into_iter().map(workspace).collect(),
        users: ports.users.list().await?.into_iter().map(user_option).collect(),
        from: parameters.text("from").to_owned(),
        to: parameters.text("to").to_owned(),
        rating: parameters.text("rating").to_owned(),
        formats: ports.exports.formatters.names(),
        filter: filter_query(&parameters),
        page,
        next: (has_more || is_cut).then_some(next),
    };
    response::page(&current_user.request, &page)
}

/// Returns the filter as a query string.
fn filter_query(parameters: &Fields) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for name in ["workspace", "user", "from", "to", "rating", "before"] {
        if let Some(value) = parameters.text_or_none(name) {
            query.append_pair(name, &value);
        }
    }
    query.finish()
}

/// Streams the log as a file.
pub async fn export(current_user: CurrentUser<role::Admin>) -> PageResult {
    let parameters = Fields::of_query(&current_user.request);
    let filter = filter(&current_user, &parameters).await?;
    let name = parameters.text_or_none("type").unwrap_or_else(|| "jsonl".to_owned());
    let ports = current_user.ports();
    let prompt = Preferences::read(&*ports.settings).await?.system_prompt().to_owned();
    let mut choice = FormatChoice::new(&name, Layout::Native, &prompt);
    choice.csv_safe = true;
    let request = ExportRequest { choice, filter, redact: parameters.has("redact") };
    let (content_type, chunks) = ports.exports.start(request, &current_user.by()).await?;
    let extension = if name == "jsonAlpaca" { "json" } else { &name };
    let file_name = format!("chats-{}.{extension}", current_user.now.format("%Y-%m-%d"));
    let chunks = chunks.map_ok(Bytes::from).map_err(std::io::Error::other);
    Ok(HttpResponse::Ok()
        .content_type(format!("{content_type}; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")))
        .streaming(download_while_admitted(chunks, SessionGuard::new(&current_user, None))))
}

pub async fn delete(current_user: CurrentUser<role::Admin>, id: Path<String>) -> PageResult {
    let number = id.parse().map_err(|_| Error::not_found("chat", &*id))?;
    let event = current_user.by().event("chat_deleted", format!("{{\"chatId\":{number}}}"));
    match current_user.ports().chat_log.delete(ChatId(number), event).await? {
        true => Ok(response::redirect_with_notice("/admin/chats", "deleted")),
        false => Err(PageError::not_found("chat", &id)),
    }
}
