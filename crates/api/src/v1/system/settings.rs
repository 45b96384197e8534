//! `/v1/admin/preferences`, `/v1/system`, `/v1/system/update-env` and `/v1/system/env-dump`.
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use carrel_domain::audit::{Actor, By};
use carrel_services::Ports;
use carrel_services::settings::{Leniency, preferences, visible_settings};
use chrono::Utc;

use crate::authorized::{Authorized, address, scope};
use crate::error::documented::MultiUserOnly;
use crate::error::error_body::{NoValues, NotDone};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::facts::InstanceFacts;
use crate::read::JsonBody;
use crate::v1::admin::wire::{Done, settings as wire};

/// Change preferences.
///
/// Protected and unknown names are ignored. A body without any known name is refused.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::Changes,
    responses((status = 200, body = Done), ErrorResponse<NotDone>, MultiUserOnly))]
#[post("/admin/preferences")]
pub async fn update_preferences(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    body: JsonBody<wire::Changes>,
) -> ApiResult<Json<Done>, NotDone> {
    let changes = body.read().await?.values;
    preferences::change(&*ports.settings, &changes, Leniency::Strict, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// List all settings.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, body = wire::SettingsShown), ErrorResponse<Plain>))]
#[get("/system")]
pub async fn show_settings(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
    facts: InstanceFacts,
) -> ApiResult<Json<wire::SettingsShown>> {
    let facts = facts.gather().await?;
    Ok(Json(wire::SettingsShown {
        settings: visible_settings(&ports.settings_store, &facts, Leniency::Strict),
    }))
}

/// Change settings.
///
/// All or nothing: every value is checked before any is applied. `ignored` lists names that are not
/// settings. A value of asterisks leaves a secret unchanged.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = wire::Changes,
    responses((status = 200, body = wire::SettingsUpdated), ErrorResponse<NoValues>))]
#[post("/system/update-env")]
pub async fn update_settings(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<wire::Changes>,
) -> ApiResult<Json<wire::SettingsUpdated>, NoValues> {
    let changes = body.read().await?.values;
    let updated = ports.settings_store.update(&changes, Leniency::Strict, &caller.by()).await?;
    Ok(Json(updated.into()))
}

/// Write the settings to `<storage>/.env`, in production only.
///
/// Needs no key. The response contains no settings. Repeated calls write at most once a minute.
#[utoipa::path(tag = "System", responses((status = 200, description = "The settings were written, or there was nothing to write."), ErrorResponse<Plain>))]
#[get("/system/env-dump")]
pub async fn dump_settings(request: HttpRequest, ports: Data<Ports>) -> ApiResult<HttpResponse> {
    let by = By { actor: Actor::Stranger, address: address(&request), at: Utc::now() };
    ports.dump.clone().write(&by).await?;
    Ok(HttpResponse::Ok().finish())
}
