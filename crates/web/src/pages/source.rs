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
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::passage::{self, Excerpt, RenderedPassage};
use crate::view::provenance;
use crate::view::sources::{self, CitedSource, MessageContext};
use crate::view::texts::t;

/// Number of bytes of text on either side of a passage.
const CONTEXT_BYTES: usize = 60_000;

#[derive(Template)]
#[template(path = "source.html")]
struct SourcePage {
    layout: PageLayout,
    title: String,
    /// Position of the passage in the original.
    provenance: Option<String>,
    details: Option<DocumentDetails>,
    /// HTML: the text before the passage, the passage, and the text after it.
    rendered_passage: RenderedPassage,
    /// True if the page displays only a part of the text.
    is_truncated: bool,
    /// Why the page does not display the passage in its document, if so.
    notice: Option<&'static str>,
    /// Address of the answer that cites it.
    answer_address: String,
    number: Option<usize>,
    previous: Option<String>,
    next: Option<String>,
    /// A page of the original beside the text.
    page_view: Option<PageView>,
}

/// Facts about the document.
struct DocumentDetails {
    source: String,
    words: i32,
    created_at: DateTime<Utc>,
    /// Address of the original: the stored file, or a web page.
    original: Option<String>,
}

/// The answer that cites the passage.
struct CitingAnswer {
    id: i64,
    text: String,
    sources: Vec<CitedSource>,
    number: usize,
    /// The title and the passage as stored with the answer.
    title: String,
    passage: String,
}

pub async fn show(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let parameters = Fields::of_query(&current_user.request);
    let path = DocumentPath::parse(parameters.text("in"))?;
    let layout =
        current_user.layout_in("", Section::Workspace, Some(workspace.slug.as_str())).await?;
    let conversation_address = layout.conversation(workspace.slug.as_str());
    let answer =
        citing_answer(&current_user, &workspace, &parameters, &conversation_address).await?;
    let found = document(&current_user, &workspace, &path).await?;
    let passage = passage(&current_user, &workspace, &path, &parameters).await?;
    let (title, range) = match (&found, &answer) {
        (Some((document, text)), _) => {
            (document.title.clone(), passage.as_ref().and_then(|passage| range(passage, text)))
        }
        (None, Some(answer)) => (answer.title.clone(), None),
        (None, None) => return Err(missing_document()),
    };
    let is_missing = !parameters.text("passage").is_empty() && range.is_none();
    let notice = match found.is_some() {
        true => is_missing.then(|| t("source.gone")),
        false => Some(t("source.removed")),
    };
    let (excerpt, is_truncated) = excerpt(found.as_ref(), range, answer.as_ref(), &path);
    let citation = answer.as_ref().map(|answer| (answer.text.clone(), answer.number));
    let rendered_passage =
        current_user.site.renderer.run(move || passage::render(&excerpt, citation)).await?;
    let neighbour = |step: isize| {
        let answer = answer.as_ref()?;
        let index = (answer.number - 1).checked_add_signed(step)?;
        answer.sources.get(index)?.address.clone()
    };
    let provenance = passage.as_ref().map(ProvenanceFields::of);
    let original_address = match &found {
        Some((document, _)) => {
            original::address(current_user.ports(), &workspace, document).await?
        }
        None => None,
    };
    let page_view = found.as_ref().filter(|_| original_address.is_some()).and_then(|found| {
        original::view(
            &workspace,
            found,
            &parameters,
            provenance.as_ref().and_then(|fields| fields.page),
        )
    });
    let page = SourcePage {
        page_view,
        layout: PageLayout { title: title.clone(), ..layout },
        title,
        provenance: provenance.as_ref().and_then(provenance::summary),
        details: found.map(|(document, _)| document_details(document, original_address)),
        rendered_passage,
        is_truncated,
        notice,
        answer_address: match &answer {
            Some(answer) => format!("{conversation_address}?earlier=1#turn-{}", answer.id),
            None => conversation_address,
        },
        number: answer.as_ref().map(|answer| answer.number),
        previous: neighbour(-1),
        next: neighbour(1),
    };
    response::page(&current_user.request, &page)
}

/// Readers do not know paths of documents, so the message contains none.
fn missing_document() -> PageError {
    let (heading, message) = (t("error.missing"), t("source.nowhere"));
    PageError::Notice { status: StatusCode::NOT_FOUND, heading, message }
}

fn document_details(document: Document, original_address: Option<String>) -> DocumentDetails {
    let link = || document.chunk_source.strip_prefix("link://").and_then(web_link);
    DocumentDetails {
        original: original_address.or_else(link),
        source: provenance::given_source(document.source),
        words: document.words.max(words_from_tokens(document.tokens)),
        created_at: document.created_at,
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
    parameters: &Fields,
) -> Result<Option<Passage>, PageError> {
    let Ok(chunk) = parameters.text("passage").parse() else { return Ok(None) };
    let workspace_documents = &current_user.ports().workspace_documents;
    let found = workspace_documents.passages(workspace.id, &[ChunkId(chunk)]).await?;
    Ok(found.into_iter().next().filter(|found| found.document.path == *path))
}

/// Returns the byte range of a passage in the text.
fn range(passage: &Passage, text: &str) -> Option<(usize, usize)> {
    let content = passage.text.trim();
    let stored_range = passage.span.and_then(|span| span.byte_range(text));
    // Rows of a split table follow a copy of its header.
    let stored_range = stored_range.filter(|range| content.ends_with(&text[range.clone()]));
    let search = || text.find(content).map(|start| start..start + content.len());
    stored_range.or_else(search).map(|range| (range.start, range.end))
}

/// Returns the displayed part of the text, with the passage, and whether there is more. If the
/// document was deleted, it is the stored passage.
fn excerpt(
    found: Option<&(Document, String)>,
    range: Option<(usize, usize)>,
    answer: Option<&CitingAnswer>,
    path: &DocumentPath,
) -> (Excerpt, bool) {
    let kind = TextKind::of(path);
    let Some((_, text)) = found else {
        let text = answer.map(|answer| answer.passage.clone()).unwrap_or_default();
        return (Excerpt { passage: 0..text.len(), text, kind, ..Excerpt::default() }, false);
    };
    let (start, end) = range.unwrap_or((0, 0));
    let excerpt_start = text.floor_char_boundary(start.saturating_sub(CONTEXT_BYTES));
    let excerpt_end = text.ceil_char_boundary(end.saturating_add(CONTEXT_BYTES).min(text.len()));
    // Starts at a line break, so that no row of a table is truncated.
    let excerpt_start = text[..excerpt_start].rfind('\n').map_or(0, |index| index + 1);
    let header = if excerpt_start > 0 { text.lines().next().unwrap_or_default() } else { "" };
    let excerpt = Excerpt {
        text: text[excerpt_start..excerpt_end].to_owned(),
        passage: start - excerpt_start..end - excerpt_start,
        kind,
        header: header.to_owned(),
    };
    (excerpt, excerpt_start > 0 || excerpt_end < text.len())
}

/// Returns the visitor's own answer that cites the passage, if the address names one.
async fn citing_answer(
    current_user: &CurrentUser<role::Any>,
    workspace: &Workspace,
    parameters: &Fields,
    base: &str,
) -> Result<Option<CitingAnswer>, PageError> {
    let (Ok(id), Ok(number)) =
        (parameters.text("turn").parse(), parameters.text("source").parse::<usize>())
    else {
        return Ok(None);
    };
    let Ok(chat) = exchange::own_exchange(current_user, workspace, ChatId(id)).await else {
        return Ok(None);
    };
    let stored = record::read(&chat.response).unwrap_or_default();
    let context = MessageContext { workspace, base, id: Some(id), is_public: false };
    let source = number.checked_sub(1).and_then(|index| stored.sources.get(index));
    let source = source.filter(|source| source.location.as_deref() == Some(parameters.text("in")));
    Ok(source.map(|source| CitingAnswer {
        id,
        title: source.title.clone(),
        passage: source.text.clone(),
        sources: sources::from_stored(&stored, context),
        number,
        text: stored.text.clone(),
    }))
}
