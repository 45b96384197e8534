//! Answers: a page, a part of one, the way to another.
use actix_web::http::header::{CONTENT_ENCODING, LOCATION, VARY};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::Error;
use flate2::Compression;

use crate::http::assets::{pack, takes_packed};
use crate::http::middleware::is_fragment;
use crate::http::page_error::PageError;

pub type PageResult = Result<HttpResponse, PageError>;

/// Below this, in bytes, compressing is not worth it.
const SMALL: usize = 1400;

/// A page, or a part of one.
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

/// Whether a form is shown again with what is wrong with it: where no script keeps it on its page, and
/// where somebody can put it right.
pub fn shows_form_again(request: &HttpRequest, refusal: &PageError) -> bool {
    matches!(refusal, PageError::Failed(Error::Invalid { .. }) | PageError::Several(_))
        && !is_fragment(request.headers())
}

/// A form with what is wrong with it.
pub fn page_again(
    request: &HttpRequest,
    template: &impl Template,
    refusal: &PageError,
) -> PageResult {
    let mut answer = page(request, template)?;
    *answer.status_mut() = refusal.status_code();
    Ok(answer)
}

/// The way to another page, after something was done.
pub fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

/// As [`see`], with word of what was done: the key of a text that begins with `done.`.
pub fn done(address: &str, what: &str) -> HttpResponse {
    let joint = if address.contains('?') { '&' } else { '?' };
    match address.split_once('#') {
        Some((address, part)) => see(&format!("{address}{joint}done={what}#{part}")),
        None => see(&format!("{address}{joint}done={what}")),
    }
}

/// A text as one segment of a path.
pub fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
