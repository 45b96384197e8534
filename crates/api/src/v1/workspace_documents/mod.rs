//! `POST /workspace/{slug}/update-embeddings`.
pub mod wire;

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use carrel_domain::library::WorkspaceDocument;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Result};
use carrel_services::Ports;
use carrel_services::library::Failures;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::{JsonBody, Params};
use crate::v1::workspaces::wire::{EmbeddingsUpdated, PlacedDocument};
use wire::{Update, UpdateBegun, UpdateEmbeddings, UpdateQuery};

/// Add documents to a workspace, or remove them from it.
///
/// Removals are carried out first. Each document is added on its own: `failedToEmbed` lists those
/// that failed, `errors` the reasons. A document that is in the workspace already is indexed again.
/// With `async` the response does not wait, but returns the job that adds the documents. A key that
/// is bound to workspaces can only add documents that are in one of these.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = UpdateEmbeddings,
    params(UpdateQuery),
    responses((status = 200, body = EmbeddingsUpdated),
        (status = 202, description = "The job was created.", body = UpdateBegun), ErrorResponse<Plain>))]
#[post("/workspace/{slug}/update-embeddings")]
pub async fn update_embeddings(
    caller: Authorized<scope::WorkspaceDocuments>,
    ports: Data<Ports>,
    slug: Path<String>,
    params: Params<UpdateQuery>,
    body: JsonBody<UpdateEmbeddings>,
) -> ApiResult<HttpResponse> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let query = params.read()?;
    let update = body.read().await?.read()?;
    Ok(update_documents(&ports, &caller, workspace, update, query, PlacedDocument::new).await?)
}

/// Converts a document of a workspace to its JSON form.
pub type PlacedOf = fn(WorkspaceDocument) -> PlacedDocument;

/// Removes documents, and adds others directly or by a job.
pub async fn update_documents<P>(
    ports: &Ports,
    caller: &Authorized<P>,
    workspace: Workspace,
    update: Update,
    query: UpdateQuery,
    to_response: PlacedOf,
) -> Result<HttpResponse> {
    let by = caller.by();
    let Update { adds, deletes, refused: mut failures, later } = update;
    let adds = existing_paths(ports, caller, adds, &mut failures).await?;
    ports.library.withdraw(&workspace, &deletes, &by).await?;
    if later || query.later {
        let job = ports.workers.embed_later(&workspace, adds, &by).await?;
        return Ok(HttpResponse::Accepted().json(UpdateBegun::new(job.into(), failures)));
    }
    failures.extend(ports.workers.embed(&workspace, adds, &by).await?);
    Ok(HttpResponse::Ok().json(updated(ports, workspace, failures, to_response).await?))
}

/// Returns the documents that the caller may add. A key that is bound to workspaces knows only the
/// documents in these; any other is reported as not found.
async fn existing_paths<P>(
    ports: &Ports,
    caller: &Authorized<P>,
    paths: Vec<DocumentPath>,
    failures: &mut Failures,
) -> Result<Vec<DocumentPath>> {
    let allowed = &caller.key.workspaces;
    if allowed.is_empty() || paths.is_empty() {
        return Ok(paths);
    }
    let existing = ports.workspace_documents.paths_in_workspaces(allowed, &paths).await?;
    let (existing, unknown) = paths.into_iter().partition(|path| existing.contains(path));
    let missing = |path: DocumentPath| {
        let reason = Error::not_found("document", &path).to_string();
        (path.to_string(), reason)
    };
    failures.extend(Vec::into_iter(unknown).map(missing));
    Ok(existing)
}

async fn updated(
    ports: &Ports,
    workspace: Workspace,
    failures: Failures,
    to_response: PlacedOf,
) -> Result<EmbeddingsUpdated> {
    let documents = ports.workspace_documents.in_workspace(workspace.id).await?;
    let documents = documents.into_iter().map(to_response).collect();
    let model = ports.models.chat(&workspace.settings.model());
    let window = model.ok().map(|model| model.name().window);
    Ok(EmbeddingsUpdated::new(workspace, documents, window, failures))
}
