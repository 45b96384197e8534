//! The documents of a workspace: listing, adding and removing them.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::DocumentPath;
use carrel_domain::document_list::{DocumentQuery, DocumentScope, DocumentSummary};
use carrel_domain::workspace::Workspace;
use carrel_services::pins;
use chrono::{DateTime, Utc};

use super::documents::add;
use super::documents::change::selected_paths;
use super::job;
use crate::http::form::{Fields, PageForm};
use crate::http::response::{self, PageResult, segment};
use crate::http::upload::FileForm;
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::pagination::{Pagination, fetch_page};

/// A document in a list.
struct DocumentRow {
    title: String,
    location: String,
    /// Address of the page with its text.
    address: String,
    words: i32,
    /// Number of warnings about parts of its file that were not read.
    warnings: usize,
    is_pinned: bool,
    added_at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "workspace_documents.html")]
struct WorkspaceDocumentsPage {
    layout: PageLayout,
    slug: String,
    name: String,
    query: String,
    rows: Vec<DocumentRow>,
    pagination: Pagination,
    jobs: Vec<job::JobView>,
    is_manager: bool,
    /// Address of this page.
    page_address: String,
}

pub async fn list(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let parameters = Fields::of_query(&current_user.request);
    let query = parameters.text("q").to_owned();
    let document_query =
        DocumentQuery { scope: DocumentScope::Workspace(workspace.id), title: query.clone() };
    let fields = [("q", query.as_str())];
    let (documents, pagination) =
        fetch_page(&*current_user.ports().document_list, &document_query, &parameters, &fields)
            .await?;
    let slug = workspace.slug.to_string();
    let rows = documents.items.into_iter().map(|document| row(document, &slug)).collect();
    let name = workspace.settings.name;
    let layout = current_user.layout_in(&name, Section::Workspace, Some(&slug)).await?;
    let is_manager = layout.is_manager;
    let jobs = match is_manager {
        true => job::notable_jobs(&current_user.site, Some(workspace.id), current_user.now).await?,
        false => Vec::new(),
    };
    let page_address = format!("/w/{slug}/documents{}{}", pagination.base, pagination.page);
    let page = WorkspaceDocumentsPage {
        layout,
        slug,
        name,
        query,
        rows,
        pagination,
        jobs,
        is_manager,
        page_address,
    };
    response::page(&current_user.request, &page)
}

fn row(document: DocumentSummary, slug: &str) -> DocumentRow {
    let (location, words) = (document.path.to_string(), document.estimated_words());
    DocumentRow {
        address: format!("/w/{slug}/source?in={}", segment(&location)),
        location,
        title: document.title,
        words,
        warnings: document.warnings.iter().count(),
        is_pinned: document.is_pinned,
        added_at: document.added_at,
    }
}

/// Adds files, each completely or not at all. A job indexes them.
pub async fn upload(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    upload: FileForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let (files, fields) = upload.read().await?;
    let return_address = documents_address(&workspace);
    add::ingest(&current_user, files, &fields, Some(workspace), None, &return_address).await
}

/// Adds a pasted text.
pub async fn paste(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let return_address = documents_address(&workspace);
    add::add_text(&current_user, &form.read().await?, None, vec![workspace], &return_address).await
}

/// Adds the page at a link.
pub async fn link(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let return_address = documents_address(&workspace);
    add::add_link(&current_user, &form.read().await?, None, vec![workspace], &return_address).await
}

fn documents_address(workspace: &Workspace) -> String {
    format!("/w/{}/documents", workspace.slug)
}

/// Removes documents from the workspace. They stay in the library.
pub async fn withdraw(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let paths = selected_paths(&form.read().await?)?;
    current_user.ports().library.withdraw(&workspace, &paths, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&documents_address(&workspace), "withdrawn"))
}

/// Pins or unpins a document.
pub async fn pin(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let form = form.read().await?;
    let path = DocumentPath::parse(form.text("path"))?;
    let is_pinned = form.text("pinned") == "1";
    pins::pin(&*current_user.ports().pins, &workspace, &path, is_pinned, &current_user.by())
        .await?;
    Ok(response::redirect_with_notice(&documents_address(&workspace), "saved"))
}
