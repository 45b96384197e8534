//! Error bodies of the OpenAI-compatible routes at `/api/v1`.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use carrel_http::status::status_of;
use serde_json::{Value, json};

use crate::error::error_body::{Abort, ErrorBody};
use crate::error::openai::{self as native, NO_USER_PROMPT, answer};
use crate::read::REFERENCES;

/// Like the native shape, with other statuses.
pub struct OpenAi;

impl ErrorBody for OpenAi {
    const NAME: &'static str = "compat::OpenAi";

    fn body(message: &str) -> Value {
        native::OpenAi::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            // quirk(no-user-prompt): `400` with the abort envelope
            // native: messages that do not end with the user's are `400` in OpenAI's shape
            // test: `openai::the_other_mount_responds_as_its_clients_expect`
            Error::Invalid { reason, .. } if reason == NO_USER_PROMPT => {
                HttpResponse::build(status_of(error)).json(Abort::body(reason))
            }
            // quirk(model-500)
            Error::Unavailable { .. } => answer(StatusCode::INTERNAL_SERVER_ERROR, error),
            _ => native::OpenAi::respond(error),
        }
    }
}

/// `{"error"}`
pub struct NoImage;

const NO_IMAGE_PROVIDER: &str = "No valid image generation provider was set. Got: undefined";

impl ErrorBody for NoImage {
    const NAME: &'static str = "compat::NoImage";

    fn body(message: &str) -> Value {
        json!({ "error": message })
    }

    fn respond(error: &Error) -> HttpResponse {
        let message = error.to_string();
        let upload = match error {
            Error::Invalid { field, reason } if field == REFERENCES => Some(&**reason),
            Error::TooLarge { what, .. } if *what != "the body" => Some(message.as_str()),
            _ => None,
        };
        if let Some(reason) = upload {
            // quirk(image-upload-500): `500 {"success":false,"error":"Invalid image upload. …"}`
            // native: reference images that are not images, too many or too large are `400` or
            // `413`
            // test: `pictures::invalid_requests_are_refused_before_the_provider_is_called`
            let error = format!("Invalid image upload. {reason}");
            let body = json!({ "success": false, "error": error });
            return HttpResponse::InternalServerError().json(body);
        }
        let (status, message) = match error {
            Error::Invalid { field, reason } if field == "prompt" => (status_of(error), &**reason),
            // quirk(image-provider): `No valid image generation provider was set. Got: undefined`
            // native: a server without an image provider names the setting
            // test: `pictures::a_provider_is_chosen_while_the_server_runs`
            Error::Unavailable { reason, .. } if reason.starts_with("none is set") => {
                (StatusCode::INTERNAL_SERVER_ERROR, NO_IMAGE_PROVIDER)
            }
            // quirk(model-500): `500`, the same abort envelope
            // native: a model that does not answer is `503`
            // test: `main_job::an_unavailable_language_model_is_reported`
            Error::Unavailable { reason, .. } => (StatusCode::INTERNAL_SERVER_ERROR, &**reason),
            _ => (status_of(error), message.as_str()),
        };
        HttpResponse::build(status).json(Self::body(message))
    }
}
