//! Error bodies of most operations of `/api/v1`.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use carrel_http::status::status_of;
use serde_json::Value;

use super::reason;
use crate::error::error_body::{self as native, ErrorBody, bare};

fn respond<S: ErrorBody>(status: StatusCode, message: &str) -> HttpResponse {
    HttpResponse::build(status).json(S::body(message))
}

/// `{"error"}`, or the status line as text.
pub struct Plain;

impl ErrorBody for Plain {
    const NAME: &'static str = "compat::Plain";

    fn body(message: &str) -> Value {
        native::Plain::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            // quirk(unknown-slug): `400 Bad Request` as text
            // native: `404 {"error":…}`
            // test: `workspaces::the_other_mount_confirms_a_deletion_in_text`
            Error::NotFound { .. } => bare(StatusCode::BAD_REQUEST),
            Error::Internal(_) => bare(status_of(error)),
            _ => native::Plain::respond(error),
        }
    }
}

/// Like [`Plain`], but not found is `404 Not Found` as text.
pub struct NotFoundInText;

impl ErrorBody for NotFoundInText {
    const NAME: &'static str = "compat::NotFoundInText";

    fn body(message: &str) -> Value {
        native::Plain::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { .. } => bare(StatusCode::NOT_FOUND),
            _ => Plain::respond(error),
        }
    }
}

/// Like [`Plain`], for a document of a workspace: an unknown document is answered in text, an
/// unknown workspace in JSON.
pub struct NoDocument;

impl ErrorBody for NoDocument {
    const NAME: &'static str = "compat::NoDocument";

    fn body(message: &str) -> Value {
        native::Plain::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { kind: "document", .. } => bare(status_of(error)),
            Error::NotFound { .. } => native::Plain::respond(error),
            _ => Plain::respond(error),
        }
    }
}

/// `{"error"}`, for an unknown user.
pub struct NoSuchUser;

impl ErrorBody for NoSuchUser {
    const NAME: &'static str = "compat::NoSuchUser";

    fn body(message: &str) -> Value {
        native::Plain::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        respond::<Self>(status_of(error), &reason(error))
    }
}

/// `{"error"}`, for an unknown widget.
pub struct NoEmbed;

impl ErrorBody for NoEmbed {
    const NAME: &'static str = "compat::NoEmbed";

    fn body(message: &str) -> Value {
        native::Plain::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        let message = match error {
            Error::NotFound { kind: "workspace", .. } => "Workspace not found".to_owned(),
            Error::NotFound { kind: "embed", .. } => "Embed not found".to_owned(),
            Error::Invalid { field, reason } if field == "workspace_slug" => reason.to_string(),
            _ => error.to_string(),
        };
        respond::<Self>(status_of(error), &message)
    }
}

/// `{"workspace":null,"message"}`
pub struct NoWorkspace;

impl ErrorBody for NoWorkspace {
    const NAME: &'static str = "compat::NoWorkspace";

    fn body(message: &str) -> Value {
        native::NoWorkspace::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        let status = match error {
            // quirk(unnamed-400): `400`, with the same message
            // native: a workspace without a name is `422`
            // test: `cargo xtask conformance`
            Error::Unprocessable { .. } => StatusCode::BAD_REQUEST,
            _ => status_of(error),
        };
        respond::<Self>(status, &error.to_string())
    }
}

/// `{"message"}`, if a search or an export is refused.
pub struct PlainMessage;

impl ErrorBody for PlainMessage {
    const NAME: &'static str = "compat::Message";

    fn body(message: &str) -> Value {
        native::PlainMessage::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { kind: "workspace", key } => {
                respond::<Self>(StatusCode::BAD_REQUEST, &no_workspace(key))
            }
            Error::Invalid { field, .. } if field == "query" => {
                respond::<Self>(status_of(error), "Query parameter cannot be empty.")
            }
            Error::Invalid { field, reason } if field == "type" => {
                respond::<Self>(status_of(error), reason)
            }
            _ => native::PlainMessage::respond(error),
        }
    }
}

/// `{"message"}`, without the name of what was not found.
pub struct NothingSaid;

impl ErrorBody for NothingSaid {
    const NAME: &'static str = "compat::NothingSaid";

    fn body(message: &str) -> Value {
        native::PlainMessage::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        let message = match error {
            Error::NotFound { kind: "workspace", .. } => "Workspace not found".to_owned(),
            Error::NotFound { kind: "thread", .. } => "Thread not found".to_owned(),
            _ => error.to_string(),
        };
        respond::<Self>(status_of(error), &message)
    }
}

/// `{"user":null,"error"}`
pub struct NoUser;

impl ErrorBody for NoUser {
    const NAME: &'static str = "compat::NoUser";

    fn body(message: &str) -> Value {
        native::NoUser::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        respond::<Self>(status_of(error), &reason(error))
    }
}

/// `{"success":false,"error"}`
pub struct NotDone;

impl ErrorBody for NotDone {
    const NAME: &'static str = "compat::NotDone";

    fn body(message: &str) -> Value {
        native::NotDone::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        respond::<Self>(status_of(error), &reason(error))
    }
}

/// Like [`NotDone`], with status 200.
pub struct NotUpdated;

impl ErrorBody for NotUpdated {
    const NAME: &'static str = "compat::NotUpdated";

    fn body(message: &str) -> Value {
        native::NotDone::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::Invalid { field, .. } if field == "body" => NotDone::respond(error),
            // quirk(refused-with-200): refused changes of users and members are answered with `200
            // {"success":false,"error":…}`
            // native: a refused change is `400` or `404`
            // test: `compat::users_are_parsed_loosely_and_refused_with_200`
            Error::Invalid { .. } | Error::NotFound { .. } => {
                respond::<Self>(StatusCode::OK, &reason(error))
            }
            _ => NotDone::respond(error),
        }
    }
}

/// `{"success":false,"error","users":[]}`
pub struct NoMembers;

impl ErrorBody for NoMembers {
    const NAME: &'static str = "compat::NoMembers";

    fn body(message: &str) -> Value {
        native::NoMembers::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        respond::<Self>(status_of(error), &reason(error))
    }
}

/// `{"thread":null,"message"}`
pub struct NoThread;

impl ErrorBody for NoThread {
    const NAME: &'static str = "compat::NoThread";

    fn body(message: &str) -> Value {
        native::NoThread::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { kind: "workspace", .. } => bare(StatusCode::BAD_REQUEST),
            // quirk(threads-refused-with-200): `200 {"thread":null,"message":…}`
            // native: a thread that cannot be created or renamed is `400`, `404` or `409`
            // test: `threads::threads_are_refused_as_existing_clients_expect`
            Error::AlreadyExists { .. } | Error::NotFound { .. } => {
                respond::<Self>(StatusCode::OK, &error.to_string())
            }
            Error::Invalid { field, .. } if field != "body" => {
                respond::<Self>(StatusCode::OK, &error.to_string())
            }
            _ => native::NoThread::respond(error),
        }
    }
}

/// Like [`NoThread`]; `{"message"}` if the thread does not exist.
pub struct NoSuchThread;

impl ErrorBody for NoSuchThread {
    const NAME: &'static str = "compat::NoSuchThread";

    fn body(message: &str) -> Value {
        native::NoThread::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { .. } => NothingSaid::respond(error),
            _ => NoThread::respond(error),
        }
    }
}

/// The body of an aborted answer.
pub struct Abort;

impl ErrorBody for Abort {
    const NAME: &'static str = "compat::Abort";

    fn body(message: &str) -> Value {
        native::Abort::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { kind: "workspace", key } => {
                respond::<Self>(StatusCode::BAD_REQUEST, &no_workspace(key))
            }
            Error::Invalid { field, reason } if field == "message" || field == "mode" => {
                respond::<Self>(status_of(error), reason)
            }
            // quirk(model-500): a model that does not answer is a server error.
            Error::Unavailable { .. } => {
                respond::<Self>(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
            }
            _ => native::Abort::respond(error),
        }
    }
}

/// Like [`Abort`], in a thread.
pub struct ThreadAbort;

impl ErrorBody for ThreadAbort {
    const NAME: &'static str = "compat::ThreadAbort";

    fn body(message: &str) -> Value {
        native::Abort::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        let message = match error {
            Error::NotFound { kind: "workspace", key } => format!("Workspace {key} not found."),
            Error::NotFound { kind: "thread", key } => format!("Thread {key} not found."),
            _ => return Abort::respond(error),
        };
        respond::<Self>(status_of(error), &message)
    }
}

fn no_workspace(slug: &str) -> String {
    format!("Workspace {slug} is not a valid workspace.")
}
