//! `/system/*`
pub mod backup;
pub mod models;
pub mod settings;
pub mod wire;

use actix_web::web::{Data, Json};
use actix_web::{delete, get};
use carrel_domain::vector::VectorIndex;
use carrel_services::library::Library;

use crate::caller::{Caller, Keeper, Reader};
use crate::failure::{Answer, Failure, Plain, shapes::NoSuccess};
use crate::read::Body;

/// Count the vectors of all workspaces that the key may enter.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, body = wire::VectorCount), Failure<Plain>))]
#[get("/system/vector-count")]
pub async fn count_vectors(
    caller: Caller<Reader>,
    index: Data<dyn VectorIndex>,
) -> Answer<Json<wire::VectorCount>> {
    if caller.key.workspaces.is_empty() {
        return Ok(Json(wire::VectorCount { vector_count: index.count(None).await? }));
    }
    let mut vector_count = 0;
    for workspace in &caller.key.workspaces {
        vector_count += index.count(Some(*workspace)).await?;
    }
    Ok(Json(wire::VectorCount { vector_count }))
}

/// Remove documents from the library and from every workspace.
///
/// Names that do not exist are reported in `message`, not failed.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = wire::RemoveDocuments,
    responses((status = 200, body = wire::DocumentsRemoved), Failure<NoSuccess>))]
#[delete("/system/remove-documents")]
pub async fn remove_documents(
    caller: Caller<Keeper>,
    library: Data<Library>,
    body: Body<wire::RemoveDocuments>,
) -> Answer<Json<wire::DocumentsRemoved>, NoSuccess> {
    let paths = body.read().await?.into_paths()?;
    let asked = paths.clone();
    let removed = library.remove(paths, &caller.by()).await?;
    Ok(Json(wire::DocumentsRemoved::new(&asked, &removed)))
}
