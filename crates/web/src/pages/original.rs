//! Originals: the uploaded file of a document, and pictures of its pages.
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use carrel_domain::document::Document;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Result};
use carrel_http::original;
use carrel_services::Ports;
use carrel_services::originals;

use crate::http::form::Fields;
use crate::http::page_error::PageError;
use crate::http::response::{PageResult, segment};
use crate::session::current_user::{CurrentUser, role};
use crate::view::pagination::query;
use crate::view::texts::t;

/// The character that ends each page in the text of a PDF file.
const PAGE_END: char = '\u{c}';

/// Query parameters of the reader that links to other pages preserve.
const READER_PARAMETERS: [&str; 5] = ["in", "passage", "turn", "source", "t"];

/// A page of the original beside the text of a document.
pub struct PageView {
    /// Address of the picture of the page.
    pub image: String,
    /// Page number as text.
    pub caption: String,
    /// Addresses of the reader at the previous and the next page.
    pub previous: Option<String>,
    pub next: Option<String>,
}

/// Serves the file of a document in a workspace.
pub async fn open(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let path = requested_path(&current_user.request)?;
    let document = document_in_workspace(current_user.ports(), &workspace, &path).await?;
    respond(&current_user, document).await
}

/// Serves the file of any document.
pub async fn open_any(current_user: CurrentUser<role::Manager>) -> PageResult {
    let path = requested_path(&current_user.request)?;
    let document = current_user.ports().library.documents.by_path(&path).await?;
    respond(&current_user, document).await
}

/// Serves the picture of a page of a document in a workspace.
pub async fn page(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let (ports, path) = (current_user.ports(), requested_path(&current_user.request)?);
    let document = document_in_workspace(ports, &workspace, &path).await?.ok_or_else(not_found)?;
    let number = Fields::of_query(&current_user.request).number::<u32>("page")?.unwrap_or(1);
    let owner = current_user.by().actor.to_text();
    let image = ports.library.originals.page(&document, number, &owner).await?;
    Ok(HttpResponse::Ok()
        .content_type("image/png")
        .insert_header((CACHE_CONTROL, "private, max-age=300"))
        .body(image.png))
}

/// Returns the address at which a member of a workspace opens the original of a document, if it is
/// stored.
pub async fn address(
    ports: &Ports,
    workspace: &Workspace,
    document: &Document,
) -> Result<Option<String>> {
    let original = ports.library.originals.of(document).await?;
    let location = segment(&document.path.to_string());
    Ok(original.map(|_| format!("/w/{}/original?in={location}", workspace.slug)))
}

/// Returns the page to show beside a text: the requested page, otherwise the cited page, otherwise
/// the first. Returns `None` if the document has no pages. The original must be stored.
pub fn view(
    workspace: &Workspace,
    (document, text): &(Document, String),
    parameters: &Fields,
    cited_page: Option<u32>,
) -> Option<PageView> {
    let page_count = u32::try_from(text.matches(PAGE_END).count()).ok()?;
    if !originals::has_pages(document) || page_count == 0 {
        return None;
    }
    let requested_page = parameters.number::<u32>("page").ok().flatten();
    let number = requested_page.or(cited_page).unwrap_or(1).clamp(1, page_count);
    let slug = &workspace.slug;
    let neighbour = |number: Option<u32>| {
        let number = number.filter(|number| (1..=page_count).contains(number))?.to_string();
        let reader_parameters: Vec<_> =
            READER_PARAMETERS.iter().map(|name| (*name, parameters.text(name))).collect();
        Some(format!("/w/{slug}/source?{}page={number}#page", query(&reader_parameters)))
    };
    let caption = t("source.page").replace("{page}", &number.to_string());
    Some(PageView {
        image: format!("/w/{slug}/page?in={}&page={number}", segment(&document.path.to_string())),
        caption: caption.replace("{pages}", &page_count.to_string()),
        previous: neighbour(number.checked_sub(1)),
        next: neighbour(number.checked_add(1)),
    })
}

fn requested_path(request: &HttpRequest) -> Result<DocumentPath, PageError> {
    Ok(DocumentPath::parse(Fields::of_query(request).text("in"))?)
}

async fn document_in_workspace(
    ports: &Ports,
    workspace: &Workspace,
    path: &DocumentPath,
) -> Result<Option<Document>> {
    let Some(document) = ports.library.documents.by_path(path).await? else { return Ok(None) };
    let workspaces = ports.document_list.workspaces_of(document.id).await?;
    Ok(workspaces.contains(&workspace.id).then_some(document))
}

fn not_found() -> PageError {
    Error::not_found("original", "of the document").into()
}

async fn respond<P>(current_user: &CurrentUser<P>, document: Option<Document>) -> PageResult {
    let (document, library) = (document.ok_or_else(not_found)?, &current_user.ports().library);
    let (_, file) = library.originals.open(&document).await?.ok_or_else(not_found)?;
    let name = originals::file_name(&document);
    Ok(original::respond(&current_user.request, file, name, &library.extractor.file_types())?)
}
