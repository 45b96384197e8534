//! `/v1/admin/preferences`, `/v1/system`, `/v1/system/update-env` and `/v1/system/env-dump`
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use carrel_domain::audit::{Actor, By};
use carrel_domain::settings::Settings;
use carrel_services::settings::dump::Dump;
use carrel_services::settings::{Leniency, SettingsStore, preferences};
use chrono::Utc;

use crate::caller::{Admin, Caller, Host, address};
use crate::facts::Facts;
use crate::failure::documented::MultiUserOnly;
use crate::failure::shapes::{NoValues, NotDone};
use crate::failure::{Answer, Failure, Plain};
use crate::read::Body;
use crate::v1::admin::wire::{Done, settings as wire};

/// Change preferences.
///
/// Protected and unknown names change nothing; a body without a known one is refused.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::Changes,
    responses((status = 200, body = Done), Failure<NotDone>, MultiUserOnly))]
#[post("/admin/preferences")]
pub async fn update_preferences(
    caller: Caller<Host>,
    settings: Data<dyn Settings>,
    body: Body<wire::Changes>,
) -> Answer<Json<Done>, NotDone> {
    let changes = body.read().await?.values;
    preferences::change(&**settings, &changes, Leniency::Strict, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Show every setting.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, body = wire::SettingsShown), Failure<Plain>))]
#[get("/system")]
pub async fn show_settings(
    _: Caller<Admin>,
    store: Data<SettingsStore>,
    facts: Facts,
) -> Answer<Json<wire::SettingsShown>> {
    let facts = facts.gather().await?;
    Ok(Json(wire::SettingsShown { settings: store.visible(&facts, Leniency::Strict) }))
}

/// Change settings.
///
/// All or nothing: every value is checked before any is applied. Names that are no settings are
/// listed in `ignored`; a value of asterisks leaves a secret as it is.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = wire::Changes,
    responses((status = 200, body = wire::SettingsUpdated), Failure<NoValues>))]
#[post("/system/update-env")]
pub async fn update_settings(
    caller: Caller<Admin>,
    store: Data<SettingsStore>,
    body: Body<wire::Changes>,
) -> Answer<Json<wire::SettingsUpdated>, NoValues> {
    let changes = body.read().await?.values;
    let updated = store.update(&changes, Leniency::Strict, &caller.by()).await?;
    Ok(Json(updated.into()))
}

/// Write the settings to `<storage>/.env`, in production.
///
/// Needs no key and tells nothing; asked often, it writes at most once a minute.
#[utoipa::path(tag = "System", responses((status = 200, description = "Done, or nothing to do"), Failure<Plain>))]
#[get("/system/env-dump")]
pub async fn dump_settings(request: HttpRequest, dump: Data<Dump>) -> Answer<HttpResponse> {
    let by = By { actor: Actor::Stranger, address: address(&request), at: Utc::now() };
    dump.into_inner().write(&by).await?;
    Ok(HttpResponse::Ok().finish())
}
