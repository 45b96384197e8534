//! Documents of a workspace: what is in it, putting in, taking out.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::DocumentPath;
use carrel_domain::document_list::{DocumentQuery, DocumentScope, DocumentSummary};
use carrel_domain::workspace::Workspace;
use carrel_services::pins;
use chrono::{DateTime, Utc};

use super::documents::adding;
use super::documents::change::ticked;
use super::job;
use crate::filters;
use crate::form::{Fields, Form};
use crate::frame::{Frame, Section};
use crate::paging::{Paging, fetch_page};
use crate::refusal::Refusal;
use crate::reply::{self, Answer, segment};
use crate::upload::Upload;
use crate::visit::{Manager, Reader, Visit};

/// A document in a list.
struct Row {
    title: String,
    location: String,
    /// Where its text is shown.
    address: String,
    words: i32,
    is_pinned: bool,
    since: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "workspace_documents.html")]
struct ShelfPage {
    frame: Frame,
    slug: String,
    name: String,
    query: String,
    rows: Vec<Row>,
    paging: Paging,
    jobs: Vec<job::JobView>,
    is_manager: bool,
    /// This page as it is listed now.
    here: String,
}

pub async fn shelf(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let asked = Fields::of_query(&visit.request);
    let query = asked.text("q").to_owned();
    let sought =
        DocumentQuery { scope: DocumentScope::Workspace(workspace.id), title: query.clone() };
    let fields = [("q", query.as_str())];
    let (found, paging) =
        fetch_page(&*visit.ports().document_list, &sought, &asked, &fields).await?;
    let slug = workspace.slug.to_string();
    let rows = found.items.into_iter().map(|document| row(document, &slug)).collect();
    let name = workspace.settings.name;
    let frame = visit.frame_in(&name, Section::Workspace, Some(&slug)).await?;
    let is_manager = frame.is_manager;
    let jobs = match is_manager {
        true => job::told_of(&visit.site, Some(workspace.id), visit.at).await?,
        false => Vec::new(),
    };
    let here = format!("/w/{slug}/documents{}{}", paging.base, paging.page);
    let page = ShelfPage { frame, slug, name, query, rows, paging, jobs, is_manager, here };
    reply::page(&visit.request, &page)
}

fn row(document: DocumentSummary, slug: &str) -> Row {
    let location = document.path.to_string();
    Row {
        address: format!("/w/{slug}/source?in={}", segment(&location)),
        location,
        title: document.title,
        words: document.words,
        is_pinned: document.is_pinned,
        since: document.added_at,
    }
}

/// Takes files in, each whole or not at all; a job places them.
pub async fn upload(visit: Visit<Manager>, slug: Path<String>, upload: Upload) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let (files, fields) = upload.read().await?;
    let back = shelf_address(&workspace);
    adding::ingest(&visit, files, &fields, Some(workspace), None, &back).await
}

/// Takes in text that was pasted.
pub async fn paste(visit: Visit<Manager>, slug: Path<String>, form: Form) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let back = shelf_address(&workspace);
    adding::add_text(&visit, &form.read().await?, None, vec![workspace], &back).await
}

/// Takes in what a link leads to.
pub async fn link(visit: Visit<Manager>, slug: Path<String>, form: Form) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let back = shelf_address(&workspace);
    adding::add_link(&visit, &form.read().await?, None, vec![workspace], &back).await
}

fn shelf_address(workspace: &Workspace) -> String {
    format!("/w/{}/documents", workspace.slug)
}

/// Takes documents out of the workspace; they stay in the library.
pub async fn withdraw(visit: Visit<Manager>, slug: Path<String>, form: Form) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let paths = ticked(&form.read().await?)?;
    visit.ports().library.withdraw(&workspace, &paths, &visit.by()).await?;
    Ok(reply::done(&shelf_address(&workspace), "withdrawn"))
}

/// Has a document go whole into every question, or takes that back.
pub async fn pin(visit: Visit<Manager>, slug: Path<String>, form: Form) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let form = form.read().await?;
    let path = DocumentPath::parse(form.text("path"))?;
    let pinned = form.text("pinned") == "1";
    pins::pin(&*visit.ports().pins, &workspace, &path, pinned, &visit.by()).await?;
    Ok(reply::done(&shelf_address(&workspace), "saved"))
}

/// A document's text, cut where the passage is.
#[derive(Template)]
#[template(path = "source.html")]
struct Source {
    frame: Frame,
    slug: String,
    name: String,
    title: String,
    source: String,
    words: i32,
    since: DateTime<Utc>,
    before: String,
    passage: String,
    after: String,
    /// Whether there is more text than is shown.
    is_cut: bool,
    /// Whether a passage was asked for that is not there any more.
    is_gone: bool,
}

/// How much of a text is shown on either side of a passage, in bytes.
const AROUND: usize = 100_000;

pub async fn source(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let ports = visit.ports();
    let asked = Fields::of_query(&visit.request);
    let path = DocumentPath::parse(asked.text("in"))?;
    let missing = || Refusal::missing("document", asked.text("in"));
    let document = ports.library.documents.by_path(&path).await?.ok_or_else(missing)?;
    if !ports.document_list.workspaces_of(document.id).await?.contains(&workspace.id) {
        return Err(missing());
    }
    let text = ports.library.files.text(&path).await?.ok_or_else(missing)?;
    let passage = match asked.text("passage").parse() {
        Ok(chunk) => {
            let chunks = [carrel_domain::ChunkId(chunk)];
            let found = ports.workspace_documents.passages(workspace.id, &chunks).await?;
            found.into_iter().next().filter(|found| found.document.path == path)
        }
        Err(_) => None,
    };
    let at = passage.as_ref().and_then(|passage| {
        let words = passage.text.trim();
        let stands = passage.span.and_then(|span| span.within(&text));
        let stands = stands.filter(|at| text[at.clone()] == *words).map(|at| at.start);
        let start = stands.or_else(|| text.find(words))?;
        Some((start, start + words.len()))
    });
    let is_gone = !asked.text("passage").is_empty() && at.is_none();
    let (start, end) = at.unwrap_or((0, 0));
    let from = text.floor_char_boundary(start.saturating_sub(AROUND));
    let to = text.ceil_char_boundary(end.saturating_add(AROUND).min(text.len()));
    let page = Source {
        frame: visit
            .frame_in(&document.title, Section::Workspace, Some(workspace.slug.as_str()))
            .await?,
        slug: workspace.slug.to_string(),
        name: workspace.settings.name,
        title: document.title,
        source: document.source,
        words: document.words,
        since: document.created_at,
        before: text[from..start].to_owned(),
        passage: text[start..end].to_owned(),
        after: text[end..to].to_owned(),
        is_cut: from > 0 || to < text.len(),
        is_gone,
    };
    reply::page(&visit.request, &page)
}
