//! Bulk actions in the library: add to and remove from workspaces, move, delete; and folders.
use carrel_domain::document_list::{DocumentQuery, DocumentScope};
use carrel_domain::folder::DocumentMove;
use carrel_domain::{DocumentPath, Error, Folder, Result};
use carrel_services::library::MovePolicy;

use super::folder_address;
use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::pagination::query;

/// Applies the action of the pressed button to the selected documents.
pub async fn change(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let paths = ticked(&form)?;
    let (ports, by) = (current_user.ports(), current_user.by());
    let done = match form.text("do") {
        "place" => {
            let workspace = current_user.workspace(&chosen(&form, "workspace")?).await?;
            let job = ports.workers.embed_later(&workspace, paths, &by).await?;
            return Ok(response::see(&format!("/jobs/{}", job.id.0)));
        }
        "withdraw" => {
            let workspace = current_user.workspace(&chosen(&form, "workspace")?).await?;
            ports.library.withdraw(&workspace, &paths, &by).await?;
            "withdrawn"
        }
        "move" => {
            let folder = Folder::parse(&chosen(&form, "to")?)?;
            let to = |from: DocumentPath| DocumentMove { to: from.moved_to(&folder), from };
            let moves = paths.into_iter().map(to).collect();
            ports.library.move_documents(moves, MovePolicy::Move, &by).await?;
            "moved"
        }
        "delete" => {
            ports.library.remove(paths, &by).await?;
            "deleted"
        }
        _ => return Err(Error::invalid("do", "is unknown").into()),
    };
    Ok(response::done(&back(&form), done))
}

/// Returns the selected documents. At least one is required.
pub fn ticked(form: &Fields) -> Result<Vec<DocumentPath>> {
    let paths: Result<Vec<_>> = form.all("path").map(DocumentPath::parse).collect();
    let paths = paths?;
    match paths.is_empty() {
        true => Err(Error::invalid("documents", "must be selected first")),
        false => Ok(paths),
    }
}

/// Returns the value selected from a list, as sent.
fn chosen(form: &Fields, name: &'static str) -> Result<String, PageError> {
    let chosen = Some(form.raw(name)).filter(|chosen| !chosen.is_empty());
    let what = if name == "to" { "folder" } else { name };
    Ok(chosen.ok_or_else(|| Error::invalid(what, "must be chosen first"))?.to_owned())
}

/// Returns the address of the list that a form was sent from.
fn back(form: &Fields) -> String {
    let fields =
        [("folder", form.raw("folder")), ("q", form.text("q")), ("page", form.text("page"))];
    format!("/documents?{}", query(&fields).trim_end_matches('&'))
}

pub async fn make_folder(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let folder = Folder::parse(form.text("name"))?;
    current_user.ports().library.create_folder(&folder, &current_user.by()).await?;
    Ok(response::done(&folder_address(folder.as_str()), "created"))
}

/// Renames a folder: its documents move to a new one, all or none, and stay in their workspaces.
pub async fn rename_folder(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let (from, to) = (Folder::parse(form.raw("name"))?, Folder::parse(form.text("to"))?);
    if from.is_default() {
        return Err(Error::invalid("name", "this folder cannot be renamed").into());
    }
    let (ports, by) = (current_user.ports(), current_user.by());
    let count = ports.library.folders.documents_in(&from).await?;
    let count = count.ok_or_else(|| PageError::missing("folder", from.as_str()))?;
    let query = DocumentQuery { scope: DocumentScope::Folder(from.clone()), title: String::new() };
    let limit = u32::try_from(count).unwrap_or(u32::MAX);
    let documents = ports.document_list.list(&query, 0, limit).await?.items;
    ports.library.create_folder(&to, &by).await?;
    let moves = documents
        .into_iter()
        .map(|document| DocumentMove { to: document.path.moved_to(&to), from: document.path })
        .collect();
    if let Err(error) = ports.library.move_documents(moves, MovePolicy::Move, &by).await {
        // Nothing has moved, so the new folder is still empty.
        ports.library.remove_folder(to, &by).await?;
        return Err(error.into());
    }
    // What was added meanwhile keeps the old folder.
    if ports.library.folders.documents_in(&from).await? == Some(0) {
        ports.library.remove_folder(from, &by).await?;
    }
    Ok(response::done(&folder_address(to.as_str()), "saved"))
}

/// Deletes a folder with its documents, after confirmation.
pub async fn remove_folder(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let folder = Folder::parse(form.raw("name"))?;
    if !form.has("sure") {
        return Err(Error::invalid("sure", "must be selected first").into());
    }
    let removed =
        current_user.ports().library.remove_folder(folder.clone(), &current_user.by()).await?;
    removed.ok_or_else(|| PageError::missing("folder", folder.as_str()))?;
    Ok(response::done("/documents", "deleted"))
}
