//! Pinning documents, which includes them in full with every question of the workspace.
use carrel_domain::audit::By;
use carrel_domain::pin::Pins;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Result};
use serde_json::json;

/// Pins or unpins a document of a workspace. [`Error::NotFound`] if the document is not in the
/// workspace.
pub async fn pin(
    pins: &dyn Pins,
    workspace: &Workspace,
    path: &DocumentPath,
    pinned: bool,
    by: &By,
) -> Result<()> {
    let name = if pinned { "api_document_pinned" } else { "api_document_unpinned" };
    let details = json!({ "workspaceName": workspace.settings.name, "location": path.to_string() });
    match pins.pin(workspace.id, path, pinned, by.event(name, details.to_string())).await? {
        true => Ok(()),
        false => Err(Error::not_found("document", path)),
    }
}
