//! The questions of a widget's visitors.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::ChatRange;
use carrel_domain::widget::WidgetChat;
use carrel_services::{reasoning, record};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::PATH;
use crate::http::form::Fields;
use crate::http::response::{self, PageResult, segment};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

/// Exchanges per page.
const PAGE_SIZE: u32 = 25;

struct ChatRow {
    created_at: DateTime<Utc>,
    /// Address of the visitor's exchanges.
    session_address: String,
    /// Beginning of the session's name.
    visitor: String,
    /// The site, and the name that it gave the visitor.
    origin: String,
    question: String,
    answer: String,
    is_cleared: bool,
}

#[derive(Template)]
#[template(path = "admin/widget_chats.html")]
struct HistoryPage {
    layout: PageLayout,
    key: String,
    /// The session whose exchanges are listed; empty for all.
    session: String,
    rows: Vec<ChatRow>,
    /// Query parameter that passes the session on to other pages.
    query: String,
    page: u32,
    has_more: bool,
}

pub async fn history(current_user: CurrentUser<role::Admin>, key: Path<String>) -> PageResult {
    let widgets = &current_user.ports().widgets;
    let widget = widgets.find(&key).await?;
    let parameters = Fields::of_query(&current_user.request);
    let page = parameters.number::<u32>("page")?.unwrap_or(1).clamp(1, 1_000_000);
    let session = parameters.text("session").to_owned();
    let session_filter = Some(session.as_str()).filter(|session| !session.is_empty());
    let range =
        ChatRange { newest_first: true, offset: (page - 1) * PAGE_SIZE, limit: PAGE_SIZE + 1 };
    let mut found = widgets.chats.page(widget.id, session_filter, range).await?;
    let has_more = found.is_cut || found.items.len() > PAGE_SIZE as usize;
    found.items.truncate(PAGE_SIZE as usize);
    let page = HistoryPage {
        query: session_filter
            .map(|session| format!("session={}&", segment(session)))
            .unwrap_or_default(),
        layout: current_user.admin_layout(t("widgets.conversations")).await?,
        key: widget.key.to_string(),
        session,
        rows: found.items.into_iter().map(|chat| row(&widget.key.to_string(), chat)).collect(),
        page,
        has_more,
    };
    response::page(&current_user.request, &page)
}

fn row(key: &str, chat: WidgetChat) -> ChatRow {
    let text = record::read(&chat.response).map_or(chat.response, |stored| stored.text);
    let (_, answer) = reasoning::split(&text);
    let connection: Value =
        chat.connection.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let parts = ["host", "username"].iter().filter_map(|name| connection[*name].as_str());
    ChatRow {
        created_at: chat.created_at,
        session_address: format!("{PATH}/{key}/chats?session={}", segment(&chat.session)),
        visitor: chat.session.chars().take(8).collect(),
        origin: parts.collect::<Vec<_>>().join(" · "),
        question: chat.prompt,
        answer: answer.to_owned(),
        is_cleared: !chat.include,
    }
}
