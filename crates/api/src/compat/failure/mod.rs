//! How `/api/v1` says no. Handlers of its own name a shape of [`shapes`], [`documents`] or [`openai`];
//! those that it has from the native API name native shapes, which [`of`] translates.
pub mod documents;
pub mod openai;
pub mod shapes;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use serde_json::json;

use crate::failure::openai as native_openai;
use crate::failure::shapes::{self as native, Shape, bare, text};
use crate::failure::{Refusal, Respond};

/// How a refusal is said here that a native handler, or nobody, has named a shape for.
pub fn refuse(refusal: &Refusal, _path: &str) -> Option<HttpResponse> {
    match refusal {
        // quirk(refused-key): `403 {"error":"No valid api key found."}`
        // native: `403 {"error":"Invalid API key"}`
        // test: `access::every_operation_refuses_strangers`
        Refusal::NotAdmitted => {
            Some(HttpResponse::Forbidden().json(json!({ "error": "No valid api key found." })))
        }
        // quirk(single-user-in-text): `401 Unauthorized` as text; `GET /users` and tokens say why,
        // as text
        // native: `401` with `error` where there is only one user
        // test: `people::an_instance_becomes_multi_user_once`,
        // `compat::the_directory_is_there_with_many_users_only`
        Refusal::SingleUser => Some(bare(StatusCode::UNAUTHORIZED)),
        Refusal::Off(status, why) => Some(text(*status, why)),
        Refusal::BadPath => Some(bare(StatusCode::BAD_REQUEST)),
        Refusal::Failed { error, shape, .. } => of(shape).map(|respond| respond(error)),
        _ => None,
    }
}

/// How a failure of a native shape is said here; `None` where both contracts say it alike.
pub fn of(shape: &str) -> Option<Respond> {
    match shape {
        native::Plain::NAME => Some(shapes::Plain::respond),
        native::NoUser::NAME => Some(shapes::NoUser::respond),
        native::NotDone::NAME => Some(shapes::NotDone::respond),
        native_openai::OpenAi::NAME => Some(openai::OpenAi::respond),
        _ => None,
    }
}

/// The words that existing clients know, where there are any: they do without the name of the field.
fn reason(error: &Error) -> String {
    match error {
        Error::Invalid { field, reason } if field != "body" => reason.clone().into_owned(),
        Error::NotFound { kind: "user", .. } => "User not found".to_owned(),
        Error::NotFound { kind: "invite", .. } => "Invite not found or already disabled".to_owned(),
        Error::NotFound { kind: "workspace", key } => format!("Workspace {key} not found"),
        _ => error.to_string(),
    }
}
