//! Requests of scripts for a part of a page.
use actix_web::http::header::HeaderMap;

/// True if a script requests a part of a page.
pub fn is_fragment(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}
