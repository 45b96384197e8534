//! Documents of a workspace: what is in it, putting in, taking out.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::library::WorkspaceDocument;
use carrel_domain::{DocumentPath, Error};
use carrel_services::library::{RawText, Unembedded};
use carrel_services::pins;
use chrono::{DateTime, Utc};

use crate::filters;
use crate::form::{Fields, Form};
use crate::frame::{Frame, Section};
use crate::refusal::Refusal;
use crate::reply::{self, Answer, segment};
use crate::upload::Upload;
use crate::visit::{Manager, Reader, Visit};

/// How many documents a page shows.
const PAGE: usize = 50;

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
struct Shelf {
    frame: Frame,
    slug: String,
    name: String,
    query: String,
    rows: Vec<Row>,
    /// How many there are that the query finds.
    found: usize,
    /// Counted from 1.
    page: usize,
    pages: usize,
    is_manager: bool,
}

pub async fn shelf(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let asked = Fields::of_query(&visit.request);
    let query = asked.text("q").to_owned();
    let sought = query.to_lowercase();
    let mut placed = visit.ports().placements.in_workspace(workspace.id).await?;
    placed.retain(|placed| placed.document.title.to_lowercase().contains(&sought));
    placed.reverse();
    let (found, pages) = (placed.len(), placed.len().div_ceil(PAGE).max(1));
    let page = asked.number("page").ok().flatten().unwrap_or(1).clamp(1, pages);
    let slug = workspace.slug.to_string();
    let name = workspace.settings.name;
    let rows = placed.into_iter().skip((page - 1) * PAGE).take(PAGE);
    let rows = rows.map(|placed| row(placed, &slug)).collect();
    let frame = visit.frame_in(&name, Section::Workspace, Some(&slug)).await?;
    let is_manager = frame.is_manager;
    let shelf = Shelf { frame, slug, name, query, rows, found, page, pages, is_manager };
    reply::page(&visit.request, &shelf)
}

fn row(placed: WorkspaceDocument, slug: &str) -> Row {
    let location = placed.document.path.to_string();
    Row {
        address: format!("/w/{slug}/source?in={}", segment(&location)),
        location,
        title: placed.document.title,
        words: placed.document.words,
        is_pinned: placed.pinned,
        since: placed.created_at,
    }
}

/// Takes files in, each whole or not at all.
pub async fn upload(visit: Visit<Manager>, slug: Path<String>, upload: Upload) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let (files, _) = upload.read().await?;
    if files.is_empty() {
        return Err(Error::invalid("file", "must be chosen first").into());
    }
    for file in files {
        let (into, by) = (vec![workspace.clone()], visit.by());
        let library = &visit.ports().library;
        library
            .add_file(file.incoming(), Default::default(), into, Unembedded::Refuse, &by)
            .await
            .map_err(|error| explained(&file.name, error))?;
    }
    Ok(reply::done(&format!("/w/{}/documents", workspace.slug), "added"))
}

/// Which of several files it was.
fn explained(name: &str, error: Error) -> Error {
    match error {
        Error::Unprocessable { reason } => Error::unprocessable(format!("{name}: {reason}")),
        other => other,
    }
}

/// Takes in text that was pasted.
pub async fn paste(visit: Visit<Manager>, slug: Path<String>, form: Form) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let form = form.read().await?;
    let title = form.given("title").ok_or_else(|| Error::invalid("title", "must not be empty"))?;
    let raw = RawText { title, text: form.raw("text").to_owned(), ..RawText::default() };
    let library = &visit.ports().library;
    library.add_text(raw, vec![workspace.clone()], Unembedded::Refuse, &visit.by()).await?;
    Ok(reply::done(&format!("/w/{}/documents", workspace.slug), "added"))
}

/// Takes documents out of the workspace; they stay in the library.
pub async fn withdraw(visit: Visit<Manager>, slug: Path<String>, form: Form) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let form = form.read().await?;
    let paths: Result<Vec<_>, _> = form.all("path").map(DocumentPath::parse).collect();
    visit.ports().library.withdraw(&workspace, &paths?, &visit.by()).await?;
    Ok(reply::done(&format!("/w/{}/documents", workspace.slug), "withdrawn"))
}

/// Has a document go whole into every question, or takes that back.
pub async fn pin(visit: Visit<Manager>, slug: Path<String>, form: Form) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let form = form.read().await?;
    let path = DocumentPath::parse(form.text("path"))?;
    let pinned = form.text("pinned") == "1";
    pins::pin(&*visit.ports().pins, &workspace, &path, pinned, &visit.by()).await?;
    Ok(reply::done(&format!("/w/{}/documents", workspace.slug), "saved"))
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
    let placed = ports.placements.in_workspace(workspace.id).await?;
    let placed = placed.into_iter().find(|placed| placed.document.path == path);
    let placed = placed.ok_or_else(|| Refusal::missing("document", asked.text("in")))?;
    let text = ports.library.files.text(&path).await?;
    let text = text.ok_or_else(|| Refusal::missing("document", asked.text("in")))?;
    let passage = match asked.text("passage").parse() {
        Ok(chunk) => {
            let chunks = [carrel_domain::ChunkId(chunk)];
            let found = ports.placements.passages(workspace.id, &chunks).await?;
            found.into_iter().next().filter(|found| found.document.path == path)
        }
        Err(_) => None,
    };
    let at = passage.as_ref().and_then(|passage| {
        let passage = passage.text.trim();
        text.find(passage).map(|start| (start, start + passage.len()))
    });
    let is_gone = !asked.text("passage").is_empty() && at.is_none();
    let (start, end) = at.unwrap_or((0, 0));
    let from = text.floor_char_boundary(start.saturating_sub(AROUND));
    let to = text.ceil_char_boundary(end.saturating_add(AROUND).min(text.len()));
    let document = placed.document;
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
