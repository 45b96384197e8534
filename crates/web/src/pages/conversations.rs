//! All of a user's conversations in a workspace, to find, open and delete.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::deletion::Deletable;
use carrel_domain::document_list::LONGEST_TITLE_QUERY;
use carrel_domain::thread::Thread;
use carrel_domain::{Error, ThreadId};
use carrel_services::{deletions, threads};

use crate::http::form::{Fields, PageForm};
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::pagination;
use crate::view::texts::t;

/// Conversations per page, and the most that one form deletes.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "conversations.html")]
struct ConversationsPage {
    layout: PageLayout,
    slug: String,
    query: String,
    threads: Vec<Thread>,
    /// Address of the page with older conversations, if there are any.
    older: Option<String>,
    is_first: bool,
}

pub async fn list(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let asked = Fields::of_query(&current_user.request);
    let query: String = asked.text("q").chars().take(LONGEST_TITLE_QUERY).collect();
    let before = asked.number("before").ok().flatten().map(ThreadId);
    let (port, user) = (&current_user.ports().threads, current_user.identity.id());
    let limit = PAGE as u32 + 1;
    let mut threads = port.latest(workspace.id, user, &query, before, limit).await?;
    let has_more = threads.len() > PAGE;
    threads.truncate(PAGE);
    let last = threads.last().filter(|_| has_more);
    let fields = pagination::query(&[("q", query.as_str())]);
    let older = last.map(|thread| format!("?{fields}before={}", thread.id));
    let slug = workspace.slug.to_string();
    let layout =
        current_user.frame_in(t("conversations.title"), Section::Workspace, Some(&slug)).await?;
    let is_first = before.is_none();
    let page = ConversationsPage { layout, slug, query, threads, older, is_first };
    response::page(&current_user.request, &page)
}

/// Deletes the selected conversations. Each can be restored on its own.
pub async fn delete(
    current_user: CurrentUser<role::Any>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let form = form.read().await?;
    let (ports, user) = (current_user.ports(), current_user.identity.id());
    let mut selected = Vec::new();
    for slug in form.all("thread").take(PAGE) {
        let thread = threads::by_slug(&*ports.threads, &workspace, slug).await?;
        match thread.user == user {
            true => selected.push(thread.id),
            false => return Err(Error::not_found("thread", slug).into()),
        }
    }
    if selected.is_empty() {
        return Err(Error::invalid("conversations", "must be selected first").into());
    }
    for thread in selected {
        let what = Deletable::Thread(thread);
        deletions::delete(&*ports.deletions, &what, user, &current_user.by()).await?;
    }
    let address = format!("/w/{}/conversations", workspace.slug);
    Ok(response::done(&address, "conversations-deleted"))
}
