//! The library: all documents of the server, with search, upload and organization.
pub(super) mod add;
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
const FOLDERS_PER_PAGE: u32 = 100;
/// Maximum number of a document's workspaces that are listed by name.
const MAX_NAMED_WORKSPACES: usize = 2;

pub fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/documents").get(list).post(change::change))
        .route("/documents/text", get().to(text::show))
        .route("/documents/original", get().to(original::open_any))
        .route("/documents/upload", post().to(add::upload))
        .route("/documents/paste", post().to(add::paste))
        .route("/documents/link", post().to(add::link))
        .route("/documents/folders", post().to(change::make_folder))
        .route("/documents/folders/rename", post().to(change::rename_folder))
        .route("/documents/folders/remove", post().to(change::remove_folder));
}

/// A workspace that contains, or could contain, a document.
#[derive(Clone)]
struct WorkspaceLink {
    name: String,
    slug: String,
}

struct DocumentRow {
    title: String,
    location: String,
    /// Address of the page with its text.
    address: String,
    folder: String,
    folder_address: String,
    words: i32,
    /// Number of warnings about parts of its file that were not read.
    warnings: usize,
    added_at: DateTime<Utc>,
    workspaces: Vec<WorkspaceLink>,
    /// Number of further workspaces.
    more_workspaces: usize,
}

struct FolderRow {
    name: String,
    address: String,
    count: u64,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "documents.html")]
struct LibraryPage {
    layout: PageLayout,
    query: String,
    /// The open folder; empty for all.
    folder: String,
    is_removable: bool,
    /// Address of this page.
    page_address: String,
    rows: Vec<DocumentRow>,
    pagination: Pagination,
    folders: Vec<FolderRow>,
    /// Addresses of the previous and next pages of folders.
    previous_folders: Option<String>,
    next_folders: Option<String>,
    workspaces: Vec<WorkspaceLink>,
    jobs: Vec<job::JobView>,
}

/// Returns the address of the page with a document's text.
pub fn text_address(path: &DocumentPath) -> String {
    format!("/documents/text?in={}", segment(&path.to_string()))
}

fn folder_address(name: &str) -> String {
    format!("/documents?folder={}", segment(name))
}

async fn list(current_user: CurrentUser<role::Manager>) -> PageResult {
    let parameters = Fields::of_query(&current_user.request);
    let (query, folder) = (parameters.text("q").to_owned(), parameters.raw("folder").to_owned());
    let scope = document_scope(&current_user, &folder).await?;
    let fields = [("folder", folder.as_str()), ("q", query.as_str())];
    let document_query = DocumentQuery { scope, title: query.clone() };
    let (documents, pagination) =
        fetch_page(&*current_user.ports().document_list, &document_query, &parameters, &fields)
            .await?;
    let workspaces = current_user.workspaces().await?;
    let links: HashMap<_, _> =
        workspaces.iter().map(|workspace| (workspace.id, workspace_link(workspace))).collect();
    let rows = documents.items.into_iter().map(|document| row(document, &links)).collect();
    let folder_page = folders(&current_user, &parameters, &folder).await?;
    let jobs = job::notable_jobs(&current_user.site, None, current_user.now).await?;
    let page_address = format!("/documents{}{}", pagination.base, pagination.page);
    let page = LibraryPage {
        layout: current_user.layout(t("library.title"), Section::Documents).await?,
        is_removable: !folder.is_empty() && !Folder::parse(&folder)?.is_default(),
        workspaces: workspaces.iter().map(workspace_link).collect(),
        query,
        folder,
        page_address,
        rows,
        pagination,
        folders: folder_page.rows,
        previous_folders: folder_page.previous,
        next_folders: folder_page.next,
        jobs,
    };
    response::page(&current_user.request, &page)
}

/// Returns the scope of all documents, or of those in an existing folder.
async fn document_scope(
    current_user: &CurrentUser<role::Manager>,
    folder: &str,
) -> Result<DocumentScope, PageError> {
    if folder.is_empty() {
        return Ok(DocumentScope::Everything);
    }
    let folder_name = Folder::parse(folder)?;
    let found = current_user.ports().library.folders.documents_in(&folder_name).await?;
    found
        .map(|_| DocumentScope::Folder(folder_name))
        .ok_or_else(|| PageError::not_found("folder", folder))
}

fn workspace_link(workspace: &Workspace) -> WorkspaceLink {
    WorkspaceLink { name: workspace.settings.name.clone(), slug: workspace.slug.to_string() }
}

fn row(document: DocumentSummary, links: &HashMap<WorkspaceId, WorkspaceLink>) -> DocumentRow {
    let mut workspaces: Vec<_> =
        document.workspaces.iter().filter_map(|id| links.get(id)).cloned().collect();
    let more_workspaces = workspaces.len().saturating_sub(MAX_NAMED_WORKSPACES);
    workspaces.truncate(MAX_NAMED_WORKSPACES);
    let words = document.estimated_words();
    DocumentRow {
        address: text_address(&document.path),
        folder: document.path.folder().to_owned(),
        folder_address: folder_address(document.path.folder()),
        location: document.path.to_string(),
        title: document.title,
        words,
        warnings: document.warnings.iter().count(),
        added_at: document.added_at,
        workspaces,
        more_workspaces,
    }
}

/// A page of the list of folders.
struct Folders {
    rows: Vec<FolderRow>,
    previous: Option<String>,
    next: Option<String>,
}

async fn folders(
    current_user: &CurrentUser<role::Manager>,
    parameters: &Fields,
    current: &str,
) -> Result<Folders, PageError> {
    let page = parameters.number::<u32>("folders").ok().flatten().unwrap_or(1).max(1);
    let offset = u64::from(page - 1) * u64::from(FOLDERS_PER_PAGE);
    let mut found =
        current_user.ports().document_list.counted_folders(offset, FOLDERS_PER_PAGE + 1).await?;
    let has_more = found.len() > FOLDERS_PER_PAGE as usize;
    found.truncate(FOLDERS_PER_PAGE as usize);
    let row = |(folder, count): (Folder, u64)| FolderRow {
        address: folder_address(folder.as_str()),
        is_current: folder.as_str() == current,
        name: folder.to_string(),
        count,
    };
    let page_address = |page: u32| format!("?{}folders={page}", query(&[("folder", current)]));
    Ok(Folders {
        rows: found.into_iter().map(row).collect(),
        previous: (page > 1).then(|| page_address(page - 1)),
        next: has_more.then(|| page_address(page.saturating_add(1))),
    })
}
