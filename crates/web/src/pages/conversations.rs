//! All of a user's conversations in a workspace, to find, open, archive and delete.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::deletion::Deletable;
use carrel_domain::document_list::LONGEST_TITLE_QUERY;
use carrel_domain::thread::{Thread, ThreadFilter};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, ThreadId};
use carrel_services::{deletions, threads};

use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::pagination;
use crate::view::texts::t;

/// Conversations per page, and the maximum that one form changes.
const PAGE_SIZE: usize = 50;

#[derive(Template)]
#[template(path = "conversations.html")]
struct ConversationsPage {
    layout: PageLayout,
    slug: String,
    query: String,
    /// Whether archived conversations are listed.
    is_archived: bool,
    threads: Vec<Thread>,
    /// Address of the next page, with older conversations, if there are any.
    next_page: Option<String>,
    is_first: bool,
}

pub async fn list(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let parameters = Fields::of_query(&current_user.request);
    let query = ThreadFilter {
        archived: parameters.text("archived") == "1",
        name: parameters.text("q").chars().take(LONGEST_TITLE_QUERY).collect(),
        before: parameters.number("before").ok().flatten().map(ThreadId),
        limit: PAGE_SIZE as u32 + 1,
    };
    let (port, user) = (&current_user.ports().threads, current_user.identity.id());
    let mut threads = port.latest(workspace.id, user, &query).await?;
    let has_more = threads.len() > PAGE_SIZE;
    threads.truncate(PAGE_SIZE);
    let ThreadFilter { archived: is_archived, name, before, limit: _ } = query;
    let last = threads.last().filter(|_| has_more);
    let archived_flag = if is_archived { "1" } else { "" };
    let fields = pagination::query(&[("archived", archived_flag), ("q", name.as_str())]);
    let next_page = last.map(|thread| format!("?{fields}before={}", thread.id));
    let slug = workspace.slug.to_string();
    let layout =
        current_user.layout_in(t("conversations.title"), Section::Workspace, Some(&slug)).await?;
    let is_first = before.is_none();
    let page =
        ConversationsPage { layout, slug, query: name, is_archived, threads, next_page, is_first };
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
    let (port, user) = (&*current_user.ports().deletions, current_user.identity.id());
    for thread in selected_threads(&current_user, &workspace, &form).await? {
        let item = Deletable::Thread(thread.id);
        deletions::delete(port, &item, user, &current_user.by()).await?;
    }
    Ok(response::redirect_with_notice(&address(&workspace), "conversations-deleted"))
}

/// Archives the selected conversations.
pub async fn archive(
    current_user: CurrentUser<role::Any>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let (workspace, _) = set_archived(&current_user, &slug, form, true).await?;
    Ok(response::redirect_with_notice(&address(&workspace), "conversations-archived"))
}

/// Unarchives the selected conversations, and opens a single one.
pub async fn unarchive(
    current_user: CurrentUser<role::Any>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let (workspace, threads) = set_archived(&current_user, &slug, form, false).await?;
    let address = match threads.as_slice() {
        [thread] => format!("/w/{}/t/{}", workspace.slug, thread.slug),
        _ => address(&workspace),
    };
    Ok(response::redirect_with_notice(&address, "conversations-unarchived"))
}

/// Archives or unarchives the selected conversations.
async fn set_archived(
    current_user: &CurrentUser<role::Any>,
    slug: &str,
    form: PageForm,
    is_archived: bool,
) -> Result<(Workspace, Vec<Thread>), PageError> {
    let workspace = current_user.workspace(slug).await?;
    let threads = selected_threads(current_user, &workspace, &form.read().await?).await?;
    let port = &*current_user.ports().threads;
    threads::archive(port, &threads, is_archived, &current_user.by()).await?;
    Ok((workspace, threads))
}

/// Returns the selected conversations. At least one is required, and all must be the user's.
async fn selected_threads(
    current_user: &CurrentUser<role::Any>,
    workspace: &Workspace,
    form: &Fields,
) -> Result<Vec<Thread>, PageError> {
    let mut threads = Vec::new();
    for slug in form.all("thread").take(PAGE_SIZE) {
        let thread = threads::by_slug(&*current_user.ports().threads, workspace, slug).await?;
        if thread.user != current_user.identity.id() {
            return Err(Error::not_found("thread", slug).into());
        }
        threads.push(thread);
    }
    match threads.is_empty() {
        true => Err(Error::invalid("conversations", "must be selected first").into()),
        false => Ok(threads),
    }
}

fn address(workspace: &Workspace) -> String {
    format!("/w/{}/conversations", workspace.slug)
}
