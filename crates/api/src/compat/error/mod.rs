//! How `/api/v1` reports errors. Handlers of this contract name a shape of [`error_body`],
//! [`documents`] or [`openai`]. Handlers shared with the native API name native shapes, which
//! [`of`] translates.
pub mod documents;
pub mod error_body;
pub mod openai;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use serde_json::json;

use crate::error::error_body::{self as native, ErrorBody, bare, text};
use crate::error::openai as native_openai;
use crate::error::{ApiError, Respond};

/// Returns the response to errors for which no handler of this contract names a shape.
pub fn refuse(refusal: &ApiError, _path: &str) -> Option<HttpResponse> {
    match refusal {
        // quirk(refused-key): `403 {"error":"No valid api key found."}`
        // native: `403 {"error":"Invalid API key"}`
        // test: `access::every_operation_refuses_strangers`
        ApiError::InvalidApiKey => {
            Some(HttpResponse::Forbidden().json(json!({ "error": "No valid api key found." })))
        }
        // quirk(single-user-in-text): `401 Unauthorized` as text; `GET /users` and the token
        // operations give the reason, as text
        // native: `401` with `error` in single-user mode
        // test: `people::multi_user_mode_is_enabled_once`,
        // `compat::the_directory_exists_only_in_multi_user_mode`
        ApiError::SingleUser => Some(bare(StatusCode::UNAUTHORIZED)),
        ApiError::Off(status, why) => Some(text(*status, why)),
        ApiError::BadPath => Some(bare(StatusCode::BAD_REQUEST)),
        ApiError::Failed { error, shape, .. } => of(shape).map(|respond| respond(error)),
        _ => None,
    }
}

/// Returns this contract's form of a native error shape; `None` if both contracts use the same.
pub fn of(shape: &str) -> Option<Respond> {
    match shape {
        native::Plain::NAME => Some(error_body::Plain::respond),
        native::NoUser::NAME => Some(error_body::NoUser::respond),
        native::NotDone::NAME => Some(error_body::NotDone::respond),
        native_openai::OpenAi::NAME => Some(openai::OpenAi::respond),
        _ => None,
    }
}

/// Returns the message that existing clients know, without the field's name, if there is one.
fn reason(error: &Error) -> String {
    match error {
        Error::Invalid { field, reason } if field != "body" => reason.clone().into_owned(),
        Error::NotFound { kind: "user", .. } => "User not found".to_owned(),
        Error::NotFound { kind: "invite", .. } => "Invite not found or already disabled".to_owned(),
        Error::NotFound { kind: "workspace", key } => format!("Workspace {key} not found"),
        _ => error.to_string(),
    }
}
