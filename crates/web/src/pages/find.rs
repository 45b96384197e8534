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
const BRIEF: u32 = 5;
const WHOLE: u32 = 30;
/// Most workspaces in which a member's documents are searched.
const WORKSPACES: usize = 12;
/// Longest query, in characters.
const LONGEST: usize = 200;

struct FoundGroup {
    title: &'static str,
    items: Vec<FoundItem>,
}

struct FoundItem {
    address: String,
    icon: &'static str,
    name: String,
    /// The place of the result.
    within: String,
    /// The text of the exchange, with the matches.
    said: Vec<SnippetPart>,
}

#[derive(Template)]
#[template(path = "find.html")]
struct FindPage {
    layout: PageLayout,
    query: String,
    groups: Vec<FoundGroup>,
}

#[derive(Template)]
#[template(path = "part/found.html")]
struct FoundPart {
    query: String,
    groups: Vec<FoundGroup>,
}

pub async fn show(current_user: CurrentUser<role::Any>) -> PageResult {
    let asked = Fields::of_query(&current_user.request);
    let query: String = asked.text("q").chars().take(LONGEST).collect();
    let is_palette = is_fragment(current_user.request.headers());
    let layout = current_user.layout(t("find.title"), Section::Search).await?;
    let groups =
        groups(&current_user, &layout, &query, if is_palette { BRIEF } else { WHOLE }).await?;
    match is_palette {
        true => response::page(&current_user.request, &FoundPart { query, groups }),
        false => response::page(&current_user.request, &FindPage { layout, query, groups }),
    }
}

async fn groups(
    current_user: &CurrentUser<role::Any>,
    layout: &PageLayout,
    query: &str,
    limit: u32,
) -> Result<Vec<FoundGroup>, PageError> {
    let workspaces = current_user.workspaces().await?;
    let sought = ChatSearchQuery {
        user: current_user.identity.id(),
        workspaces: workspaces.iter().map(|workspace| workspace.id).collect(),
        text: query.to_owned(),
        offset: 0,
        limit,
    };
    let ports = current_user.ports();
    let threads = ports.chat_search.threads(&sought).await?;
    let threads = threads.into_iter().filter_map(|found| thread(found, &workspaces)).collect();
    let mut groups = vec![
        FoundGroup { title: t("find.pages"), items: pages(layout, query, limit) },
        FoundGroup { title: t("find.workspaces"), items: named(&workspaces, query, limit) },
        FoundGroup { title: t("find.conversations"), items: threads },
    ];
    if !query.is_empty() {
        let said = ports.chat_search.find(&sought).await?;
        let said = said.into_iter().filter_map(|found| exchange(found, &workspaces, query));
        groups.push(FoundGroup { title: t("find.said"), items: said.collect() });
        let items = documents(current_user, layout, &workspaces, query, limit).await?;
        groups.push(FoundGroup { title: t("find.documents"), items });
    }
    groups.retain(|group| !group.items.is_empty());
    Ok(groups)
}

fn item(address: String, icon: &'static str, name: &str, within: &str) -> FoundItem {
    FoundItem { address, icon, name: name.to_owned(), within: within.to_owned(), said: Vec::new() }
}

/// Returns the pages and actions that match by name.
fn pages(layout: &PageLayout, query: &str, limit: u32) -> Vec<FoundItem> {
    let mut all = vec![("/", "home", t("layout.home"))];
    if layout.is_manager {
        all.push(("/documents", "documents", t("library.title")));
        all.push(("/workspaces/new", "plus", t("home.new")));
    }
    all.push(("/search", "sliders", t("search.title")));
    all.push(("/account", "person", t("account.title")));
    all.push(("/account/bin", "trash", t("bin.title")));
    if layout.is_admin {
        for group in layout.groups() {
            all.extend(
                group.pages.into_iter().map(|page| (page.address, page.icon, t(page.title))),
            );
        }
    }
    let query = query.to_lowercase();
    let found = all.into_iter().filter(|(_, _, name)| name.to_lowercase().contains(&query));
    let found = found.map(|(address, icon, name)| item(address.to_owned(), icon, name, ""));
    found.take(limit as usize).collect()
}

fn named(workspaces: &[Workspace], query: &str, limit: u32) -> Vec<FoundItem> {
    let query = query.to_lowercase();
    let found =
        workspaces.iter().filter(|known| known.settings.name.to_lowercase().contains(&query));
    let shown =
        |known: &Workspace| item(format!("/w/{}", known.slug), "desk", &known.settings.name, "");
    found.map(shown).take(limit as usize).collect()
}

fn thread(found: FoundThread, workspaces: &[Workspace]) -> Option<FoundItem> {
    let within = workspaces.iter().find(|known| known.id == found.workspace)?;
    let address = format!("/w/{}/t/{}", within.slug, found.slug);
    Some(item(address, "thread", &found.name, &within.settings.name))
}

fn exchange(found: FoundChat, workspaces: &[Workspace], query: &str) -> Option<FoundItem> {
    let FoundChat { chat, thread } = found;
    let within = workspaces.iter().find(|known| known.id == chat.conversation.workspace)?;
    let answer = record::text_of(&chat.response).unwrap_or_default();
    let (_, answer) = reasoning::split(&answer);
    let base = match &thread {
        Some((slug, _)) => format!("/w/{}/t/{slug}", within.slug),
        None => format!("/w/{}", within.slug),
    };
    let within = within.settings.name.as_str();
    Some(FoundItem {
        address: format!("{base}?earlier=1#turn-{}", chat.id),
        icon: "thread",
        said: snippet::of_either(&markdown::plain(answer), &chat.prompt, query),
        name: chat.prompt.lines().next().unwrap_or_default().chars().take(120).collect(),
        within: thread.map_or_else(|| within.to_owned(), |(_, name)| format!("{within} · {name}")),
    })
}

async fn documents(
    current_user: &CurrentUser<role::Any>,
    layout: &PageLayout,
    workspaces: &[Workspace],
    query: &str,
    limit: u32,
) -> Result<Vec<FoundItem>, PageError> {
    let list = &current_user.ports().document_list;
    let title = query.to_owned();
    if layout.is_manager {
        let query = DocumentQuery { scope: DocumentScope::Everything, title };
        let found = list.list(&query, 0, limit).await?.items;
        let shown = |document: DocumentSummary| {
            item(text_address(&document.path), "documents", &document.title, document.path.folder())
        };
        return Ok(found.into_iter().map(shown).collect());
    }
    let mut items = Vec::new();
    for workspace in workspaces.iter().take(WORKSPACES) {
        let scope = DocumentScope::Workspace(workspace.id);
        let query = DocumentQuery { scope, title: title.clone() };
        for document in list.list(&query, 0, limit).await?.items {
            let at = segment(&document.path.to_string());
            let address = format!("/w/{}/source?in={at}", workspace.slug);
            items.push(item(address, "documents", &document.title, &workspace.settings.name));
        }
    }
    items.truncate(limit as usize);
    Ok(items)
}
