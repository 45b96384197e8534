//! `POST /workspace/{slug}/update-embeddings`
use actix_web::post;
use actix_web::web::{Data, Json, Path};
use carrel_domain::library::Placements;
use carrel_domain::model::Models;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{DocumentPath, Result};
use carrel_services::library::Library;

use crate::caller::{Caller, Librarian};
use crate::failure::{Answer, Failure, Plain};
use crate::read::Body;
use crate::wire::system::{UpdateEmbeddings, named};
use crate::wire::workspace as wire;

/// Place documents in a workspace, or take them out.
///
/// Documents taken out come first. Each is placed on its own: `failedToEmbed` lists those that
/// could not be, `errors` why. A document that is placed already is embedded anew.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = UpdateEmbeddings,
    responses((status = 200, body = wire::EmbeddingsUpdated), Failure<Plain>))]
#[post("/workspace/{slug}/update-embeddings")]
pub async fn update_embeddings(
    caller: Caller<Librarian>,
    workspaces: Data<dyn Workspaces>,
    library: Data<Library>,
    placements: Data<dyn Placements>,
    models: Data<dyn Models>,
    slug: Path<String>,
    body: Body<UpdateEmbeddings>,
) -> Answer<Json<wire::EmbeddingsUpdated>> {
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let UpdateEmbeddings { adds, deletes } = body.read().await?;
    let (adds, deletes) = (paths(&adds, "adds")?, paths(&deletes, "deletes")?);
    library.withdraw(&workspace, &deletes, &caller.by()).await?;
    let failures = library.place(&workspace, adds, &caller.by()).await;
    let documents = placements.in_workspace(workspace.id).await?;
    let window = models.chat(&workspace.settings.model()).ok().map(|model| model.name().window);
    Ok(Json(wire::EmbeddingsUpdated::new(workspace, documents, window, failures)))
}

fn paths(texts: &[String], field: &'static str) -> Result<Vec<DocumentPath>> {
    texts
        .iter()
        .map(|text| DocumentPath::parse(text).map_err(|error| named(error, field)))
        .collect()
}
