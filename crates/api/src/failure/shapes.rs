//! The shapes in which endpoints say no, natively and at `/api/v1`.
mod documents;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use serde_json::{Value, json};
use uuid::Uuid;

pub use documents::{NoDocuments, NoFolder, NoLink, NotFoundInText, NotMoved, NotRemoved};

/// One way of telling a client that a request was refused.
pub trait Shape: 'static {
    /// The JSON of a refusal.
    fn body(message: &str) -> Value;

    /// The whole refusal at `/v1`.
    fn native(status: StatusCode, message: &str, _: &Error) -> HttpResponse {
        HttpResponse::build(status).json(Self::body(message))
    }

    /// The whole refusal at `/api/v1`, where statuses differ too.
    fn compat(status: StatusCode, message: &str, _: &Error) -> HttpResponse {
        HttpResponse::build(status).json(Self::body(message))
    }
}

/// `{"error"}`; at `/api/v1` the bare status as text.
pub struct Plain;

impl Shape for Plain {
    fn body(message: &str) -> Value {
        json!({ "error": message })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            // quirk(unknown-slug): an unknown workspace is a bad request.
            Error::NotFound { .. } => bare(StatusCode::BAD_REQUEST),
            Error::Internal(_) => bare(status),
            _ => HttpResponse::build(status).json(Self::body(message)),
        }
    }
}

/// `{"error"}` at both mounts, with the same status: of what only this server has.
pub struct Alike;

impl Shape for Alike {
    fn body(message: &str) -> Value {
        Plain::body(message)
    }
}

/// A status whose body is its own name.
pub fn bare(status: StatusCode) -> HttpResponse {
    text(status, status.canonical_reason().unwrap_or_default())
}

pub fn text(status: StatusCode, text: &'static str) -> HttpResponse {
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(text)
}

/// `{"error"}` at both mounts.
pub struct NoSuchUser;

impl Shape for NoSuchUser {
    fn body(message: &str) -> Value {
        Plain::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        HttpResponse::build(status).json(Self::body(&reason(message, error)))
    }
}

/// `{"success":false,"error"}` at both mounts, where existing clients have nothing of the kind.
pub struct NoChat;

impl Shape for NoChat {
    fn body(message: &str) -> Value {
        NotDone::body(message)
    }
}

/// `{"workspace":null,"message"}`.
pub struct NoWorkspace;

impl Shape for NoWorkspace {
    fn body(message: &str) -> Value {
        json!({ "workspace": null, "message": message })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let status = match error {
            // quirk(unnamed-400): a workspace without a name is a bad request.
            Error::Unprocessable { .. } => StatusCode::BAD_REQUEST,
            _ => status,
        };
        HttpResponse::build(status).json(Self::body(message))
    }
}

/// As [`Plain`], of a document of a workspace.
pub struct NoDocument;

impl Shape for NoDocument {
    fn body(message: &str) -> Value {
        Plain::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { kind: "document", .. } => bare(status),
            Error::NotFound { .. } => HttpResponse::build(status).json(Self::body(message)),
            _ => Plain::compat(status, message, error),
        }
    }
}

/// `{"message"}`.
pub struct Message;

impl Shape for Message {
    fn body(message: &str) -> Value {
        json!({ "message": message })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let (status, message) = match error {
            Error::NotFound { kind: "workspace", key } => {
                (StatusCode::BAD_REQUEST, no_workspace(key))
            }
            Error::Invalid { field, .. } if field == "query" => {
                (status, "Query parameter cannot be empty.".to_owned())
            }
            Error::Invalid { field, reason } if field == "type" => {
                (status, reason.clone().into_owned())
            }
            _ => (status, message.to_owned()),
        };
        HttpResponse::build(status).json(Self::body(&message))
    }
}

/// `{"success":false,"message"}`.
pub struct NoSuccess;

impl Shape for NoSuccess {
    fn body(message: &str) -> Value {
        json!({ "success": false, "message": message })
    }
}

/// `{"user":null,"error"}`.
pub struct NoUser;

impl Shape for NoUser {
    fn body(message: &str) -> Value {
        json!({ "user": null, "error": message })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        HttpResponse::build(status).json(Self::body(&reason(message, error)))
    }
}

/// `{"success":false,"error"}`.
pub struct NotDone;

impl Shape for NotDone {
    fn body(message: &str) -> Value {
        json!({ "success": false, "error": message })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        HttpResponse::build(status).json(Self::body(&reason(message, error)))
    }
}

/// As [`NotDone`]; at `/api/v1` with the status of success.
pub struct NotUpdated;

impl Shape for NotUpdated {
    fn body(message: &str) -> Value {
        NotDone::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let status = match error {
            Error::Invalid { field, .. } if field == "body" => status,
            // quirk(refused-with-200): only a body that cannot be read is said by the status.
            Error::Invalid { .. } | Error::NotFound { .. } => StatusCode::OK,
            _ => status,
        };
        NotDone::compat(status, message, error)
    }
}

/// `{"invite":null,"error"}`.
pub struct NoInvite;

impl Shape for NoInvite {
    fn body(message: &str) -> Value {
        json!({ "invite": null, "error": message })
    }
}

/// `{"success":false,"error","users":[]}`.
pub struct NoMembers;

impl Shape for NoMembers {
    fn body(message: &str) -> Value {
        json!({ "success": false, "error": message, "users": [] })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        HttpResponse::build(status).json(Self::body(&reason(message, error)))
    }
}

/// `{"api_key":null,"error"}`.
pub struct NoKey;

impl Shape for NoKey {
    fn body(message: &str) -> Value {
        json!({ "api_key": null, "error": message })
    }
}

/// `{"newValues":{},"error"}`.
pub struct NoValues;

impl Shape for NoValues {
    fn body(message: &str) -> Value {
        json!({ "newValues": {}, "error": message })
    }
}

/// `{"thread":null,"message"}`.
pub struct NoThread;

impl Shape for NoThread {
    fn body(message: &str) -> Value {
        json!({ "thread": null, "message": message })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { kind: "workspace", .. } => bare(StatusCode::BAD_REQUEST),
            // quirk(threads-refused-with-200)
            Error::AlreadyExists { .. } | Error::NotFound { .. } => {
                HttpResponse::Ok().json(Self::body(message))
            }
            Error::Invalid { field, .. } if field != "body" => {
                HttpResponse::Ok().json(Self::body(message))
            }
            _ => HttpResponse::build(status).json(Self::body(message)),
        }
    }
}

/// `{"thread":null,"message"}`; at `/api/v1` only `message` where there is no such thread.
pub struct NoSuchThread;

impl Shape for NoSuchThread {
    fn body(message: &str) -> Value {
        NoThread::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { .. } => NothingSaid::compat(status, message, error),
            _ => NoThread::compat(status, message, error),
        }
    }
}

/// `{"message"}`, which at `/api/v1` does not name what was looked for.
pub struct NothingSaid;

impl Shape for NothingSaid {
    fn body(message: &str) -> Value {
        Message::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let message = match error {
            Error::NotFound { kind: "workspace", .. } => "Workspace not found",
            Error::NotFound { kind: "thread", .. } => "Thread not found",
            _ => message,
        };
        HttpResponse::build(status).json(Self::body(message))
    }
}

/// `{"id","type":"abort","textResponse":null,"sources":[],"close":true,"error"}`.
pub struct Abort;

impl Shape for Abort {
    fn body(message: &str) -> Value {
        json!({
            "id": Uuid::new_v4().to_string(),
            "type": "abort",
            "textResponse": null,
            "sources": [],
            "close": true,
            "error": message,
        })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let (status, message) = match error {
            Error::NotFound { kind: "workspace", key } => {
                (StatusCode::BAD_REQUEST, no_workspace(key))
            }
            Error::Invalid { field, reason } if field == "message" || field == "mode" => {
                (status, reason.clone().into_owned())
            }
            // quirk(model-500): a model that does not answer is a server error.
            Error::Unavailable { .. } => (StatusCode::INTERNAL_SERVER_ERROR, message.to_owned()),
            _ => (status, message.to_owned()),
        };
        HttpResponse::build(status).json(Self::body(&message))
    }
}

/// As [`Abort`], in a thread.
pub struct ThreadAbort;

impl Shape for ThreadAbort {
    fn body(message: &str) -> Value {
        Abort::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let message = match error {
            Error::NotFound { kind: "workspace", key } => format!("Workspace {key} not found."),
            Error::NotFound { kind: "thread", key } => format!("Thread {key} not found."),
            _ => return Abort::compat(status, message, error),
        };
        HttpResponse::build(status).json(Self::body(&message))
    }
}

fn no_workspace(slug: &str) -> String {
    format!("Workspace {slug} is not a valid workspace.")
}

/// What AnythingLLM's own words are, where it has any: they do without the name of the field.
fn reason(message: &str, error: &Error) -> String {
    match error {
        Error::Invalid { field, reason } if field != "body" => reason.clone().into_owned(),
        Error::NotFound { kind: "user", .. } => "User not found".to_owned(),
        Error::NotFound { kind: "invite", .. } => "Invite not found or already disabled".to_owned(),
        Error::NotFound { kind: "workspace", key } => format!("Workspace {key} not found"),
        _ => message.to_owned(),
    }
}
