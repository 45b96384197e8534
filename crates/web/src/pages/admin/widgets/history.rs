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
const PAGE: u32 = 25;

struct Row {
    at: DateTime<Utc>,
    /// Address of the visitor's exchanges.
    session_address: String,
    /// Beginning of the session's name.
    visitor: String,
    /// The site, and the name that it gave the visitor.
    from: String,
    question: String,
    answer: String,
    is_cleared: bool,
}

#[derive(Template)]
#[template(path = "admin/widget_chats.html")]
struct History {
    layout: PageLayout,
    key: String,
    /// The session whose exchanges are shown; empty for all.
    session: String,
    rows: Vec<Row>,
    /// Query parameter that passes the session on to other pages.
    query: String,
    page: u32,
    has_more: bool,
}

pub async fn history(current_user: CurrentUser<role::Admin>, key: Path<String>) -> PageResult {
    let widgets = &current_user.ports().widgets;
    let widget = widgets.find(&key).await?;
    let asked = Fields::of_query(&current_user.request);
    let page = asked.number::<u32>("page")?.unwrap_or(1).clamp(1, 1_000_000);
    let session = asked.text("session").to_owned();
    let of = Some(session.as_str()).filter(|session| !session.is_empty());
    let part = ChatRange { newest_first: true, offset: (page - 1) * PAGE, limit: PAGE + 1 };
    let mut found = widgets.chats.page(widget.id, of, part).await?;
    let has_more = found.is_cut || found.items.len() > PAGE as usize;
    found.items.truncate(PAGE as usize);
    let page = History {
        query: of.map(|session| format!("session={}&", segment(session))).unwrap_or_default(),
        layout: current_user.admin_layout(t("widgets.conversations")).await?,
        key: widget.key.to_string(),
        session,
        rows: found.items.into_iter().map(|chat| row(&widget.key.to_string(), chat)).collect(),
        page,
        has_more,
    };
    response::page(&current_user.request, &page)
}

fn row(key: &str, chat: WidgetChat) -> Row {
    let text = record::read(&chat.response).map_or(chat.response, |stored| stored.text);
    let (_, answer) = reasoning::split(&text);
    let connection: Value =
        chat.connection.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let known = ["host", "username"].iter().filter_map(|name| connection[*name].as_str());
    Row {
        at: chat.created_at,
        session_address: format!("{PATH}/{key}/chats?session={}", segment(&chat.session)),
        visitor: chat.session.chars().take(8).collect(),
        from: known.collect::<Vec<_>>().join(" · "),
        question: chat.prompt,
        answer: answer.to_owned(),
        is_cleared: !chat.include,
    }
}
