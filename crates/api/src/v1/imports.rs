//! `/v1/system/import`.
use carrel_services::Ports;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use carrel_services::imports::{ImportState, Imports};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::error_body::NotDone;
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::v1::admin::wire::Done;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    /// Name of a folder in `import` of the storage directory. The operator puts a copy of the other
    /// server's storage folder there.
    #[schema(example = "anythingllm")]
    source: String,
    /// True to report what would be imported without writing anything; true if absent.
    #[serde(default = "yes", alias = "dryRun")]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

/// An import, running or finished.
#[derive(Serialize, ToSchema)]
pub struct ImportStatus {
    /// `idle`, `running`, `finished` or `failed`.
    state: &'static str,
    dry_run: bool,
    /// Rows found and imported, table by table. Present when the import is finished.
    #[schema(value_type = Option<Object>)]
    report: Option<Value>,
    /// Why the import failed.
    error: Option<String>,
}

impl From<ImportState> for ImportStatus {
    fn from(state: ImportState) -> Self {
        let status = |state, dry_run| Self { state, dry_run, report: None, error: None };
        match state {
            ImportState::Idle => status("idle", false),
            ImportState::Running { dry_run } => status("running", dry_run),
            ImportState::Finished { dry_run, report } => {
                let report = serde_json::from_str(&report).ok();
                Self { report, ..status("finished", dry_run) }
            }
            ImportState::Failed { dry_run, reason } => {
                Self { error: Some(reason), ..status("failed", dry_run) }
            }
        }
    }
}

/// Import an installation of AnythingLLM in the background.
///
/// The server must have no users, workspaces, documents, conversations and chat widgets. Everything
/// is imported in one transaction. Users keep their passwords, and the API keys are added to those
/// of this server. Without `"dry_run": false`, nothing is written. `GET` on this path reports the
/// progress.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = ImportBody,
    responses((status = 202, description = "The import has started.", body = Done), ErrorResponse<NotDone>))]
#[post("/system/import")]
pub async fn start_import(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<ImportBody>,
) -> ApiResult<HttpResponse, NotDone> {
    let ImportBody { source, dry_run } = body.read().await?;
    let imports: Arc<Imports> = Arc::clone(&ports.imports);
    imports.start(&source, dry_run, &caller.by()).await?;
    Ok(HttpResponse::build(StatusCode::ACCEPTED).json(Done::well()))
}

/// Show the running or the last import.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, body = ImportStatus), ErrorResponse<Plain>))]
#[get("/system/import")]
pub async fn show_import(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> ApiResult<Json<ImportStatus>> {
    Ok(Json(ports.imports.state().await?.into()))
}
