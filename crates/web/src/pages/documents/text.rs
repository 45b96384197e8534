//! The extracted text of a document, and the workspaces that use it.
use askama::Template;
use carrel_domain::DocumentPath;
use carrel_domain::document_list::words_from_tokens;
use chrono::{DateTime, Utc};

use super::{WorkspaceLink, folder_address, workspace_link};
use crate::http::form::Fields;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult, segment};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::provenance;

/// Maximum number of displayed bytes of text.
const MAX_TEXT_BYTES: usize = 200_000;

#[derive(Template)]
#[template(path = "document_text.html")]
struct DocumentTextPage {
    layout: PageLayout,
    title: String,
    source: String,
    link: Option<String>,
    /// Address of the original, if it is stored.
    original: Option<String>,
    folder: String,
    folder_address: String,
    words: i32,
    /// Size in bytes.
    size: u64,
    created_at: DateTime<Utc>,
    location: String,
    workspaces: Vec<WorkspaceLink>,
    /// Workspaces that do not contain it.
    other_workspaces: Vec<WorkspaceLink>,
    /// Parts of its file that were not read.
    warnings: Vec<String>,
    text: String,
    is_truncated: bool,
}

pub async fn show(current_user: CurrentUser<role::Manager>) -> PageResult {
    let parameters = Fields::of_query(&current_user.request);
    let (ports, path) = (current_user.ports(), DocumentPath::parse(parameters.raw("in"))?);
    let not_found = || PageError::not_found("document", parameters.raw("in"));
    let document = ports.library.documents.by_path(&path).await?.ok_or_else(not_found)?;
    let mut text = ports.library.files.text(&path).await?.ok_or_else(not_found)?;
    let workspace_ids = ports.document_list.workspaces_of(document.id).await?;
    let workspaces = current_user.workspaces().await?;
    let (document_workspaces, other_workspaces): (Vec<_>, Vec<_>) =
        workspaces.iter().partition(|workspace| workspace_ids.contains(&workspace.id));
    let (size, is_truncated) = (text.len() as u64, text.len() > MAX_TEXT_BYTES);
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    let original = ports.library.originals.of(&document).await?;
    let page = DocumentTextPage {
        original: original
            .map(|_| format!("/documents/original?in={}", segment(&path.to_string()))),
        layout: current_user.layout(&document.title, Section::Documents).await?,
        link: document.chunk_source.strip_prefix("link://").and_then(web_link),
        folder: path.folder().to_owned(),
        folder_address: folder_address(path.folder()),
        location: path.to_string(),
        title: document.title,
        source: provenance::given_source(document.source),
        words: document.words.max(words_from_tokens(document.tokens)),
        created_at: document.created_at,
        workspaces: document_workspaces.into_iter().map(workspace_link).collect(),
        other_workspaces: other_workspaces.into_iter().map(workspace_link).collect(),
        warnings: document.warnings.iter().map(str::to_owned).collect(),
        size,
        text,
        is_truncated,
    };
    response::page(&current_user.request, &page)
}

/// Returns the URL of a document, if it came from the web.
pub fn web_link(link: &str) -> Option<String> {
    let url = url::Url::parse(link).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}
