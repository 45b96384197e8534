//! Responses for unknown paths and methods.
use std::sync::LazyLock;

use actix_web::dev::{Path, ResourceDef};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::error::no_route;

/// The pattern of every path, with its methods.
static PATHS: LazyLock<Vec<(ResourceDef, Vec<&str>)>> = LazyLock::new(|| {
    super::methods().into_iter().map(|(path, methods)| (ResourceDef::new(path), methods)).collect()
});

/// Responds with `405` and the allowed methods if only the method is wrong, otherwise with `404`;
/// both in JSON. `OPTIONS` lists the allowed methods.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    let allowed = PATHS
        .iter()
        .filter(|(pattern, _)| pattern.capture_match_info(&mut Path::new(request.path())));
    let allowed: Vec<_> = allowed.flat_map(|(_, methods)| methods).copied().collect();
    if allowed.is_empty() {
        return no_route(request.path());
    }
    let allowed = allowed.join(", ");
    if request.method() == Method::OPTIONS {
        return HttpResponse::NoContent().insert_header((ALLOW, allowed)).finish();
    }
    let error = format!("{} is not allowed here", request.method());
    HttpResponse::MethodNotAllowed().insert_header((ALLOW, allowed)).json(json!({ "error": error }))
}
