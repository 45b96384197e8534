//! Responses: pages, parts of pages and redirects.
use actix_web::http::header::{CONTENT_ENCODING, LOCATION, VARY};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::Error;
use flate2::Compression;

use crate::http::assets::{pack, takes_packed};
use crate::http::middleware::is_fragment;
use crate::http::page_error::PageError;

pub type PageResult = Result<HttpResponse, PageError>;

/// Smallest size that is compressed, in bytes.
const SMALL: usize = 1400;

/// Responds with a page or a part of one.
pub fn page(request: &HttpRequest, template: &impl Template) -> PageResult {
    let text = template.render().map_err(|error| Error::internal(error.to_string()))?;
    let mut answer = HttpResponse::Ok();
    answer.content_type("text/html; charset=utf-8").insert_header((VARY, "accept-encoding"));
    if text.len() < SMALL || !takes_packed(request) {
        return Ok(answer.body(text));
    }
    let packed = pack(text.as_bytes(), Compression::fast());
    Ok(answer.insert_header((CONTENT_ENCODING, "gzip")).body(packed))
}

/// True if a form is shown again with its problems: the user can fix them, and no script keeps the
/// form on the page.
pub fn shows_form_again(request: &HttpRequest, refusal: &PageError) -> bool {
    matches!(refusal, PageError::Failed(Error::Invalid { .. }) | PageError::Several(_))
        && !is_fragment(request.headers())
}

/// Responds with a form and its problems.
pub fn page_again(
    request: &HttpRequest,
    template: &impl Template,
    refusal: &PageError,
) -> PageResult {
    let mut answer = page(request, template)?;
    *answer.status_mut() = refusal.status_code();
    Ok(answer)
}

/// Redirects to another page after a change.
pub fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

/// Like [`see`], with a message about the change: the key of a text that begins with `done.`.
pub fn done(address: &str, what: &str) -> HttpResponse {
    let joint = if address.contains('?') { '&' } else { '?' };
    match address.split_once('#') {
        Some((address, part)) => see(&format!("{address}{joint}done={what}#{part}")),
        None => see(&format!("{address}{joint}done={what}")),
    }
}

/// Encodes a text as one path segment.
pub fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
