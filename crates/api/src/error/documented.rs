//! Error responses in the OpenAPI document. Each kind of error is rendered once, and the document
//! takes status, media type and schema from that response, so it cannot contradict the code.
use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::header::CONTENT_TYPE;
use carrel_domain::Error;
use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::{RefOr, Response, ResponseBuilder};

use super::{ErrorBody, ErrorResponse, Respond};
use crate::idempotency::KEY_REUSED;
use crate::read::REFERENCES;

/// Key that holds a handler's error responses among its responses until the document is complete.
pub const PLACE: &str = "failures";
/// Extensions below that key: the name of the error shape, and the responses.
pub const SHAPE: &str = "x-shape";
pub const SAID: &str = "x-said";

impl<S: ErrorBody> utoipa::IntoResponses for ErrorResponse<S> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        marked(S::NAME, all(S::respond))
    }
}

/// Marks a route that exists in multi-user mode only, in the list of its responses.
pub struct MultiUserOnly;

/// Marks a route that can be switched off, which it reports with this status.
pub struct SwitchedOff<const STATUS: u16>;

/// Keys of these two markers until the document is complete.
pub const MULTI_USER_ONLY: &str = "multi-user-only";
pub const SWITCHED_OFF: &str = "switched-off-";

impl utoipa::IntoResponses for MultiUserOnly {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let marked = ResponseBuilder::new().build();
        BTreeMap::from([(MULTI_USER_ONLY.to_owned(), marked.into())])
    }
}

impl<const STATUS: u16> utoipa::IntoResponses for SwitchedOff<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let marked = ResponseBuilder::new().build();
        BTreeMap::from([(format!("{SWITCHED_OFF}{STATUS}"), marked.into())])
    }
}

/// Stores responses among those of an operation until the document is complete.
pub fn marked(shape: &str, descriptions: Vec<Value>) -> BTreeMap<String, RefOr<Response>> {
    let marks = Extensions::builder().add(SHAPE, shape).add(SAID, descriptions).build();
    let response = ResponseBuilder::new().extensions(Some(marks)).build();
    BTreeMap::from([(PLACE.to_owned(), response.into())])
}

/// Renders the response to every kind of error.
pub fn all(respond: Respond) -> Vec<Value> {
    samples().into_iter().filter_map(|(error, why)| described(respond(&error), why)).collect()
}

/// Describes a response for the document: `status`, `media`, `body` and `why`.
pub fn described(response: HttpResponse, why: &str) -> Option<Value> {
    let status = response.status().as_u16();
    let media = response.headers().get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.to_owned();
    let bytes = response.into_body().try_into_bytes().ok()?;
    let mut body = match media.as_str() {
        "application/json" => serde_json::from_slice(&bytes).ok()?,
        _ => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
    };
    // Ids are random, but the document must be reproducible.
    if let Some(id) = body.get_mut("id") {
        *id = json!("7d1c0f5a-3e5b-4c8e-9f57-2f1f1f0c7a61");
    }
    Some(json!({ "status": status, "media": media, "body": body, "why": why }))
}

/// Fields for which some shapes have a special response, besides the general case.
const FIELDS: [&str; 14] = [
    "body",
    "limit",
    "query",
    "type",
    "message",
    "mode",
    "file",
    "files",
    "filename",
    "addToWorkspaces",
    "textContent",
    "link",
    "prompt",
    REFERENCES,
];

/// Kinds of missing things for which some shapes have a special response.
const KINDS: [&str; 6] = ["workspace", "thread", "document", "user", "invite", "embed"];

/// Returns one error of every kind, and when it occurs.
fn samples() -> Vec<(Error, &'static str)> {
    const MALFORMED: &str =
        "The request is malformed; the message names the field and what is allowed.";
    const MISSING: &str = "A resource that the request names does not exist.";
    const NOTHING: &str = "The content cannot be processed.";
    let invalid = FIELDS.map(|field| (Error::invalid(field, "what is allowed"), MALFORMED));
    let missing = KINDS.map(|kind| (Error::not_found(kind, "its-name"), MISSING));
    let stored_kind = "a document";
    let rest = [
        (
            Error::AlreadyExists { kind: stored_kind, key: "its-name".to_owned() },
            "The resource exists already or is in use.",
        ),
        (
            Error::TooLarge { what: "the body", limit: 1 << 20 },
            "The request is larger than allowed.",
        ),
        (
            Error::TooLarge { what: "the file", limit: 1 << 20 },
            "The request is larger than allowed.",
        ),
        (Error::unprocessable("why nothing can be made of it"), NOTHING),
        (Error::unprocessable(KEY_REUSED), NOTHING),
        (Error::unprocessable("No URL content found at the link."), NOTHING),
        (
            Error::exhausted("how much there may be"),
            "A limit of the key, the user or the server is reached; retry later.",
        ),
        (
            Error::unavailable("a service", "what to do about it"),
            "A service that the server depends on does not answer; the message says what to do.",
        ),
        (Error::internal("a fault"), "The server failed; the log has the request id."),
    ];
    invalid.into_iter().chain(missing).chain(rest).collect()
}
