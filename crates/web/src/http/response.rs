//! Responses: pages, parts of pages and redirects.
use actix_web::http::header::{CONTENT_ENCODING, HeaderName, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::Error;
use flate2::Compression;

use crate::http::assets::{accepts_gzip, compress};
use crate::http::fragment::is_fragment;
use crate::http::page_error::PageError;
pub use crate::http::redirect::{redirect_to, redirect_with_notice, segment};

pub type PageResult = Result<HttpResponse, PageError>;

/// Minimum size of a compressed response, in bytes.
const MIN_COMPRESSED_BYTES: usize = 1400;

/// Responds with a page or a part of one.
pub fn page(request: &HttpRequest, template: &impl Template) -> PageResult {
    let text = template.render().map_err(|error| Error::internal(error.to_string()))?;
    let mut response = HttpResponse::Ok();
    response.content_type("text/html; charset=utf-8").insert_header((VARY, "accept-encoding"));
    if text.len() < MIN_COMPRESSED_BYTES || !accepts_gzip(request) {
        return Ok(response.body(text));
    }
    let compressed = compress(text.as_bytes(), Compression::fast());
    Ok(response.insert_header((CONTENT_ENCODING, "gzip")).body(compressed))
}

/// Responds to a form with a complete page, even if a script submitted it. Pages with a secret need
/// this, because they have no address to redirect to.
pub fn full_page(request: &HttpRequest, template: &impl Template) -> PageResult {
    let mut response = page(request, template)?;
    if is_fragment(request.headers()) {
        for (name, value) in [("hx-retarget", "body"), ("hx-reswap", "innerHTML show:window:top")] {
            let name = HeaderName::from_static(name);
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(response)
}

/// True if a form is displayed again with its errors: the user can fix them, and no script keeps
/// the form on the page.
pub fn should_redisplay_form(request: &HttpRequest, error: &PageError) -> bool {
    matches!(error, PageError::Failed(Error::Invalid { .. }) | PageError::Multiple(_))
        && !is_fragment(request.headers())
}

/// Responds with a form and its errors.
pub fn form_with_errors(
    request: &HttpRequest,
    template: &impl Template,
    error: &PageError,
) -> PageResult {
    let mut response = page(request, template)?;
    *response.status_mut() = error.status_code();
    Ok(response)
}
