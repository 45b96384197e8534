//! Error bodies of the OpenAI-compatible routes.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use carrel_http::status::status_of;
use serde_json::{Value, json};

use crate::error::error_body::ErrorBody;

/// All errors below this path have OpenAI's shape.
const ROOT: &str = "/v1/openai/";

/// Most workspaces that the error for an unknown model lists.
const MAX_LISTED_MODELS: usize = 50;

/// The error if the last message is not the user's.
pub const NO_USER_PROMPT: &str =
    "No user prompt found. Must be last element in message array with 'user' role.";

pub fn is_spoken_at(path: &str) -> bool {
    path.starts_with(ROOT)
}

/// `{"error":{"message","type","param","code"}}`
pub struct OpenAi;

impl ErrorBody for OpenAi {
    const NAME: &'static str = "OpenAi";

    fn body(message: &str) -> Value {
        body(message, StatusCode::BAD_REQUEST, None, None)
    }

    fn respond(error: &Error) -> HttpResponse {
        answer(status_of(error), error)
    }
}

/// Returns an error in OpenAI's shape, with the invalid field as `param`.
pub fn answer(status: StatusCode, error: &Error) -> HttpResponse {
    let param = match error {
        Error::Invalid { field, .. } if field != "body" => Some(&**field),
        _ => None,
    };
    HttpResponse::build(status).json(body(&error.to_string(), status, param, None))
}

pub fn refusal(status: StatusCode, message: &str, code: &str) -> HttpResponse {
    HttpResponse::build(status).json(body(message, status, None, Some(code)))
}

/// Returns the error for an unknown model. It lists the workspaces, because most clients that get it
/// sent the name of a language model.
pub fn no_model(model: &str, models: &[String]) -> HttpResponse {
    let excerpt: String = model.chars().take(100).collect();
    let mut message =
        format!("The model `{excerpt}` does not exist: a model is a workspace's slug. ");
    match models {
        [] => message.push_str("There is no workspace yet."),
        models => {
            let suffix = if models.len() > MAX_LISTED_MODELS { ", and more" } else { "" };
            let models =
                models.iter().take(MAX_LISTED_MODELS).map(String::as_str).collect::<Vec<_>>();
            message.push_str(&format!("Existing models: {}{suffix}.", models.join(", ")));
        }
    }
    let status = StatusCode::NOT_FOUND;
    let body = body(&message, status, Some("model"), Some("model_not_found"));
    HttpResponse::build(status).json(body)
}

/// Returns the last event of a stream whose answer failed.
pub fn stream_error(error: &Error) -> Value {
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
