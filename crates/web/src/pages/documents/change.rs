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
    let paths = selected_paths(&form)?;
    let (ports, by) = (current_user.ports(), current_user.by());
    let notice = match form.text("do") {
        "place" => {
            let workspace = current_user.workspace(&selected_value(&form, "workspace")?).await?;
            let job = ports.workers.embed_later(&workspace, paths, &by).await?;
            return Ok(response::redirect_to(&format!("/jobs/{}", job.id.0)));
        }
        "withdraw" => {
            let workspace = current_user.workspace(&selected_value(&form, "workspace")?).await?;
            ports.library.withdraw(&workspace, &paths, &by).await?;
            "withdrawn"
        }
        "move" => {
            let folder = Folder::parse(&selected_value(&form, "to")?)?;
            let document_move =
                |path: DocumentPath| DocumentMove { to: path.moved_to(&folder), from: path };
            let moves = paths.into_iter().map(document_move).collect();
            ports.library.move_documents(moves, MovePolicy::Move, &by).await?;
            "moved"
        }
        "delete" => {
            ports.library.remove(paths, &by).await?;
            "deleted"
        }
        _ => return Err(Error::invalid("do", "is unknown").into()),
    };
    Ok(response::redirect_with_notice(&list_address(&form), notice))
}

/// Returns the selected documents. At least one is required.
pub fn selected_paths(form: &Fields) -> Result<Vec<DocumentPath>> {
    let paths: Result<Vec<_>> = form.all("path").map(DocumentPath::parse).collect();
    let paths = paths?;
    match paths.is_empty() {
        true => Err(Error::invalid("documents", "must be selected first")),
        false => Ok(paths),
    }
}

/// Returns the value selected from a list, unchanged.
fn selected_value(form: &Fields, name: &'static str) -> Result<String, PageError> {
    let value = Some(form.raw(name)).filter(|value| !value.is_empty());
    let field = if name == "to" { "folder" } else { name };
    Ok(value.ok_or_else(|| Error::invalid(field, "must be chosen first"))?.to_owned())
}

/// Returns the address of the list that contains the form.
fn list_address(form: &Fields) -> String {
    let fields =
        [("folder", form.raw("folder")), ("q", form.text("q")), ("page", form.text("page"))];
    format!("/documents?{}", query(&fields).trim_end_matches('&'))
}

pub async fn make_folder(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let folder = Folder::parse(form.text("name"))?;
    current_user.ports().library.create_folder(&folder, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&folder_address(folder.as_str()), "created"))
}

/// Renames a folder: its documents move to a new one, all or none, and stay in their workspaces.
pub async fn rename_folder(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let (old_folder, new_folder) =
        (Folder::parse(form.raw("name"))?, Folder::parse(form.text("to"))?);
    if old_folder.is_default() {
        return Err(Error::invalid("name", "this folder cannot be renamed").into());
    }
    let (ports, by) = (current_user.ports(), current_user.by());
    let count = ports.library.folders.documents_in(&old_folder).await?;
    let count = count.ok_or_else(|| PageError::not_found("folder", old_folder.as_str()))?;
    let query =
        DocumentQuery { scope: DocumentScope::Folder(old_folder.clone()), title: String::new() };
    let limit = u32::try_from(count).unwrap_or(u32::MAX);
    let documents = ports.document_list.list(&query, 0, limit).await?.items;
    ports.library.create_folder(&new_folder, &by).await?;
    let moves = documents
        .into_iter()
        .map(|document| DocumentMove {
            to: document.path.moved_to(&new_folder),
            from: document.path,
        })
        .collect();
    if let Err(error) = ports.library.move_documents(moves, MovePolicy::Move, &by).await {
        // Nothing has moved, so the new folder is still empty.
        ports.library.remove_folder(new_folder, &by).await?;
        return Err(error.into());
    }
    // Documents that were added meanwhile keep the old folder.
    if ports.library.folders.documents_in(&old_folder).await? == Some(0) {
        ports.library.remove_folder(old_folder, &by).await?;
    }
    Ok(response::redirect_with_notice(&folder_address(new_folder.as_str()), "saved"))
}

/// Deletes a folder with its documents, after confirmation.
pub async fn remove_folder(current_user: CurrentUser<role::Manager>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let folder = Folder::parse(form.raw("name"))?;
    if !form.has("sure") {
        return Err(Error::invalid("sure", "must be selected first").into());
    }
    let removal =
        current_user.ports().library.remove_folder(folder.clone(), &current_user.by()).await?;
    removal.ok_or_else(|| PageError::not_found("folder", folder.as_str()))?;
    Ok(response::redirect_with_notice("/documents", "deleted"))
}
