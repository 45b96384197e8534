//! How the library says no.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use serde_json::{Value, json};

use crate::failure::shapes::{Plain, Shape, bare};
use crate::repeat::ANOTHER;

const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// `{"success":false,"error","documents":[]}`.
pub struct NoDocuments;

impl Shape for NoDocuments {
    fn body(message: &str) -> Value {
        json!({ "success": false, "error": message, "documents": [] })
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        let failed = StatusCode::INTERNAL_SERVER_ERROR;
        let short = |status, message: &str| {
            HttpResponse::build(status).json(json!({ "success": false, "error": message }))
        };
        match error {
            Error::Unprocessable { reason } if reason == ANOTHER => {
                HttpResponse::build(status).json(Self::body(message))
            }
            // quirk(conversion-500): what cannot be converted is answered as a server error.
            Error::Unprocessable { .. } => HttpResponse::build(failed).json(Self::body(message)),
            Error::Invalid { field, reason } => match &**field {
                "file" => short(failed, &format!("Invalid file upload. {reason}")),
                "addToWorkspaces" | "metadata" => short(StatusCode::UNPROCESSABLE_ENTITY, reason),
                "textContent" => {
                    let reason = "The 'textContent' key cannot have an empty value.";
                    short(StatusCode::UNPROCESSABLE_ENTITY, reason)
                }
                _ => HttpResponse::build(status).json(Self::body(message)),
            },
            _ => HttpResponse::build(status).json(Self::body(message)),
        }
    }
}

/// As [`NoDocuments`], of a page elsewhere.
pub struct NoLink;

impl Shape for NoLink {
    fn body(message: &str) -> Value {
        NoDocuments::body(message)
    }

    // quirk(link-500): what nothing came of is answered as a server error, in few words.
    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            Error::Invalid { field, .. } if field == "link" => {
                HttpResponse::build(FAILED).json(Self::body("Not a valid URL."))
            }
            Error::Unprocessable { reason } if reason.starts_with("No URL content") => {
                let said = message.split(" (").next().unwrap_or_default();
                HttpResponse::build(FAILED).json(Self::body(said))
            }
            _ => NoDocuments::compat(status, message, error),
        }
    }
}

/// `{"error"}`; at `/api/v1` what is not found is said in text.
pub struct NotFoundInText;

impl Shape for NotFoundInText {
    fn body(message: &str) -> Value {
        Plain::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            Error::NotFound { .. } => bare(StatusCode::NOT_FOUND),
            _ => Plain::compat(status, message, error),
        }
    }
}

fn not_done(status: StatusCode, message: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "success": false, "message": message }))
}

fn is_of_body(error: &Error) -> bool {
    matches!(error, Error::Invalid { field, .. } if field == "body")
}

/// `{"success":false,"message"}`, when a folder is not made.
pub struct NoFolder;

impl Shape for NoFolder {
    fn body(message: &str) -> Value {
        json!({ "success": false, "message": message })
    }

    // quirk(folders-500): what is refused is answered as a server error.
    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            Error::AlreadyExists { .. } => not_done(FAILED, "Folder by that name already exists"),
            Error::Invalid { .. } if !is_of_body(error) => {
                not_done(FAILED, "Failed to create folder: Invalid path.")
            }
            _ => not_done(status, message),
        }
    }
}

/// `{"success":false,"message"}`, when a folder is not removed.
pub struct NotRemoved;

impl Shape for NotRemoved {
    fn body(message: &str) -> Value {
        NoFolder::body(message)
    }

    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            Error::Invalid { .. } if !is_of_body(error) => {
                not_done(FAILED, &format!("Failed to remove folder: {message}"))
            }
            _ => not_done(status, message),
        }
    }
}

/// `{"success":false,"message"}`, when documents are not moved.
pub struct NotMoved;

impl Shape for NotMoved {
    fn body(message: &str) -> Value {
        NoFolder::body(message)
    }

    // quirk(folders-500)
    fn compat(status: StatusCode, message: &str, error: &Error) -> HttpResponse {
        match error {
            Error::Invalid { field, .. } if field == "files" => {
                not_done(FAILED, "Failed to move files.")
            }
            Error::Invalid { .. } if is_of_body(error) => not_done(status, message),
            Error::Invalid { .. } | Error::NotFound { .. } | Error::AlreadyExists { .. } => {
                not_done(FAILED, "Failed to move some files.")
            }
            _ => not_done(status, message),
        }
    }
}
