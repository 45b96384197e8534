//! How embeds and downloads say no: to whoever manages them, and to visitors.
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, HttpResponseBuilder};
use carrel_domain::Error;
use carrel_http::status::status_of;
use carrel_services::widgets::WidgetDenied;
use serde_json::{Value, json};

use super::Refusal;
use super::shapes::{Abort, Plain, Shape, bare};

/// `{"error"}`, at `/api/v1` in the words that clients know.
pub struct NoEmbed;

impl Shape for NoEmbed {
    fn body(message: &str) -> Value {
        Plain::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let message = match error {
            Error::NotFound { kind: "workspace", .. } => "Workspace not found",
            Error::NotFound { kind: "embed", .. } => "Embed not found",
            Error::Invalid { field, reason } if field == "workspace_slug" => reason,
            _ => message,
        };
        HttpResponse::build(status).json(Self::body(message))
    }
}

/// `{"error"}` at both mounts.
pub struct NoFile;

impl Shape for NoFile {
    fn body(message: &str) -> Value {
        Plain::body(message)
    }

    fn native(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let message = match error {
            Error::Invalid { field, reason } if field == "filename" => reason,
            Error::NotFound { .. } => "File not found",
            _ => message,
        };
        HttpResponse::build(status).json(Self::body(message))
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        Self::native(status, message, error)
    }
}

/// What a visitor is told whose question cannot be answered for reasons that are nobody's business
/// but the operator's.
pub const OUT_OF_ORDER: &str = "This chat is out of order at the moment - try again later.";

const FULL: &str = "This chat has answered as many questions as it may for today. Try again later.";

const SESSION_FULL: &str =
    "You have asked this chat as many questions as it answers in a day. Try again later.";

const WRONG_PAGE: &str = "This page is not allowed to use this chat.";

/// Why a visitor is not served, on its way out.
pub struct Denial(WidgetDenied);

impl<E: Into<WidgetDenied>> From<E> for Denial {
    fn from(denied: E) -> Self {
        Self(denied.into())
    }
}

impl From<Denial> for actix_web::Error {
    fn from(denial: Denial) -> Self {
        Refusal::Denied(denial.0).into()
    }
}

/// What visitors are told: the envelope of a chat that is broken off.
pub fn denied(denied: &WidgetDenied) -> HttpResponse {
    // The widget shows `errorMsg`; `error` is what programs know.
    let refusal = |mut response: HttpResponseBuilder, error: &str, message: &str| {
        let mut body = Abort::body(error);
        body["errorMsg"] = json!(message);
        response.json(body)
    };
    let abort = |status, message: &str| refusal(HttpResponse::build(status), message, message);
    match denied {
        WidgetDenied::Unknown => bare(StatusCode::NOT_FOUND),
        WidgetDenied::Disabled => {
            let message = "This chat has been disabled by the administrator - try again later.";
            abort(StatusCode::SERVICE_UNAVAILABLE, message)
        }
        WidgetDenied::WrongPage => {
            refusal(HttpResponse::Unauthorized(), "Invalid request.", WRONG_PAGE)
        }
        WidgetDenied::WrongSession => abort(StatusCode::NOT_FOUND, "Invalid session ID."),
        WidgetDenied::NoMessage => abort(StatusCode::BAD_REQUEST, "Message is empty."),
        WidgetDenied::DayIsFull => {
            refusal(HttpResponse::TooManyRequests(), "Rate limit exceeded", FULL)
        }
        WidgetDenied::SessionIsFull => refusal(HttpResponse::TooManyRequests(), FULL, SESSION_FULL),
        WidgetDenied::TooFast(seconds) => {
            let mut response = HttpResponse::TooManyRequests();
            response.insert_header((RETRY_AFTER, *seconds));
            let message = format!("Too many requests; try again in {seconds} s");
            refusal(response, &message, &message)
        }
        WidgetDenied::Failed(error) => {
            let status = status_of(error);
            let message = match status.is_server_error() {
                true => OUT_OF_ORDER.to_owned(),
                false => error.to_string(),
            };
            abort(status, &message)
        }
    }
}

/// What the OpenAPI document says of answers to visitors who are not served.
impl utoipa::IntoResponses for Denial {
    fn responses()
    -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        [
            ("400", "The body is malformed, or the message is empty."),
            ("401", "The page that asks is not one of those that may."),
            ("404", "There is no such embed, or the session is no UUID."),
            ("429", "The embed, the session or the address has asked as often as it may."),
            ("503", "The embed is switched off, or cannot answer now."),
        ]
        .map(|(status, why)| {
            let response = utoipa::openapi::ResponseBuilder::new().description(why);
            (status.to_owned(), response.build().into())
        })
        .into()
    }
}
