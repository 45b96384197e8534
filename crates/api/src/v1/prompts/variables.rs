//! `/v1/system/prompt-variables*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::Error;
use carrel_domain::prompt_variable::{PromptVariable, VariableName};
use carrel_services::Ports;
use carrel_services::prompt_variables as service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::error_body::NotDone;
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::v1::admin::wire::Done;
use crate::wire::time;

/// A variable: `{key}` in a workspace's instructions is replaced by `value`.
#[derive(Serialize, ToSchema)]
pub struct PromptVariableEntry {
    key: String,
    value: String,
    description: String,
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct PromptVariableList {
    variables: Vec<PromptVariableEntry>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptVariableBody {
    /// 1 to 255 letters from a to z, digits and `_`. Built-in names are not allowed.
    #[schema(example = "closing_time")]
    key: String,
    /// At most 16 KiB. Variables inside the value are not replaced.
    value: String,
    /// At most 1,000 characters.
    #[serde(default)]
    description: String,
}

impl From<PromptVariable> for PromptVariableEntry {
    fn from(variable: PromptVariable) -> Self {
        let PromptVariable { name, value, description, updated_at } = variable;
        let (key, updated_at) = (name.as_str().to_owned(), time(updated_at));
        Self { key, value, description, updated_at }
    }
}

/// List the variables for instructions, without the built-in ones.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, body = PromptVariableList), ErrorResponse<Plain>))]
#[get("/system/prompt-variables")]
pub async fn list_prompt_variables(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> ApiResult<Json<PromptVariableList>> {
    let variables = ports.prompt_variables.list().await?.into_iter().map(Into::into).collect();
    Ok(Json(PromptVariableList { variables }))
}

/// Create a variable for instructions, or replace the one with the same key.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = PromptVariableBody,
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[post("/system/prompt-variables")]
pub async fn set_prompt_variable(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<PromptVariableBody>,
) -> ApiResult<Json<Done>, NotDone> {
    let PromptVariableBody { key, value, description } = body.read().await?;
    let name = VariableName::parse(&key)?;
    service::set(&*ports.prompt_variables, name, value, description, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Delete a variable for instructions.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[delete("/system/prompt-variables/{key}")]
pub async fn delete_prompt_variable(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    key: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    let name = VariableName::parse(&key).map_err(|_| Error::not_found("variable", &key))?;
    service::delete(&*ports.prompt_variables, &name, &caller.by()).await?;
    Ok(Json(Done::well()))
}
