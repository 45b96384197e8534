//! `/find`: search of pages, workspaces, conversations, documents and the user's own exchanges. It
//! has a page of its own, and the command palette of every page shows the same results.
use askama::Template;
use carrel_domain::chat_search::{ChatSearchQuery, FoundChat, FoundThread};
use carrel_domain::document_list::{DocumentQuery, DocumentScope, DocumentSummary};
use carrel_domain::workspace::Workspace;
use carrel_services::{reasoning, record};

use super::documents::text_address;
use crate::http::form::Fields;
use crate::http::fragment::is_fragment;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult, segment};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::markdown;
use crate::view::snippet::{self, SnippetPart};
use crate::view::texts::t;

/// Results per kind in the palette, and on the page.
const PALETTE_RESULTS: u32 = 5;
const PAGE_RESULTS: u32 = 30;
/// Maximum number of workspaces in which a member's documents are searched.
const MAX_WORKSPACES: usize = 12;
/// Maximum length of a query, in characters.
const MAX_QUERY_LENGTH: usize = 200;

struct ResultGroup {
    title: &'static str,
    items: Vec<ResultItem>,
}

struct ResultItem {
    address: String,
    icon: &'static str,
    name: String,
    /// The workspace, thread or folder of the result.
    context: String,
    /// The text of the exchange around the matches.
    snippet: Vec<SnippetPart>,
}

#[derive(Template)]
#[template(path = "find.html")]
struct FindPage {
    layout: PageLayout,
    query: String,
    groups: Vec<ResultGroup>,
}

#[derive(Template)]
#[template(path = "part/search_results.html")]
struct ResultsPart {
    query: String,
    groups: Vec<ResultGroup>,
}

pub async fn show(current_user: CurrentUser<role::Any>) -> PageResult {
    let parameters = Fields::of_query(&current_user.request);
    let query: String = parameters.text("q").chars().take(MAX_QUERY_LENGTH).collect();
    let is_palette = is_fragment(current_user.request.headers());
    let layout = current_user.layout(t("find.title"), Section::Search).await?;
    let groups = groups(
        &current_user,
        &layout,
        &query,
        if is_palette { PALETTE_RESULTS } else { PAGE_RESULTS },
    )
    .await?;
    match is_palette {
        true => response::page(&current_user.request, &ResultsPart { query, groups }),
        false => response::page(&current_user.request, &FindPage { layout, query, groups }),
    }
}

async fn groups(
    current_user: &CurrentUser<role::Any>,
    layout: &PageLayout,
    query: &str,
    limit: u32,
) -> Result<Vec<ResultGroup>, PageError> {
    let workspaces = current_user.workspaces().await?;
    let chat_query = ChatSearchQuery {
        user: current_user.identity.id(),
        workspaces: workspaces.iter().map(|workspace| workspace.id).collect(),
        text: query.to_owned(),
        offset: 0,
        limit,
    };
    let ports = current_user.ports();
    let threads = ports.chat_search.threads(&chat_query).await?;
    let threads = threads.into_iter().filter_map(|found| thread_item(found, &workspaces)).collect();
    let mut groups = vec![
        ResultGroup { title: t("find.pages"), items: matching_pages(layout, query, limit) },
        ResultGroup {
            title: t("find.workspaces"),
            items: matching_workspaces(&workspaces, query, limit),
        },
        ResultGroup { title: t("find.conversations"), items: threads },
    ];
    if !query.is_empty() {
        let exchanges = ports.chat_search.find(&chat_query).await?;
        let exchange_items =
            exchanges.into_iter().filter_map(|found| exchange_item(found, &workspaces, query));
        groups.push(ResultGroup { title: t("find.said"), items: exchange_items.collect() });
        let items = matching_documents(current_user, layout, &workspaces, query, limit).await?;
        groups.push(ResultGroup { title: t("find.documents"), items });
    }
    groups.retain(|group| !group.items.is_empty());
    Ok(groups)
}

fn item(address: String, icon: &'static str, name: &str, context: &str) -> ResultItem {
    ResultItem {
        address,
        icon,
        name: name.to_owned(),
        context: context.to_owned(),
        snippet: Vec::new(),
    }
}

/// Returns the pages and actions that match by name.
fn matching_pages(layout: &PageLayout, query: &str, limit: u32) -> Vec<ResultItem> {
    let mut pages = vec![("/", "home", t("layout.home"))];
    if layout.is_manager {
        pages.push(("/documents", "documents", t("library.title")));
        pages.push(("/workspaces/new", "plus", t("home.new")));
    }
    pages.push(("/search", "sliders", t("search.title")));
    pages.push(("/account", "person", t("account.title")));
    pages.push(("/account/bin", "trash", t("bin.title")));
    if layout.is_admin {
        for group in layout.admin_groups() {
            pages.extend(
                group.pages.into_iter().map(|page| (page.address, page.icon, t(page.title))),
            );
        }
    }
    let query = query.to_lowercase();
    let found = pages.into_iter().filter(|(_, _, name)| name.to_lowercase().contains(&query));
    let found = found.map(|(address, icon, name)| item(address.to_owned(), icon, name, ""));
    found.take(limit as usize).collect()
}

fn matching_workspaces(workspaces: &[Workspace], query: &str, limit: u32) -> Vec<ResultItem> {
    let query = query.to_lowercase();
    let found = workspaces
        .iter()
        .filter(|workspace| workspace.settings.name.to_lowercase().contains(&query));
    let workspace_item = |workspace: &Workspace| {
        item(format!("/w/{}", workspace.slug), "desk", &workspace.settings.name, "")
    };
    found.map(workspace_item).take(limit as usize).collect()
}

fn thread_item(found: FoundThread, workspaces: &[Workspace]) -> Option<ResultItem> {
    let workspace = workspaces.iter().find(|workspace| workspace.id == found.workspace)?;
    let address = format!("/w/{}/t/{}", workspace.slug, found.slug);
    Some(item(address, "thread", &found.name, &workspace.settings.name))
}

fn exchange_item(found: FoundChat, workspaces: &[Workspace], query: &str) -> Option<ResultItem> {
    let FoundChat { chat, thread } = found;
    let workspace =
        workspaces.iter().find(|workspace| workspace.id == chat.conversation.workspace)?;
    let answer = record::text_of(&chat.response).unwrap_or_default();
    let (_, answer) = reasoning::split(&answer);
    let base = match &thread {
        Some((slug, _)) => format!("/w/{}/t/{slug}", workspace.slug),
        None => format!("/w/{}", workspace.slug),
    };
    let workspace_name = workspace.settings.name.as_str();
    Some(ResultItem {
        address: format!("{base}?earlier=1#turn-{}", chat.id),
        icon: "thread",
        snippet: snippet::first_match(&markdown::plain_text(answer), &chat.prompt, query),
        name: chat.prompt.lines().next().unwrap_or_default().chars().take(120).collect(),
        context: thread.map_or_else(
            || workspace_name.to_owned(),
            |(_, name)| format!("{workspace_name} · {name}"),
        ),
    })
}

async fn matching_documents(
    current_user: &CurrentUser<role::Any>,
    layout: &PageLayout,
    workspaces: &[Workspace],
    query: &str,
    limit: u32,
) -> Result<Vec<ResultItem>, PageError> {
    let list = &current_user.ports().document_list;
    let title = query.to_owned();
    if layout.is_manager {
        let query = DocumentQuery { scope: DocumentScope::Everything, title };
        let found = list.list(&query, 0, limit).await?.items;
        let document_item = |document: DocumentSummary| {
            item(text_address(&document.path), "documents", &document.title, document.path.folder())
        };
        return Ok(found.into_iter().map(document_item).collect());
    }
    let mut items = Vec::new();
    for workspace in workspaces.iter().take(MAX_WORKSPACES) {
        let scope = DocumentScope::Workspace(workspace.id);
        let query = DocumentQuery { scope, title: title.clone() };
        for document in list.list(&query, 0, limit).await?.items {
            let path = segment(&document.path.to_string());
            let address = format!("/w/{}/source?in={path}", workspace.slug);
            items.push(item(address, "documents", &document.title, &workspace.settings.name));
        }
    }
    items.truncate(limit as usize);
    Ok(items)
}
