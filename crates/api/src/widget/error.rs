//! Error responses to visitors of chat widgets.
use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, HttpResponseBuilder};
use carrel_domain::Error;
use carrel_http::status::status_of;
use carrel_services::widgets::WidgetDenied;
use serde_json::json;
use utoipa::openapi::{RefOr, Response};

use crate::error::ApiError;
use crate::error::documented::{described, marked};
use crate::error::error_body::{Abort, ErrorBody, bare};

/// The message if an answer fails for a reason that only concerns the operator.
pub const OUT_OF_ORDER: &str = "This chat is out of order at the moment - try again later.";

const FULL: &str = "This chat has answered as many questions as it may for today. Try again later.";

const SESSION_FULL: &str =
    "You have asked this chat as many questions as it answers in a day. Try again later.";

const WRONG_PAGE: &str = "This page is not allowed to use this chat.";

/// A refusal of a visitor's request.
pub struct Denial(WidgetDenied);

impl<E: Into<WidgetDenied>> From<E> for Denial {
    fn from(denied: E) -> Self {
        Self(denied.into())
    }
}

impl From<Denial> for actix_web::Error {
    fn from(denial: Denial) -> Self {
        ApiError::Denied(denial.0).into()
    }
}

/// Responds to a visitor with the body of an aborted chat.
pub fn denied(denied: &WidgetDenied) -> HttpResponse {
    // The widget shows `errorMsg`; programs read `error`.
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

/// Error responses to visitors in the OpenAPI document. Each is rendered once.
impl utoipa::IntoResponses for Denial {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        const FULL: &str = "The limit of the widget, the session or the address is reached.";
        const WRONG: &str = "The body is malformed, or the message is empty.";
        let failed = |error| WidgetDenied::Failed(error);
        let denials = [
            (WidgetDenied::NoMessage, WRONG),
            (failed(Error::invalid("body", "what is allowed")), WRONG),
            (WidgetDenied::WrongPage, "The page's origin is not in the widget's list."),
            (WidgetDenied::Unknown, "The widget does not exist, or the session is not a UUID."),
            (
                WidgetDenied::WrongSession,
                "The widget does not exist, or the session is not a UUID.",
            ),
            (
                failed(Error::TooLarge { what: "the message", limit: 1 << 14 }),
                "The message is too large.",
            ),
            (failed(Error::unprocessable("why")), "The question cannot be answered."),
            (WidgetDenied::DayIsFull, FULL),
            (WidgetDenied::SessionIsFull, FULL),
            (WidgetDenied::TooFast(60), FULL),
            (WidgetDenied::Disabled, "The widget is turned off or cannot answer now."),
            (
                failed(Error::unavailable("a model", "what to do")),
                "The widget is turned off or cannot answer now.",
            ),
            (failed(Error::internal("a fault")), "The server failed."),
        ];
        let descriptions =
            denials.iter().filter_map(|(denial, why)| described(denied(denial), why));
        marked("Denial", descriptions.collect())
    }
}
