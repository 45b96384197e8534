//! Responses: pages, parts of pages and redirects.
use actix_web::http::header::{CONTENT_ENCODING, HeaderName, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::Error;
use flate2::Compression;

use crate::http::assets::{pack, takes_packed};
use crate::http::fragment::is_fragment;
use crate::http::page_error::PageError;
pub use crate::http::redirect::{done, see, segment};

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

/// Responds to a form with a whole page, also if a script sent the form. Used for pages with a secret,
/// which have no address to redirect to.
pub fn replacing_page(request: &HttpRequest, template: &impl Template) -> PageResult {
    let mut answer = page(request, template)?;
    if is_fragment(request.headers()) {
        for (name, value) in [("hx-retarget", "body"), ("hx-reswap", "innerHTML show:window:top")] {
            let name = HeaderName::from_static(name);
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(answer)
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
