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
struct Added {
    words: String,
}

/// Returns the folder that a form names, if any.
fn folder(form: &Fields) -> Result<Option<Folder>, PageError> {
    let folder = Some(form.raw("folder")).filter(|name| !name.is_empty());
    Ok(folder.map(Folder::parse).transpose()?)
}

/// Returns the address of the folder that something was added to.
fn back(folder: Option<&Folder>) -> String {
    folder.map_or_else(|| "/documents".to_owned(), |folder| folder_address(folder.as_str()))
}

/// Adds files, each completely or not at all.
pub async fn upload(current_user: CurrentUser<role::Manager>, upload: FileForm) -> PageResult {
    let (files, fields) = upload.read().await?;
    let into = match fields.text_or_none("workspace") {
        Some(slug) => Some(current_user.workspace(&slug).await?),
        None => None,
    };
    let folder = folder(&fields)?;
    let back = back(folder.as_ref());
    ingest(&current_user, files, &fields, into, folder, &back).await
}

/// Adds files and shows the job that indexes them: as a part if a script made the request,
/// otherwise as its page.
pub async fn ingest(
    current_user: &CurrentUser<role::Manager>,
    files: Vec<UploadedFile>,
    fields: &Fields,
    into: Option<Workspace>,
    folder: Option<Folder>,
    back: &str,
) -> PageResult {
    let along = fields.number("job").ok().flatten().map(JobId);
    let to = UploadTarget { into, folder, along };
    let result = ingest::ingest(current_user.site.clone(), files, to, current_user.by()).await?;
    let same = result.same();
    let job = result.or_refused()?;
    let is_script = is_fragment(current_user.request.headers());
    Ok(match job {
        Some(job) if is_script => {
            let job = job::view(&current_user.site, job).await?;
            response::page(&current_user.request, &JobPart { job })?
        }
        Some(job) => response::see(&format!("/jobs/{}", job.id.0)),
        None if is_script => {
            let said = |title: String| t("upload.same").replace("{title}", &title);
            let words = same.map_or_else(|| t("upload.added").to_owned(), said);
            response::page(&current_user.request, &Added { words })?
        }
        None => response::done(back, if same.is_some() { "same" } else { "added" }),
    })
}

/// Adds a pasted text.
pub async fn paste(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let folder = folder(&form)?;
    let back = back(folder.as_ref());
    add_text(&current_user, &form, folder, Vec::new(), &back).await
}

pub async fn add_text(
    current_user: &CurrentUser<role::Manager>,
    form: &Fields,
    folder: Option<Folder>,
    into: Vec<Workspace>,
    back: &str,
) -> Result<HttpResponse, PageError> {
    let title =
        form.text_or_none("title").ok_or_else(|| Error::invalid("title", "must not be empty"))?;
    let terms = Terms { folder, ..Terms::default() };
    let raw = RawText { title, text: form.raw("text").to_owned(), terms, ..RawText::default() };
    current_user
        .ports()
        .ingestion
        .add_text(raw, into, Indexing::Refuse, &current_user.by())
        .await?;
    Ok(response::done(back, "added"))
}

/// Adds the page at a link.
pub async fn link(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let folder = folder(&form)?;
    let back = back(folder.as_ref());
    add_link(&current_user, &form, folder, Vec::new(), &back).await
}

pub async fn add_link(
    current_user: &CurrentUser<role::Manager>,
    form: &Fields,
    folder: Option<Folder>,
    into: Vec<Workspace>,
    back: &str,
) -> PageResult {
    let link =
        form.text_or_none("link").ok_or_else(|| Error::invalid("link", "must not be empty"))?;
    let terms = Terms { folder, ..Terms::default() };
    let details = Details { terms, ..Details::default() };
    let request = LinkRequest { link, headers: Vec::new(), take_errors: false, details };
    current_user
        .ports()
        .ingestion
        .add_link(request, into, Indexing::Refuse, &current_user.by())
        .await?;
    Ok(response::done(back, "added"))
}
