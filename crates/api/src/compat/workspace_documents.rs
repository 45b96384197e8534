//! `POST /api/v1/workspace/{slug}/update-embeddings`.
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, post};
use carrel_domain::DocumentPath;
use carrel_services::Ports;
use carrel_services::library::Failures;

use super::error::error_body::Plain;
use super::{JsonBody, names};
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse};
use crate::read::Params;
use crate::v1::workspace_documents::update_documents;
use crate::v1::workspace_documents::wire::{Update, UpdateBegun, UpdateEmbeddings, UpdateQuery};
use crate::v1::workspaces::wire::EmbeddingsUpdated;

/// Add documents to a workspace, or remove them from it.
///
/// Names of documents that do not exist are listed in `failedToEmbed`.
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
) -> ApiResult<HttpResponse, Plain> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let query = params.read()?;
    let update = read(body.read().await?);
    Ok(update_documents(&ports, &caller, workspace, update, query, names::placed).await?)
}

/// Reads the update. A malformed path is treated like an unknown one.
// quirk(unknown-names)
fn read(body: UpdateEmbeddings) -> Update {
    let UpdateEmbeddings { adds, deletes, later } = body;
    let (mut paths, mut refusals) = (Vec::with_capacity(adds.len()), Failures::new());
    for text in adds {
        match DocumentPath::parse(&text) {
            Ok(path) => paths.push(path),
            Err(error) => refusals.push((text, error.to_string())),
        }
    }
    let deletes = deletes.iter().filter_map(|text| DocumentPath::parse(text).ok()).collect();
    Update { adds: paths, deletes, refused: refusals, later }
}
