//! Adds files, links and texts to the library, and optionally to a workspace.
use actix_web::HttpResponse;
use askama::Template;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Folder, JobId};
use carrel_services::ingestion::{Details, Indexing, LinkRequest, RawText, Terms};

use super::super::job::{self, JobPart};
use super::folder_address;
use crate::http::form::{Fields, PageForm};
use crate::http::fragment::is_fragment;
use crate::http::ingest::{self, UploadTarget};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::http::upload::{FileForm, UploadedFile};
use crate::session::current_user::{CurrentUser, role};
use crate::view::texts::t;

/// Tells a script that a file is in the library, without a job.
#[derive(Template)]
#[template(path = "part/added.html")]
struct AddedPart {
    message: String,
}

/// Returns the folder that a form names, if any.
fn folder(form: &Fields) -> Result<Option<Folder>, PageError> {
    let folder = Some(form.raw("folder")).filter(|name| !name.is_empty());
    Ok(folder.map(Folder::parse).transpose()?)
}

/// Returns the address of the folder of the new documents.
fn return_address(folder: Option<&Folder>) -> String {
    folder.map_or_else(|| "/documents".to_owned(), |folder| folder_address(folder.as_str()))
}

/// Adds files, each completely or not at all.
pub async fn upload(current_user: CurrentUser<role::Manager>, upload: FileForm) -> PageResult {
    let (files, fields) = upload.read().await?;
    let workspace = match fields.text_or_none("workspace") {
        Some(slug) => Some(current_user.workspace(&slug).await?),
        None => None,
    };
    let folder = folder(&fields)?;
    let return_address = return_address(folder.as_ref());
    ingest(&current_user, files, &fields, workspace, folder, &return_address).await
}

/// Adds files and shows the job that indexes them: as a part if a script made the request,
/// otherwise as its page.
pub async fn ingest(
    current_user: &CurrentUser<role::Manager>,
    files: Vec<UploadedFile>,
    fields: &Fields,
    workspace: Option<Workspace>,
    folder: Option<Folder>,
    return_address: &str,
) -> PageResult {
    let existing_job = fields.number("job").ok().flatten().map(JobId);
    let target = UploadTarget { workspace, folder, existing_job };
    let result =
        ingest::ingest(current_user.site.clone(), files, target, current_user.by()).await?;
    let duplicate_title = result.duplicate_title();
    let job = result.into_job()?;
    let is_script = is_fragment(current_user.request.headers());
    Ok(match job {
        Some(job) if is_script => {
            let job = job::view(&current_user.site, job).await?;
            response::page(&current_user.request, &JobPart { job })?
        }
        Some(job) => response::redirect_to(&format!("/jobs/{}", job.id.0)),
        None if is_script => {
            let duplicate_message = |title: String| t("upload.same").replace("{title}", &title);
            let message =
                duplicate_title.map_or_else(|| t("upload.added").to_owned(), duplicate_message);
            response::page(&current_user.request, &AddedPart { message })?
        }
        None => response::redirect_with_notice(
            return_address,
            if duplicate_title.is_some() { "same" } else { "added" },
        ),
    })
}

/// Adds a pasted text.
pub async fn paste(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let folder = folder(&form)?;
    let return_address = return_address(folder.as_ref());
    add_text(&current_user, &form, folder, Vec::new(), &return_address).await
}

pub async fn add_text(
    current_user: &CurrentUser<role::Manager>,
    form: &Fields,
    folder: Option<Folder>,
    workspaces: Vec<Workspace>,
    return_address: &str,
) -> Result<HttpResponse, PageError> {
    let title =
        form.text_or_none("title").ok_or_else(|| Error::invalid("title", "must not be empty"))?;
    let terms = Terms { folder, ..Terms::default() };
    let raw_text =
        RawText { title, text: form.raw("text").to_owned(), terms, ..RawText::default() };
    current_user
        .ports()
        .ingestion
        .add_text(raw_text, workspaces, Indexing::Refuse, &current_user.by())
        .await?;
    Ok(response::redirect_with_notice(return_address, "added"))
}

/// Adds the page at a link.
pub async fn link(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let folder = folder(&form)?;
    let return_address = return_address(folder.as_ref());
    add_link(&current_user, &form, folder, Vec::new(), &return_address).await
}

pub async fn add_link(
    current_user: &CurrentUser<role::Manager>,
    form: &Fields,
    folder: Option<Folder>,
    workspaces: Vec<Workspace>,
    return_address: &str,
) -> PageResult {
    let link =
        form.text_or_none("link").ok_or_else(|| Error::invalid("link", "must not be empty"))?;
    let terms = Terms { folder, ..Terms::default() };
    let details = Details { terms, ..Details::default() };
    let request = LinkRequest { link, headers: Vec::new(), take_errors: false, details };
    current_user
        .ports()
        .ingestion
        .add_link(request, workspaces, Indexing::Refuse, &current_user.by())
        .await?;
    Ok(response::redirect_with_notice(return_address, "added"))
}
