//! The OpenAPI document, generated from the routes.
mod page;
mod responses;

use serde_json::{Map, Value, json};

use crate::face::Face;
use crate::{FACES, routes};

pub use page::page;

const ABOUT: &str = "carrel answers questions from your documents. Send keys as `Authorization: \
     Bearer <key>`. Every response has an `x-request-id`, which the log contains too.";

/// Returns the document as pretty JSON with a trailing line break.
pub fn pretty() -> String {
    format!("{:#}\n", value())
}

fn value() -> Value {
    let document = routes::documented();
    let mut document = serde_json::to_value(&document).unwrap_or_default();
    document["info"] = json!({
        "title": "carrel",
        "version": env!("CARGO_PKG_VERSION"),
        "description": about(),
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    });
    let key = json!({ "type": "http", "scheme": "bearer", "description": "An API key." });
    document["components"]["securitySchemes"] = json!({ "api_key": key });
    let paths = document["paths"].as_object_mut().map(std::mem::take).unwrap_or_default();
    document["paths"] =
        paths.into_iter().map(|(path, item)| complete(path, item)).collect::<Map<_, _>>().into();
    document
}

/// Describes the API as a whole and each contract.
fn about() -> String {
    let contracts = FACES.iter().map(|face| format!(" `{}`: {}", face.mount, face.about));
    ABOUT.to_owned() + &contracts.collect::<String>()
}

/// Completes the operations of a path: makes their ids unique, because several contracts may mount one
/// handler, and adds their error responses.
fn complete(path: String, mut item: Value) -> (String, Value) {
    let face = Face::of(&path);
    let prefix = face.filter(|face| path.starts_with(face.mount)).map_or("", |face| face.prefix);
    for (method, operation) in item.as_object_mut().into_iter().flatten() {
        if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
            operation["operationId"] = json!(format!("{prefix}{id}"));
        }
        responses::complete(face, &path, method, operation);
    }
    (path, item)
}

/// Returns path, method and description of every operation.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Path of the session, which needs a user name and a password instead of a key.
    const SESSION: &str = "/v1/session";

    #[test]
    fn every_operation_has_a_unique_id_and_says_who_may_call() {
        let document = value();
        let mut names = HashSet::new();
        for (path, method, operation) in operations(&document) {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name}");
            let is_session = path == SESSION;
            let is_public = path.starts_with("/api/embed/");
            let open = is_session
                || is_public
                || path.ends_with("/invite/{code}")
                || path.ends_with("/env-dump");
            let security = if open { json!(null) } else { json!([{ "api_key": [] }]) };
            assert_eq!(operation["security"], security, "{method} {path}");
            let is_restricted = open || operation["responses"].get("403").is_some();
            assert!(is_restricted, "{method} {path}");
            assert!(operation["responses"].get("415").is_some(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
        assert!(names.len() >= 70, "{}", names.len());
    }
}
