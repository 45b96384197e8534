//! The library: all documents of the server, with search, upload and organization.
pub(super) mod adding;
pub(super) mod change;
mod text;

pub use text::web_link;

use std::collections::HashMap;

use actix_web::web::{ServiceConfig, get, post, resource};
use askama::Template;
use carrel_domain::document_list::{DocumentQuery, DocumentScope, DocumentSummary};
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Folder, WorkspaceId};
use chrono::{DateTime, Utc};

use super::{job, original};
use crate::http::form::Fields;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult, segment};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::pagination::{Pagination, fetch_page, query};
use crate::view::texts::t;

/// Folders per page.
const FOLDERS: u32 = 100;
/// Workspaces of a document that are listed by name.
const NAMED: usize = 2;

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/documents").get(all).post(change::change))
        .route("/documents/text", get().to(text::show))
        .route("/documents/original", get().to(original::open_any))
        .route("/documents/upload", post().to(adding::upload))
        .route("/documents/paste", post().to(adding::paste))
        .route("/documents/link", post().to(adding::link))
        .route("/documents/folders", post().to(change::make_folder))
        .route("/documents/folders/rename", post().to(change::rename_folder))
        .route("/documents/folders/remove", post().to(change::remove_folder));
}

/// A workspace that contains, or could contain, a document.
#[derive(Clone)]
struct Place {
    name: String,
    slug: String,
}

struct Row {
    title: String,
    location: String,
    /// Address of the page with its text.
    address: String,
    folder: String,
    folder_address: String,
    words: i32,
    /// Number of warnings about parts of its file that were not read.
    warnings: usize,
    since: DateTime<Utc>,
    places: Vec<Place>,
    /// Number of further workspaces.
    more: usize,
}

struct FolderRow {
    name: String,
    address: String,
    count: u64,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "documents.html")]
struct Library {
    layout: PageLayout,
    query: String,
    /// The open folder; empty for all.
    folder: String,
    is_removable: bool,
    /// Address of this page.
    here: String,
    rows: Vec<Row>,
    paging: Pagination,
    folders: Vec<FolderRow>,
    /// Addresses of the previous and next pages of folders.
    folders_before: Option<String>,
    folders_after: Option<String>,
    places: Vec<Place>,
    jobs: Vec<job::JobView>,
}

/// Returns the address of the page with a document's text.
pub fn text_address(path: &DocumentPath) -> String {
    format!("/documents/text?in={}", segment(&path.to_string()))
}

fn folder_address(name: &str) -> String {
    format!("/documents?folder={}", segment(name))
}

async fn all(current_user: CurrentUser<role::Manager>) -> PageResult {
    let asked = Fields::of_query(&current_user.request);
    let (query, folder) = (asked.text("q").to_owned(), asked.raw("folder").to_owned());
    let among = among(&current_user, &folder).await?;
    let fields = [("folder", folder.as_str()), ("q", query.as_str())];
    let sought = DocumentQuery { scope: among, title: query.clone() };
    let (shelf, paging) =
        fetch_page(&*current_user.ports().document_list, &sought, &asked, &fields).await?;
    let workspaces = current_user.workspaces().await?;
    let known: HashMap<_, _> = workspaces.iter().map(|known| (known.id, place(known))).collect();
    let rows = shelf.items.into_iter().map(|document| row(document, &known)).collect();
    let listed = folders(&current_user, &asked, &folder).await?;
    let jobs = job::told_of(&current_user.site, None, current_user.at).await?;
    let here = format!("/documents{}{}", paging.base, paging.page);
    let page = Library {
        layout: current_user.layout(t("library.title"), Section::Documents).await?,
        is_removable: !folder.is_empty() && !Folder::parse(&folder)?.is_default(),
        places: workspaces.iter().map(place).collect(),
        query,
        folder,
        here,
        rows,
        paging,
        folders: listed.rows,
        folders_before: listed.before,
        folders_after: listed.after,
        jobs,
    };
    response::page(&current_user.request, &page)
}

/// Returns the selection of all documents, or of those in an existing folder.
async fn among(
    current_user: &CurrentUser<role::Manager>,
    folder: &str,
) -> Result<DocumentScope, PageError> {
    if folder.is_empty() {
        return Ok(DocumentScope::Everything);
    }
    let parsed = Folder::parse(folder)?;
    let found = current_user.ports().library.folders.documents_in(&parsed).await?;
    found.map(|_| DocumentScope::Folder(parsed)).ok_or_else(|| PageError::missing("folder", folder))
}

fn place(workspace: &Workspace) -> Place {
    Place { name: workspace.settings.name.clone(), slug: workspace.slug.to_string() }
}

fn row(document: DocumentSummary, known: &HashMap<WorkspaceId, Place>) -> Row {
    let mut places: Vec<_> =
        document.workspaces.iter().filter_map(|place| known.get(place)).cloned().collect();
    let more = places.len().saturating_sub(NAMED);
    places.truncate(NAMED);
    let words = document.estimated_words();
    Row {
        address: text_address(&document.path),
        folder: document.path.folder().to_owned(),
        folder_address: folder_address(document.path.folder()),
        location: document.path.to_string(),
        title: document.title,
        words,
        warnings: document.warnings.iter().count(),
        since: document.added_at,
        places,
        more,
    }
}

/// A page of the list of folders.
struct Folders {
    rows: Vec<FolderRow>,
    before: Option<String>,
    after: Option<String>,
}

async fn folders(
    current_user: &CurrentUser<role::Manager>,
    asked: &Fields,
    current: &str,
) -> Result<Folders, PageError> {
    let page = asked.number::<u32>("folders").ok().flatten().unwrap_or(1).max(1);
    let offset = u64::from(page - 1) * u64::from(FOLDERS);
    let mut found = current_user.ports().document_list.counted_folders(offset, FOLDERS + 1).await?;
    let has_more = found.len() > FOLDERS as usize;
    found.truncate(FOLDERS as usize);
    let row = |(folder, count): (Folder, u64)| FolderRow {
        address: folder_address(folder.as_str()),
        is_current: folder.as_str() == current,
        name: folder.to_string(),
        count,
    };
    let at = |page: u32| format!("?{}folders={page}", query(&[("folder", current)]));
    Ok(Folders {
        rows: found.into_iter().map(row).collect(),
        before: (page > 1).then(|| at(page - 1)),
        after: has_more.then(|| at(page.saturating_add(1))),
    })
}
