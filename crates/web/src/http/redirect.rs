//! Redirects, and the texts in their addresses.
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;

/// Redirects to another page after a change.
pub fn redirect_to(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}

/// Like [`redirect_to`], with a notice about the change: the key of a text without its prefix
/// `done.`.
pub fn redirect_with_notice(address: &str, notice: &str) -> HttpResponse {
    let separator = if address.contains('?') { '&' } else { '?' };
    match address.split_once('#') {
        Some((address, fragment)) => {
            redirect_to(&format!("{address}{separator}done={notice}#{fragment}"))
        }
        None => redirect_to(&format!("{address}{separator}done={notice}")),
    }
}

/// Encodes a text as one path segment.
pub fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
