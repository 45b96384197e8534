//! Middleware of every page: request id, log record, security headers, and error pages, or error
//! notices if a script made the request.
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK,
    LOCATION, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use carrel_http::request_log::{RequestLog, log_failure};
use carrel_http::{body, csrf};
use tracing::Instrument;

use crate::http::assets;
use crate::http::fragment::is_fragment;
use crate::http::page_error::PageError;
use crate::site::Site;
use crate::view::language::{self, InterfaceLanguage, TranslatedBody};

/// Allows scripts, styles, images and connections from this server only, and nothing inline.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub async fn handle(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let log = RequestLog::start(&mut request);
    let site = request.app_data::<Data<Site>>().cloned();
    let span = log.span.clone();
    let language = language::negotiate(request.headers());
    let future = async move {
        let is_fragment = is_fragment(request.headers());
        let mut response = match rejection(&request) {
            None => next.call(request).await?.map_into_boxed_body(),
            Some(error) => request.error_response(error).map_into_boxed_body(),
        };
        if let Some(error) = response.response().error() {
            let page_error = error.as_error::<PageError>();
            if let Some(cause) = page_error.and_then(PageError::cause) {
                log_failure(cause, "failed to show a page");
            }
            let status = error.as_response_error().status_code();
            let fallback = PageError::Other(status);
            let page_error = page_error.unwrap_or(&fallback);
            let brand = match &site {
                Some(site) => site.brand().await.unwrap_or_default(),
                None => Default::default(),
            };
            let error_response = page_error.respond(is_fragment, &log.id, brand);
            response = response.into_response(error_response);
        }
        if is_fragment && response.status() == StatusCode::SEE_OTHER {
            response = script_redirect(response);
        }
        add_default_headers(response.headers_mut());
        if !is_fragment {
            add_preload_links(response.headers_mut(), language);
        }
        let response = response.map_body(|_, body| TranslatedBody::boxed(body, language));
        Ok(log.finish(response, site.as_ref().map(|site| &*site.ports.meter)))
    };
    language::scope(language, future.instrument(span)).await
}

/// Returns the reason to refuse a request before any page handles it, if there is one.
fn rejection(request: &ServiceRequest) -> Option<PageError> {
    if !csrf::is_trusted(request.request()) {
        return Some(PageError::CrossSite);
    }
    body::is_encoded(request.headers()).then_some(PageError::CompressedBody)
}

/// Converts a redirect to a header for the script, which would otherwise follow the redirect and
/// insert the complete page.
fn script_redirect(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let location = response.headers().get(LOCATION).cloned();
    let cookies: Vec<_> = response.headers().get_all("set-cookie").cloned().collect();
    let mut redirect = HttpResponse::Ok();
    if let Some(location) = location {
        redirect.insert_header((HeaderName::from_static("hx-redirect"), location));
    }
    for cookie in cookies {
        redirect.append_header(("set-cookie", cookie));
    }
    response.into_response(redirect.finish())
}

/// Allows the microphone, for dictation, and no other device.
const PERMISSIONS: &str = "microphone=(self), camera=(), geolocation=(), display-capture=()";

/// Adds the assets of a page to its headers, which browsers read before the page.
fn add_preload_links(headers: &mut HeaderMap, language: &InterfaceLanguage) {
    let content_type =
        headers.get(CONTENT_TYPE).and_then(|content_type| content_type.to_str().ok());
    if content_type.is_some_and(|content_type| content_type.starts_with("text/html"))
        && let Ok(links) = HeaderValue::try_from(assets::preload_links(language.code))
    {
        headers.insert(LINK, links);
    }
}

fn add_default_headers(headers: &mut HeaderMap) {
    // Uploaded files have a stricter policy.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    let defaults = [
        (X_FRAME_OPTIONS, "DENY"),
        // Addresses contain codes and tokens that other sites must not see. With `no-referrer`,
        // browsers would send the origin `null` with forms, and this server could not recognize its
        // own.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ];
    for (name, value) in defaults {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages are personal, and must not be shown from a cache after sign-out.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
