//! `/v1/admin/browser-extension-keys*`
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::extension_key::ExtensionKey;
use carrel_domain::{ExtensionKeyId, UserId};
use carrel_services::Ports;
use carrel_services::extension_keys as service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::error_body::NotDone;
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::routes::parse_id;
use crate::v1::admin::wire::Done;
use crate::wire::time;

#[derive(Serialize, ToSchema)]
pub struct ExtensionKeyEntry {
    id: i32,
    /// The first characters of the key.
    #[schema(example = "brx-0Y85V02")]
    prefix: String,
    /// Owner of the key; null on a server without users.
    user_id: Option<i32>,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct ExtensionKeyList {
    browser_extension_keys: Vec<ExtensionKeyEntry>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExtensionKeyBody {
    /// Owner of the key, in multi-user mode. The key has its user's rights.
    #[serde(default, alias = "userId")]
    user_id: Option<i32>,
}

#[derive(Serialize, ToSchema)]
pub struct ExtensionKeyCreated {
    browser_extension_key: ExtensionKeyEntry,
    /// Shown only once. The extension needs the address of this server with `/api`, a `|`, and this
    /// key.
    #[schema(example = "brx-0Y85V02-VZGMWDR-KTFSZXV-JGQW8Q1")]
    secret: String,
    error: Option<String>,
}

impl From<ExtensionKey> for ExtensionKeyEntry {
    fn from(key: ExtensionKey) -> Self {
        let ExtensionKey { id, prefix, user, created_at } = key;
        Self { id: id.0, prefix, user_id: user.map(|user| user.0), created_at: time(created_at) }
    }
}

/// List the keys of browser extensions, without the keys themselves.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = ExtensionKeyList), ErrorResponse<Plain>))]
#[get("/admin/browser-extension-keys")]
pub async fn list_extension_keys(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> ApiResult<Json<ExtensionKeyList>> {
    let keys = ports.extension_keys.list().await?.into_iter().map(Into::into).collect();
    Ok(Json(ExtensionKeyList { browser_extension_keys: keys }))
}

/// Create a key for a browser extension.
///
/// The extension adds pages to workspaces on behalf of the key's user, with the routes at
/// `/api/browser-extension`. The key gives access to no other route.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = NewExtensionKeyBody,
    responses((status = 200, body = ExtensionKeyCreated), ErrorResponse<NotDone>))]
#[post("/admin/browser-extension-keys")]
pub async fn create_extension_key(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<NewExtensionKeyBody>,
) -> ApiResult<Json<ExtensionKeyCreated>, NotDone> {
    let NewExtensionKeyBody { user_id } = body.read().await?;
    let is_multi_user = ports.multi_user.is_on().await?;
    let created =
        service::create(&*ports.extension_keys, user_id.map(UserId), is_multi_user, &caller.by())
            .await?;
    let (secret, key) = created;
    Ok(Json(ExtensionKeyCreated { browser_extension_key: key.into(), secret, error: None }))
}

/// Delete the key of a browser extension. It stops working at once.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[delete("/admin/browser-extension-keys/{id}")]
pub async fn delete_extension_key(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    path: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    let id = ExtensionKeyId(parse_id("extension key", &path)?);
    service::delete(&*ports.extension_keys, id, &caller.by()).await?;
    Ok(Json(Done::well()))
}
