//! How the routes of OpenAI's protocol say no.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use carrel_http::status::status_of;
use serde_json::{Value, json};

use crate::error::error_body::ErrorBody;

/// Beneath this path every refusal has the shape of OpenAI's.
const ROOT: &str = "/v1/openai/";

/// Of how many models a client is told who asks for one that is not there.
const MODELS_TOLD: usize = 50;

/// Why messages are refused of which the last is not a user's.
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

/// An error in OpenAI's shape, which names the field that is wrong.
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
