//! The extracted text of a document, and the workspaces that use it.
use askama::Template;
use carrel_domain::DocumentPath;
use carrel_domain::document_list::words_from_tokens;
use chrono::{DateTime, Utc};

use super::{Place, folder_address, place};
use crate::http::form::Fields;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult, segment};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::provenance;

/// Most bytes of text that are shown.
const SHOWN: usize = 200_000;

#[derive(Template)]
#[template(path = "document_text.html")]
struct Text {
    layout: PageLayout,
    title: String,
    source: String,
    link: Option<String>,
    /// Address of the original, if it was kept.
    original: Option<String>,
    folder: String,
    folder_address: String,
    words: i32,
    /// Size in bytes.
    size: u64,
    since: DateTime<Utc>,
    location: String,
    places: Vec<Place>,
    /// Workspaces to which it could be added.
    others: Vec<Place>,
    /// Parts of its file that were not read.
    warnings: Vec<String>,
    text: String,
    is_cut: bool,
}

pub async fn show(current_user: CurrentUser<role::Manager>) -> PageResult {
    let asked = Fields::of_query(&current_user.request);
    let (ports, path) = (current_user.ports(), DocumentPath::parse(asked.raw("in"))?);
    let missing = || PageError::missing("document", asked.raw("in"));
    let document = ports.library.documents.by_path(&path).await?.ok_or_else(missing)?;
    let mut text = ports.library.files.text(&path).await?.ok_or_else(missing)?;
    let used = ports.document_list.workspaces_of(document.id).await?;
    let workspaces = current_user.workspaces().await?;
    let (places, others): (Vec<_>, Vec<_>) =
        workspaces.iter().partition(|known| used.contains(&known.id));
    let (size, is_cut) = (text.len() as u64, text.len() > SHOWN);
    text.truncate(text.floor_char_boundary(SHOWN));
    let kept = ports.library.originals.of(&document).await?;
    let page = Text {
        original: kept.map(|_| format!("/documents/original?in={}", segment(&path.to_string()))),
        layout: current_user.layout(&document.title, Section::Documents).await?,
        link: document.chunk_source.strip_prefix("link://").and_then(web_link),
        folder: path.folder().to_owned(),
        folder_address: folder_address(path.folder()),
        location: path.to_string(),
        title: document.title,
        source: provenance::origin(document.source),
        words: document.words.max(words_from_tokens(document.tokens)),
        since: document.created_at,
        places: places.into_iter().map(place).collect(),
        others: others.into_iter().map(place).collect(),
        warnings: document.warnings.iter().map(str::to_owned).collect(),
        size,
        text,
        is_cut,
    };
    response::page(&current_user.request, &page)
}

/// Returns the URL of a document, if it came from the web.
pub fn web_link(link: &str) -> Option<String> {
    let url = url::Url::parse(link).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}
