//! Error responses: the one place where a domain error becomes a status and a body.
//!
//! Clients tell success from failure in several ways, and these differences are part of the
//! contract. An [`ErrorBody`] describes each way; a handler names one in its return type, so
//! neither the domain nor the handler's code depends on it. The OpenAPI document derives its error
//! responses from these types: see [`documented`].
pub mod documented;
pub mod error_body;
pub mod openai;

use std::fmt;
use std::marker::PhantomData;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use carrel_domain::Error;
use carrel_domain::api_key::Scope;
use carrel_http::body::ENCODED;
use carrel_http::status::status_of;
use carrel_services::widgets::WidgetDenied;
use serde_json::json;

use crate::widget;

pub use error_body::{ErrorBody, Plain};

/// The result of a handler whose errors have the shape `S`.
pub type ApiResult<T, S = Plain> = Result<T, ErrorResponse<S>>;

/// Turns a domain error into a response.
pub type Respond = fn(&Error) -> HttpResponse;

/// A domain error to be answered in the shape `S`.
pub struct ErrorResponse<S> {
    error: Error,
    shape: PhantomData<S>,
}

impl<S> From<Error> for ErrorResponse<S> {
    fn from(error: Error) -> Self {
        Self { error, shape: PhantomData }
    }
}

impl<S: ErrorBody> From<ErrorResponse<S>> for actix_web::Error {
    fn from(failure: ErrorResponse<S>) -> Self {
        ApiError::of::<S>(failure.error).into()
    }
}

/// Any reason for refusing or failing a request.
pub enum ApiError {
    /// The API key is missing or invalid.
    InvalidApiKey,
    /// The key is valid but lacks this scope.
    MissingScope(Scope),
    /// The key is bound to workspaces, and the route concerns more than those.
    Bound,
    /// The key's rate limit is exceeded; retry after this many seconds.
    TooMany(u64),
    /// The route exists in multi-user mode only.
    SingleUser,
    /// The route is switched off, with the status and the reason to return.
    Off(StatusCode, &'static str),
    /// The body is compressed.
    Encoded,
    /// The path has incomplete escapes or is not valid UTF-8.
    BadPath,
    /// A widget refuses a visitor.
    Denied(WidgetDenied),
    Failed {
        error: Error,
        /// Name of the handler's error shape.
        shape: &'static str,
        respond: Respond,
    },
}

impl ApiError {
    pub fn plain(error: Error) -> Self {
        Self::of::<Plain>(error)
    }

    pub fn of<S: ErrorBody>(error: Error) -> Self {
        Self::Failed { error, shape: S::NAME, respond: S::respond }
    }

    pub fn respond(&self) -> HttpResponse {
        let with_message =
            |status, message: &str| HttpResponse::build(status).json(Plain::body(message));
        match self {
            Self::InvalidApiKey => with_message(StatusCode::FORBIDDEN, NOT_ADMITTED),
            Self::MissingScope(scope) => {
                with_message(StatusCode::FORBIDDEN, &missing_scope(*scope))
            }
            Self::Bound => with_message(StatusCode::FORBIDDEN, BOUND),
            Self::TooMany(seconds) => HttpResponse::TooManyRequests()
                .insert_header((RETRY_AFTER, *seconds))
                .json(json!({ "error": too_many(*seconds) })),
            Self::SingleUser => with_message(StatusCode::UNAUTHORIZED, SINGLE_USER),
            Self::Off(status, why) => with_message(*status, why),
            Self::Encoded => with_message(StatusCode::UNSUPPORTED_MEDIA_TYPE, ENCODED),
            Self::BadPath => with_message(StatusCode::BAD_REQUEST, BAD_PATH),
            Self::Denied(denied) => widget::error::denied(denied),
            Self::Failed { error, respond, .. } => respond(error),
        }
    }

    /// Responds in OpenAI's error shape.
    pub fn respond_as_openai(&self) -> HttpResponse {
        let forbidden = StatusCode::FORBIDDEN;
        match self {
            Self::InvalidApiKey => openai::refusal(forbidden, NOT_ADMITTED, "invalid_api_key"),
            Self::MissingScope(scope) => {
                openai::refusal(forbidden, &missing_scope(*scope), "missing_scope")
            }
            Self::Bound => openai::refusal(forbidden, BOUND, "bound_key"),
            Self::TooMany(seconds) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let mut response =
                    openai::refusal(status, &too_many(*seconds), "rate_limit_exceeded");
                response.headers_mut().insert(RETRY_AFTER, (*seconds).into());
                response
            }
            Self::Encoded => openai::refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ENCODED,
                "unsupported_content_encoding",
            ),
            Self::BadPath => openai::refusal(StatusCode::BAD_REQUEST, BAD_PATH, "invalid_path"),
            Self::SingleUser | Self::Off(..) | Self::Denied(_) | Self::Failed { .. } => {
                self.respond()
            }
        }
    }

    /// Returns the cause to log, which the client does not see.
    pub fn cause(&self) -> Option<&Error> {
        match self {
            Self::Failed { error, .. } | Self::Denied(WidgetDenied::Failed(error)) => {
                status_of(error).is_server_error().then_some(error)
            }
            _ => None,
        }
    }
}

/// Returns the response to a path without a route.
pub fn no_route(path: &str) -> HttpResponse {
    HttpResponse::NotFound().json(Plain::body(&format!("no route matches {path}")))
}

const BAD_PATH: &str = "path: must be percent-encoded UTF-8";
const NOT_ADMITTED: &str = "Invalid API key";
const SINGLE_USER: &str = "Instance is not in Multi-User mode. Method denied";
const BOUND: &str = "This API key is bound to workspaces.";

fn missing_scope(scope: Scope) -> String {
    format!("This API key lacks the scope `{}`.", scope.as_str())
}

fn too_many(seconds: u64) -> String {
    format!("Too many requests; try again in {seconds} s")
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidApiKey => f.write_str("not admitted"),
            Self::MissingScope(scope) => write!(f, "lacks the scope {}", scope.as_str()),
            Self::Bound => f.write_str("bound to workspaces"),
            Self::TooMany(_) => f.write_str("too many requests"),
            Self::SingleUser => f.write_str("not in multi-user mode"),
            Self::Off(_, why) => f.write_str(why),
            Self::Encoded => f.write_str(ENCODED),
            Self::BadPath => f.write_str(BAD_PATH),
            Self::Denied(denied) => write!(f, "denied: {denied:?}"),
            Self::Failed { error, .. } => error.fmt(f),
        }
    }
}

impl ResponseError for ApiError {
    fn error_response(&self) -> HttpResponse {
        self.respond()
    }
}
