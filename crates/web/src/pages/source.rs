//! The reader: a document of a workspace, with the passage and the sentence that an answer cites.
use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;
use carrel_domain::document::Document;
use carrel_domain::document_list::words_from_tokens;
use carrel_domain::library::Passage;
use carrel_domain::text_kind::TextKind;
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, ChunkId, DocumentPath};
use carrel_services::provenance::ProvenanceFields;
use carrel_services::record;
use chrono::{DateTime, Utc};

use super::documents::web_link;
use super::exchange;
use super::original::{self, PageView};
use crate::http::form::Fields;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::evidence::{self, Excerpt, ShownPassage};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::provenance;
use crate::view::sources::{self, Cited, Standing};
use crate::view::texts::t;

/// Text shown on either side of a passage, in bytes.
const AROUND: usize = 60_000;

#[derive(Template)]
#[template(path = "source.html")]
struct SourcePage {
    layout: PageLayout,
    title: String,
    /// Position of the passage in the original.
    place: Option<String>,
    about: Option<About>,
    /// HTML: the text before the passage, the passage, and the text after it.
    shown: ShownPassage,
    /// True if there is more text than is shown.
    is_cut: bool,
    /// Why the passage is not shown in its document, if it is not.
    gone: Option<&'static str>,
    /// Address of the answer that cites it.
    back: String,
    number: Option<usize>,
    before: Option<String>,
    after: Option<String>,
    /// A page of the original beside the text.
    page_view: Option<PageView>,
}

/// Facts about the document.
struct About {
    source: String,
    words: i32,
    since: DateTime<Utc>,
    /// Address of the original: the kept file, or a web page.
    original: Option<String>,
}

/// The answer that cites the passage.
struct Answered {
    id: i64,
    text: String,
    sources: Vec<Cited>,
    number: usize,
    /// The title and the passage as stored with the answer.
    title: String,
    passage: String,
}

pub async fn show(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let asked = Fields::of_query(&current_user.request);
    let path = DocumentPath::parse(asked.text("in"))?;
    let layout =
        current_user.layout_in("", Section::Workspace, Some(workspace.slug.as_str())).await?;
    let back = layout.conversation(workspace.slug.as_str());
    let answered = answered(&current_user, &workspace, &asked, &back).await?;
    let found = document(&current_user, &workspace, &path).await?;
    let passage = passage(&current_user, &workspace, &path, &asked).await?;
    let (title, range) = match (&found, &answered) {
        (Some((document, text)), _) => {
            (document.title.clone(), passage.as_ref().and_then(|of| range(of, text)))
        }
        (None, Some(answered)) => (answered.title.clone(), None),
        (None, None) => return Err(gone()),
    };
    let is_missing = !asked.text("passage").is_empty() && range.is_none();
    let gone = match found.is_some() {
        true => is_missing.then(|| t("source.gone")),
        false => Some(t("source.removed")),
    };
    let (excerpt, is_cut) = excerpt(found.as_ref(), range, answered.as_ref(), &path);
    let cites = answered.as_ref().map(|answered| (answered.text.clone(), answered.number));
    let shown = current_user.site.renderer.run(move || evidence::show(&excerpt, cites)).await?;
    let neighbour = |step: isize| {
        let answered = answered.as_ref()?;
        let at = (answered.number - 1).checked_add_signed(step)?;
        answered.sources.get(at)?.address.clone()
    };
    let place = passage.as_ref().map(ProvenanceFields::of);
    let kept = match &found {
        Some((document, _)) => {
            original::address(current_user.ports(), &workspace, document).await?
        }
        None => None,
    };
    let page_view = found.as_ref().filter(|_| kept.is_some()).and_then(|found| {
        original::view(&workspace, found, &asked, place.as_ref().and_then(|of| of.page))
    });
    let page = SourcePage {
        page_view,
        layout: PageLayout { title: title.clone(), ..layout },
        title,
        place: place.as_ref().and_then(provenance::words),
        about: found.map(|(document, _)| about(document, kept)),
        shown,
        is_cut,
        gone,
        back: match &answered {
            Some(answered) => format!("{back}?earlier=1#turn-{}", answered.id),
            None => back,
        },
        number: answered.as_ref().map(|answered| answered.number),
        before: neighbour(-1),
        after: neighbour(1),
    };
    response::page(&current_user.request, &page)
}

/// Readers do not know paths of documents, so the message contains none.
fn gone() -> PageError {
    let (heading, words) = (t("error.missing"), t("source.nowhere"));
    PageError::Told { status: StatusCode::NOT_FOUND, heading, words }
}

fn about(document: Document, kept: Option<String>) -> About {
    let link = || document.chunk_source.strip_prefix("link://").and_then(web_link);
    About {
        original: kept.or_else(link),
        source: provenance::origin(document.source),
        words: document.words.max(words_from_tokens(document.tokens)),
        since: document.created_at,
    }
}

/// Returns the document and its text, if it is in the workspace.
async fn document(
    current_user: &CurrentUser<role::Any>,
    workspace: &Workspace,
    path: &DocumentPath,
) -> Result<Option<(Document, String)>, PageError> {
    let ports = current_user.ports();
    let Some(document) = ports.library.documents.by_path(path).await? else { return Ok(None) };
    if !ports.document_list.workspaces_of(document.id).await?.contains(&workspace.id) {
        return Ok(None);
    }
    let text = ports.library.files.text(path).await?;
    Ok(text.map(|text| (document, text)))
}

/// Returns the requested passage, if it still exists.
async fn passage(
    current_user: &CurrentUser<role::Any>,
    workspace: &Workspace,
    path: &DocumentPath,
    asked: &Fields,
) -> Result<Option<Passage>, PageError> {
    let Ok(chunk) = asked.text("passage").parse() else { return Ok(None) };
    let known = &current_user.ports().workspace_documents;
    let found = known.passages(workspace.id, &[ChunkId(chunk)]).await?;
    Ok(found.into_iter().next().filter(|found| found.document.path == *path))
}

/// Returns the byte range of a passage in the text.
fn range(passage: &Passage, text: &str) -> Option<(usize, usize)> {
    let words = passage.text.trim();
    let stands = passage.span.and_then(|span| span.byte_range(text));
    // Rows of a split table follow a copy of its header.
    let stands = stands.filter(|at| words.ends_with(&text[at.clone()]));
    let found = || text.find(words).map(|start| start..start + words.len());
    stands.or_else(found).map(|at| (at.start, at.end))
}

/// Returns the part of the text to show, with the passage, and whether there is more; the stored
/// passage if the document was deleted.
fn excerpt(
    found: Option<&(Document, String)>,
    place: Option<(usize, usize)>,
    answered: Option<&Answered>,
    path: &DocumentPath,
) -> (Excerpt, bool) {
    let kind = TextKind::of(path);
    let Some((_, text)) = found else {
        let text = answered.map(|answered| answered.passage.clone()).unwrap_or_default();
        return (Excerpt { passage: 0..text.len(), text, kind, ..Excerpt::default() }, false);
    };
    let (start, end) = place.unwrap_or((0, 0));
    let from = text.floor_char_boundary(start.saturating_sub(AROUND));
    let to = text.ceil_char_boundary(end.saturating_add(AROUND).min(text.len()));
    // Whole lines, so that no row of a table is cut.
    let from = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let header = if from > 0 { text.lines().next().unwrap_or_default() } else { "" };
    let excerpt = Excerpt {
        text: text[from..to].to_owned(),
        passage: start - from..end - from,
        kind,
        header: header.to_owned(),
    };
    (excerpt, from > 0 || to < text.len())
}

/// Returns the visitor's own answer that cites the passage, if the address names one.
async fn answered(
    current_user: &CurrentUser<role::Any>,
    workspace: &Workspace,
    asked: &Fields,
    base: &str,
) -> Result<Option<Answered>, PageError> {
    let (Ok(id), Ok(number)) = (asked.text("turn").parse(), asked.text("source").parse::<usize>())
    else {
        return Ok(None);
    };
    let Ok(chat) = exchange::own(current_user, workspace, ChatId(id)).await else {
        return Ok(None);
    };
    let stored = record::read(&chat.response).unwrap_or_default();
    let at = Standing { workspace, base, id: Some(id), is_public: false };
    let source = number.checked_sub(1).and_then(|at| stored.sources.get(at));
    let source = source.filter(|source| source.location.as_deref() == Some(asked.text("in")));
    Ok(source.map(|source| Answered {
        id,
        title: source.title.clone(),
        passage: source.text.clone(),
        sources: sources::cited_by(&stored, at),
        number,
        text: stored.text.clone(),
    }))
}
