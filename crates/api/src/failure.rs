//! How an endpoint says no: the one place where a domain error becomes a status and a body.
//!
//! Clients tell success from failure in several ways, and the differences are part of the
//! contract. Each way is a [`Shape`]; a handler names its own in its return type, so that neither
//! the domain nor the handler's body knows about it. How a shape is said at `/api/v1` is decided
//! here too: [`crate::around`] asks for it once it knows the mount.
pub mod embeds;
pub mod openai;
pub mod shapes;

use std::collections::BTreeMap;
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
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder, schema};

use crate::mount::Mount;

pub use shapes::{Plain, Shape};

/// The result of a handler that says no in the shape `S`.
pub type Answer<T, S = Plain> = Result<T, Failure<S>>;

/// A domain error on its way out, in the shape `S`.
pub struct Failure<S> {
    error: Error,
    shape: PhantomData<S>,
}

impl<S> From<Error> for Failure<S> {
    fn from(error: Error) -> Self {
        Self { error, shape: PhantomData }
    }
}

impl<S: Shape> From<Failure<S>> for actix_web::Error {
    fn from(failure: Failure<S>) -> Self {
        Refusal::of::<S>(failure.error).into()
    }
}

/// Any reason for which a request is not answered as asked.
pub enum Refusal {
    /// No key, or not a good one.
    NotAdmitted,
    /// A good key that may not do this.
    LacksScope(Scope),
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
        say: fn(Mount, &Error) -> HttpResponse,
    },
}

impl Refusal {
    pub fn plain(error: Error) -> Self {
        Self::of::<Plain>(error)
    }

    pub fn of<S: Shape>(error: Error) -> Self {
        Self::Failed { error, say: say::<S> }
    }

    pub fn respond(&self, mount: Mount) -> HttpResponse {
        match (self, mount) {
            (Self::NotAdmitted, Mount::Native) => forbidden(NOT_ADMITTED),
            // quirk(refused-key)
            (Self::NotAdmitted, Mount::Compat) => forbidden("No valid api key found."),
            (Self::LacksScope(scope), _) => forbidden(&lacks(*scope)),
            (Self::Bound, _) => forbidden(BOUND),
            (Self::TooMany(seconds), _) => HttpResponse::TooManyRequests()
                .insert_header((RETRY_AFTER, *seconds))
                .json(json!({ "error": too_many(*seconds) })),
            (Self::SingleUser, Mount::Native) => {
                let error = "Instance is not in Multi-User mode. Method denied";
                HttpResponse::Unauthorized().json(json!({ "error": error }))
            }
            // quirk(single-user-in-text)
            (Self::SingleUser, Mount::Compat) => shapes::bare(StatusCode::UNAUTHORIZED),
            (Self::Off(status, why), Mount::Native) => {
                HttpResponse::build(*status).json(json!({ "error": why }))
            }
            (Self::Off(status, why), Mount::Compat) => shapes::text(*status, why),
            (Self::Encoded, _) => {
                HttpResponse::UnsupportedMediaType().json(json!({ "error": ENCODED }))
            }
            (Self::BadPath, Mount::Native) => {
                HttpResponse::BadRequest().json(json!({ "error": BAD_PATH }))
            }
            (Self::BadPath, Mount::Compat) => shapes::bare(StatusCode::BAD_REQUEST),
            (Self::Denied(denied), _) => embeds::denied(denied),
            (Self::Failed { error, say }, mount) => say(mount, error),
        }
    }

    /// As OpenAI's protocol says it, at the native mount.
    pub fn respond_as_openai(&self) -> HttpResponse {
        let forbidden = StatusCode::FORBIDDEN;
        match self {
            Self::NotAdmitted => openai::refusal(forbidden, NOT_ADMITTED, "invalid_api_key"),
            Self::LacksScope(scope) => openai::refusal(forbidden, &lacks(*scope), "missing_scope"),
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
                self.respond(Mount::Native)
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

const BAD_PATH: &str = "path: must be percent-encoded UTF-8";
const NOT_ADMITTED: &str = "Invalid API key";
const BOUND: &str = "This API key is bound to workspaces.";

fn lacks(scope: Scope) -> String {
    format!("This API key lacks the scope `{}`.", scope.as_str())
}

fn too_many(seconds: u64) -> String {
    format!("Too many requests; try again in {seconds} s")
}

fn forbidden(message: &str) -> HttpResponse {
    HttpResponse::Forbidden().json(json!({ "error": message }))
}

fn say<S: Shape>(mount: Mount, error: &Error) -> HttpResponse {
    let (status, message) = (status_of(error), error.to_string());
    match mount {
        Mount::Native => S::native(status, &message, error),
        Mount::Compat => S::compat(status, &message, error),
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdmitted => f.write_str("not admitted"),
            Self::LacksScope(scope) => write!(f, "lacks the scope {}", scope.as_str()),
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

impl ResponseError for Refusal {
    fn error_response(&self) -> HttpResponse {
        self.respond(Mount::Native)
    }
}

/// What the OpenAPI document says of every failing answer of the shape `S`.
impl<S: Shape> utoipa::IntoResponses for Failure<S> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let said = |(status, description): (&str, &str)| {
            let mut example = match status {
                "403" => json!({ "error": "Invalid API key" }),
                _ => S::body(description),
            };
            // Ids are random, and the document must be the same each time.
            if let Some(id) = example.get_mut("id") {
                *id = json!("7d1c0f5a-3e5b-4c8e-9f57-2f1f1f0c7a61");
            }
            let object = schema::ObjectBuilder::new().build();
            let content = ContentBuilder::new().schema(Some(object)).example(Some(example)).build();
            let response = ResponseBuilder::new().description(description);
            (status.to_owned(), response.content("application/json", content).build().into())
        };
        [
            ("400", "The request is malformed; the message names the field and what is allowed."),
            ("403", "Invalid API key, or one that lacks the scope."),
            ("404", "What the path names does not exist."),
            ("413", "The body is larger than allowed."),
            ("422", "The content cannot be processed."),
            ("429", "Too many requests of this key, or questions of this user."),
            ("500", "The server failed; the log has the request id."),
            (
                "503",
                "Something the server depends on does not answer; the message says what to do.",
            ),
        ]
        .map(said)
        .into()
    }
}
