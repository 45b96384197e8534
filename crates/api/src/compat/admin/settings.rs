//! `/api/v1/admin/preferences`, `/api/v1/system`, its `update-env` and its `env-dump`.
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use carrel_domain::audit::{Actor, By};
use carrel_services::Ports;
use carrel_services::settings::{Leniency, preferences, visible_settings};
use chrono::Utc;

use crate::authorized::{Authorized, address, scope};
use crate::compat::JsonBody;
use crate::compat::admin::wire::settings as wire;
use crate::compat::error::error_body::{NotDone, Plain};
use crate::error::documented::MultiUserOnly;
use crate::error::error_body::{NoValues, bare};
use crate::error::{ApiResult, ErrorResponse};
use crate::facts::InstanceFacts;
use crate::v1::admin::wire::Done;
use crate::v1::admin::wire::settings::{Changes, SettingsShown};

/// Change preferences.
///
/// Names and values that are not allowed are ignored.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = Changes,
    responses((status = 200, body = Done), ErrorResponse<NotDone>, MultiUserOnly))]
#[post("/admin/preferences")]
pub async fn update_preferences(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    body: JsonBody<Changes>,
) -> ApiResult<Json<Done>, NotDone> {
    let changes = body.read().await?.values;
    // quirk(preferences-passed-over): names and values that are not allowed are ignored, and the
    // call succeeds
    // native: a body without a known preference, or with a wrong value, is `400`
    // test: `compat::settings_are_refused_with_200_and_shown_as_text`
    preferences::change(&*ports.settings, &changes, Leniency::Lenient, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// List all settings.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, body = SettingsShown), ErrorResponse<Plain>))]
#[get("/system")]
pub async fn show_settings(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
    facts: InstanceFacts,
) -> ApiResult<Json<SettingsShown>, Plain> {
    let facts = facts.gather().await?;
    // quirk(settings-as-text): unset settings are listed too, as null; numbers are the text they
    // were set as
    // native: only set settings are listed; numbers are numbers
    // test: `compat::settings_are_refused_with_200_and_shown_as_text`
    Ok(Json(SettingsShown {
        settings: visible_settings(&ports.settings_store, &facts, Leniency::Lenient),
    }))
}

/// Change settings, all or nothing.
///
/// If a value is refused, nothing changes and the response is 200 with the reason in `error`.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = Changes,
    responses((status = 200, body = wire::SettingsUpdated), ErrorResponse<NoValues>))]
#[post("/system/update-env")]
pub async fn update_settings(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<Changes>,
) -> ApiResult<Json<wire::SettingsUpdated>, NoValues> {
    let changes = body.read().await?.values;
    // quirk(settings-refused-with-200): `200 {"newValues":{},"error":"…"}`; only a value of an
    // impossible type is `400`
    // native: a refused setting is `400`
    // test: `compat::settings_are_refused_with_200_and_shown_as_text`
    let updated = ports.settings_store.update(&changes, Leniency::Lenient, &caller.by()).await?;
    Ok(Json(updated.into()))
}

/// Write the settings to `<storage>/.env`, in production only.
///
/// Needs no key. The response contains no settings.
#[utoipa::path(tag = "System", responses((status = 200, description = "The settings were written, or there was nothing to write.", content_type = "text/plain", body = String), ErrorResponse<Plain>))]
#[get("/system/env-dump")]
pub async fn dump_settings(
    request: HttpRequest,
    ports: Data<Ports>,
) -> ApiResult<HttpResponse, Plain> {
    let by = By { actor: Actor::Stranger, address: address(&request), at: Utc::now() };
    ports.dump.clone().write(&by).await?;
    // quirk(done-in-text): `OK` as text
    // native: `env-dump` answers without a body
    // test: `compat::settings_are_refused_with_200_and_shown_as_text`
    Ok(bare(StatusCode::OK))
}
