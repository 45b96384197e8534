//! The shapes of error bodies.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use carrel_domain::Error;
use carrel_http::status::status_of;
use serde_json::{Value, json};
use uuid::Uuid;

/// One shape of error response.
pub trait ErrorBody: 'static {
    /// Name of the shape. Other contracts look up their replacement by this name.
    const NAME: &'static str;

    /// Returns the JSON body.
    fn body(message: &str) -> Value;

    /// Returns the whole response.
    fn respond(error: &Error) -> HttpResponse {
        HttpResponse::build(status_of(error)).json(Self::body(&error.to_string()))
    }
}

/// `{"error"}`
pub struct Plain;

impl ErrorBody for Plain {
    const NAME: &'static str = "Plain";

    fn body(message: &str) -> Value {
        json!({ "error": message })
    }
}

/// `{"error"}`, in every contract.
pub struct Alike;

impl ErrorBody for Alike {
    const NAME: &'static str = "Alike";

    fn body(message: &str) -> Value {
        Plain::body(message)
    }
}

/// `{"error"}` with a short message, if a file cannot be served.
pub struct NoFile;

impl ErrorBody for NoFile {
    const NAME: &'static str = "NoFile";

    fn body(message: &str) -> Value {
        Plain::body(message)
    }

    fn respond(error: &Error) -> HttpResponse {
        let message = match error {
            Error::Invalid { field, reason } if field == "filename" => reason.to_string(),
            Error::NotFound { .. } => "File not found".to_owned(),
            _ => error.to_string(),
        };
        HttpResponse::build(status_of(error)).json(Self::body(&message))
    }
}

/// Returns a response with the name of the status as its body.
pub fn bare(status: StatusCode) -> HttpResponse {
    text(status, status.canonical_reason().unwrap_or_default())
}

pub fn text(status: StatusCode, text: &'static str) -> HttpResponse {
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(text)
}

/// `{"workspace":null,"message"}`
pub struct NoWorkspace;

impl ErrorBody for NoWorkspace {
    const NAME: &'static str = "NoWorkspace";

    fn body(message: &str) -> Value {
        json!({ "workspace": null, "message": message })
    }
}

/// `{"thread":null,"message"}`
pub struct NoThread;

impl ErrorBody for NoThread {
    const NAME: &'static str = "NoThread";

    fn body(message: &str) -> Value {
        json!({ "thread": null, "message": message })
    }
}

/// `{"message"}`
pub struct PlainMessage;

impl ErrorBody for PlainMessage {
    const NAME: &'static str = "Message";

    fn body(message: &str) -> Value {
        json!({ "message": message })
    }
}

/// `{"success":false,"message"}`
pub struct NoSuccess;

impl ErrorBody for NoSuccess {
    const NAME: &'static str = "NoSuccess";

    fn body(message: &str) -> Value {
        json!({ "success": false, "message": message })
    }
}

/// `{"success":false,"error"}`
pub struct NotDone;

impl ErrorBody for NotDone {
    const NAME: &'static str = "NotDone";

    fn body(message: &str) -> Value {
        json!({ "success": false, "error": message })
    }
}

/// Like [`NotDone`], for a single exchange or a session.
pub struct NoChat;

impl ErrorBody for NoChat {
    const NAME: &'static str = "NoChat";

    fn body(message: &str) -> Value {
        NotDone::body(message)
    }
}

/// `{"success":false,"error","documents":[]}`
pub struct NoDocuments;

impl ErrorBody for NoDocuments {
    const NAME: &'static str = "NoDocuments";

    fn body(message: &str) -> Value {
        json!({ "success": false, "error": message, "documents": [] })
    }
}

/// `{"user":null,"error"}`
pub struct NoUser;

impl ErrorBody for NoUser {
    const NAME: &'static str = "NoUser";

    fn body(message: &str) -> Value {
        json!({ "user": null, "error": message })
    }
}

/// `{"invite":null,"error"}`
pub struct NoInvite;

impl ErrorBody for NoInvite {
    const NAME: &'static str = "NoInvite";

    fn body(message: &str) -> Value {
        json!({ "invite": null, "error": message })
    }
}

/// `{"success":false,"error","users":[]}`
pub struct NoMembers;

impl ErrorBody for NoMembers {
    const NAME: &'static str = "NoMembers";

    fn body(message: &str) -> Value {
        json!({ "success": false, "error": message, "users": [] })
    }
}

/// `{"api_key":null,"error"}`
pub struct NoKey;

impl ErrorBody for NoKey {
    const NAME: &'static str = "NoKey";

    fn body(message: &str) -> Value {
        json!({ "api_key": null, "error": message })
    }
}

/// `{"newValues":{},"error"}`
pub struct NoValues;

impl ErrorBody for NoValues {
    const NAME: &'static str = "NoValues";

    fn body(message: &str) -> Value {
        json!({ "newValues": {}, "error": message })
    }
}

/// `{"id","type":"abort","textResponse":null,"sources":[],"close":true,"error"}`
pub struct Abort;

impl ErrorBody for Abort {
    const NAME: &'static str = "Abort";

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
}
