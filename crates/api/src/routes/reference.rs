//! The OpenAPI document and the reference page. Open to everyone, because they contain no data.
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, ContentType};
use actix_web::web::{self, ServiceConfig};

use crate::document;

static DOCUMENT: LazyLock<String> = LazyLock::new(document::pretty);
static PAGE: LazyLock<String> = LazyLock::new(document::page);

pub fn configure(config: &mut ServiceConfig) {
    config
        .route("/v1/openapi.json", web::get().to(openapi))
        .route("/v1/docs", web::get().to(page))
        .route("/api/docs", web::get().to(page));
}

async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(DOCUMENT.as_str())
}

async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .body(PAGE.as_str())
}
