//! How an endpoint says no: the one place where a domain error becomes a status and a body.
//!
//! Clients tell success from failure in several ways, and the differences are part of the
//! contract. Each way is a [`ErrorBody`]; a handler names its own in its return type, so that neither
//! the domain nor the handler's body knows about it. What the OpenAPI document says of failures is
//! read off the answers themselves: see [`documented`].
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

/// The result of a handler that says no in the shape `S`.
pub type ApiResult<T, S = Plain> = Result<T, ErrorResponse<S>>;

/// How a domain error is answered.
pub type Respond = fn(&Error) -> HttpResponse;

/// A domain error on its way out, in the shape `S`.
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

/// Any reason for which a request is not answered as asked.
pub enum ApiError {
    /// No key, or not a good one.
    InvalidApiKey,
    /// A good key that may not do this.
    MissingScope(Scope),
    /// A good key that is bound to workspaces, where it is about more than those.
    Bound,
    /// A good key that has asked too often; again after so many seconds.
    TooMany(u64),
    /// A route of multi-user mode, which is off.
    SingleUser,
    /// A route that is switched off; why, and with which status.
    Off(StatusCode, &'static str),
    /// A body that is compressed.
    Encoded,
    /// A path whose escapes are cut short or stand for no text.
    BadPath,
    /// Of a visitor to an embed.
    Denied(WidgetDenied),
    Failed {
        error: Error,
        /// The name of the shape that the handler says no in.
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
        let said = |status, message: &str| HttpResponse::build(status).json(Plain::body(message));
        match self {
            Self::InvalidApiKey => said(StatusCode::FORBIDDEN, NOT_ADMITTED),
            Self::MissingScope(scope) => said(StatusCode::FORBIDDEN, &lacks(*scope)),
            Self::Bound => said(StatusCode::FORBIDDEN, BOUND),
            Self::TooMany(seconds) => HttpResponse::TooManyRequests()
                .insert_header((RETRY_AFTER, *seconds))
                .json(json!({ "error": too_many(*seconds) })),
            Self::SingleUser => said(StatusCode::UNAUTHORIZED, SINGLE_USER),
            Self::Off(status, why) => said(*status, why),
            Self::Encoded => said(StatusCode::UNSUPPORTED_MEDIA_TYPE, ENCODED),
            Self::BadPath => said(StatusCode::BAD_REQUEST, BAD_PATH),
            Self::Denied(denied) => widget::error::denied(denied),
            Self::Failed { error, respond, .. } => respond(error),
        }
    }

    /// As OpenAI's protocol says it.
    pub fn respond_as_openai(&self) -> HttpResponse {
        let forbidden = StatusCode::FORBIDDEN;
        match self {
            Self::InvalidApiKey => openai::refusal(forbidden, NOT_ADMITTED, "invalid_api_key"),
            Self::MissingScope(scope) => {
                openai::refusal(forbidden, &lacks(*scope), "missing_scope")
            }
            Self::Bound => openai::refusal(forbidden, BOUND, "bound_key"),
            Self::TooMany(seconds) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let mut said = openai::refusal(status, &too_many(*seconds), "rate_limit_exceeded");
                said.headers_mut().insert(RETRY_AFTER, (*seconds).into());
                said
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

    /// What the log should know and the client should not.
    pub fn cause(&self) -> Option<&Error> {
        match self {
            Self::Failed { error, .. } | Self::Denied(WidgetDenied::Failed(error)) => {
                status_of(error).is_server_error().then_some(error)
            }
            _ => None,
        }
    }
}

/// The answer where there is nothing.
pub fn no_route(path: &str) -> HttpResponse {
    HttpResponse::NotFound().json(Plain::body(&format!("no route matches {path}")))
}

const BAD_PATH: &str = "path: must be percent-encoded UTF-8";
const NOT_ADMITTED: &str = "Invalid API key";
const SINGLE_USER: &str = "Instance is not in Multi-User mode. Method denied";
const BOUND: &str = "This API key is bound to workspaces.";

fn lacks(scope: Scope) -> String {
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
