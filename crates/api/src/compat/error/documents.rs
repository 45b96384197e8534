//! Error bodies of the library at `/api/v1`.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use carrel_http::status::status_of;
use serde_json::{Value, json};

use crate::error::error_body::{self as native, ErrorBody};
use crate::idempotency::KEY_REUSED;

const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// `{"success":false,"error","documents":[]}`
pub struct NoDocuments;

impl ErrorBody for NoDocuments {
    const NAME: &'static str = "compat::NoDocuments";

    fn body(message: &str) -> Value {
        native::NoDocuments::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        let plain_body = |status, message: &str| {
            HttpResponse::build(status).json(native::NotDone::body(message))
        };
        match error {
            Error::Unprocessable { reason } if reason == KEY_REUSED => {
                native::NoDocuments::respond(error)
            }
            // quirk(conversion-500): `500 {"success":false,"error":…,"documents":[]}`
            // native: a file that cannot be converted is `422`
            // test: `bad_input::unreadable_files_leave_nothing_behind`
            Error::Unprocessable { reason } => HttpResponse::build(FAILED).json(Self::body(reason)),
            Error::Invalid { field, reason } => match &**field {
                "file" => plain_body(FAILED, &format!("Invalid file upload. {reason}")),
                "addToWorkspaces" | "metadata" => {
                    plain_body(StatusCode::UNPROCESSABLE_ENTITY, reason)
                }
                "textContent" => {
                    let reason = "The 'textContent' key cannot have an empty value.";
                    plain_body(StatusCode::UNPROCESSABLE_ENTITY, reason)
                }
                _ => native::NoDocuments::respond(error),
            },
            _ => native::NoDocuments::respond(error),
        }
    }
}

/// Like [`NoDocuments`], for a web page.
pub struct NoLink;

impl ErrorBody for NoLink {
    const NAME: &'static str = "compat::NoLink";

    fn body(message: &str) -> Value {
        native::NoDocuments::body(message)
    }

    // quirk(link-500): `500` with `Not a valid URL.` or `No URL content found at …`
    // native: a refused link is `400`; a page without usable content is `422`; both with the reason
    // test: `links::forbidden_addresses_are_refused_by_name`
    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::Invalid { field, .. } if field == "link" => {
                HttpResponse::build(FAILED).json(Self::body("Not a valid URL."))
            }
            Error::Unprocessable { reason } if reason.starts_with("No URL content") => {
                let message = reason.split(" (").next().unwrap_or_default();
                HttpResponse::build(FAILED).json(Self::body(message))
            }
            _ => NoDocuments::respond(error),
        }
    }
}

fn not_done(status: StatusCode, message: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "success": false, "message": message }))
}

fn is_of_body(error: &Error) -> bool {
    matches!(error, Error::Invalid { field, .. } if field == "body")
}

/// `{"success":false,"message"}`, if a folder is not created.
pub struct NoFolder;

impl ErrorBody for NoFolder {
    const NAME: &'static str = "compat::NoFolder";

    fn body(message: &str) -> Value {
        native::NoSuccess::body(message)
    }

    // quirk(folders-500): `500` with the same body
    // native: refused folders and moves are `400`, `404` or `409`
    // test: `shelves::documents_are_moved_completely_or_not_at_all`
    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::AlreadyExists { .. } => not_done(FAILED, "Folder by that name already exists"),
            Error::Invalid { .. } if !is_of_body(error) => {
                not_done(FAILED, "Failed to create folder: Invalid path.")
            }
            _ => native::NoSuccess::respond(error),
        }
    }
}

/// `{"success":false,"message"}`, if a folder is not removed.
pub struct NotRemoved;

impl ErrorBody for NotRemoved {
    const NAME: &'static str = "compat::NotRemoved";

    fn body(message: &str) -> Value {
        native::NoSuccess::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::Invalid { .. } if !is_of_body(error) => {
                not_done(FAILED, &format!("Failed to remove folder: {error}"))
            }
            _ => native::NoSuccess::respond(error),
        }
    }
}

/// `{"success":false,"message"}`, if documents are not moved.
pub struct NotMoved;

impl ErrorBody for NotMoved {
    const NAME: &'static str = "compat::NotMoved";

    fn body(message: &str) -> Value {
        native::NoSuccess::body(message)
    }

    // quirk(folders-500)
    fn respond(error: &Error) -> HttpResponse {
        match error {
            Error::Invalid { field, .. } if field == "files" => {
                not_done(FAILED, "Failed to move files.")
            }
            Error::Invalid { .. } if is_of_body(error) => {
                not_done(status_of(error), &error.to_string())
            }
            Error::Invalid { .. } | Error::NotFound { .. } | Error::AlreadyExists { .. } => {
                not_done(FAILED, "Failed to move some files.")
            }
            _ => native::NoSuccess::respond(error),
        }
    }
}
