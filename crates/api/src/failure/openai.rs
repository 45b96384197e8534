//! How the routes of OpenAI's protocol say no.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use carrel_http::status::status_of;
use serde_json::{Value, json};

use crate::failure::shapes::{Abort, Shape};
use crate::read::REFERENCES;

/// Beneath this path every refusal has the shape of OpenAI's.
const NATIVE: &str = "/v1/openai/";

/// Of how many models a client is told who asks for one that is not there.
const MODELS_TOLD: usize = 50;

/// Why messages are refused of which the last is not a user's.
pub const NO_USER_PROMPT: &str =
    "No user prompt found. Must be last element in message array with 'user' role.";

pub fn is_spoken_at(path: &str) -> bool {
    path.starts_with(NATIVE)
}

/// `{"error":{"message","type","param","code"}}`
pub struct OpenAi;

impl Shape for OpenAi {
    fn body(message: &str) -> Value {
        body(message, StatusCode::BAD_REQUEST, None, None)
    }

    fn native(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let param = match error {
            Error::Invalid { field, .. } if field != "body" => Some(&**field),
            _ => None,
        };
        HttpResponse::build(status).json(body(message, status, param, None))
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            // quirk(no-user-prompt): refused as a question to a workspace is.
            Error::Invalid { reason, .. } if reason == NO_USER_PROMPT => {
                HttpResponse::build(status).json(Abort::body(reason))
            }
            // quirk(model-500)
            Error::Unavailable { .. } => {
                Self::native(StatusCode::INTERNAL_SERVER_ERROR, message, error)
            }
            _ => Self::native(status, message, error),
        }
    }
}

/// As [`OpenAi`]; at `/api/v1` `{"error"}`.
pub struct NoImage;

impl Shape for NoImage {
    fn body(message: &str) -> Value {
        OpenAi::body(message)
    }

    fn native(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        OpenAi::native(status, message, error)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let upload = match error {
            Error::Invalid { field, reason } if field == REFERENCES => Some(&**reason),
            Error::TooLarge { what, .. } if *what != "the body" => Some(message),
            _ => None,
        };
        if let Some(reason) = upload {
            // quirk(image-upload-500)
            let error = format!("Invalid image upload. {reason}");
            let body = json!({ "success": false, "error": error });
            return HttpResponse::InternalServerError().json(body);
        }
        let (status, message) = match error {
            Error::Invalid { field, reason } if field == "prompt" => (status, &**reason),
            // quirk(image-provider): in the words that clients of a server without one know.
            Error::Unavailable { reason, .. } if reason.starts_with("none is set") => {
                (StatusCode::INTERNAL_SERVER_ERROR, NO_IMAGE_PROVIDER)
            }
            // quirk(model-500): the reason alone is told there.
            Error::Unavailable { reason, .. } => (StatusCode::INTERNAL_SERVER_ERROR, &**reason),
            _ => (status, message),
        };
        HttpResponse::build(status).json(json!({ "error": message }))
    }
}

const NO_IMAGE_PROVIDER: &str = "No valid image generation provider was set. Got: undefined";

pub fn refusal(status: StatusCode, message: &str, code: &str) -> HttpResponse {
    HttpResponse::build(status).json(body(message, status, None, Some(code)))
}

/// Names the models there are, as nearly everybody who is refused took the name of a language model
/// for one.
pub fn no_model(model: &str, known: &[String]) -> HttpResponse {
    let shown: String = model.chars().take(100).collect();
    let mut message =
        format!("The model `{shown}` does not exist: a model is a workspace's slug. ");
    match known {
        [] => message.push_str("There is no workspace yet."),
        known => {
            let more = if known.len() > MODELS_TOLD { ", and more" } else { "" };
            let known = known.iter().take(MODELS_TOLD).map(String::as_str).collect::<Vec<_>>();
            message.push_str(&format!("There are: {}{more}.", known.join(", ")));
        }
    }
    let status = StatusCode::NOT_FOUND;
    let body = body(&message, status, Some("model"), Some("model_not_found"));
    HttpResponse::build(status).json(body)
}

/// What ends a stream whose answer broke off.
pub fn broken_off(error: &Error) -> Value {
    body(&error.to_string(), status_of(error), None, None)
}

fn body(message: &str, status: StatusCode, param: Option<&str>, code: Option<&str>) -> Value {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    };
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
}
