//! Entity tags: a client that already has a response receives `304 Not Modified`.
use std::hash::{DefaultHasher, Hasher};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use actix_web::http::{Method, StatusCode};

/// Adds an `ETag` to a `GET` response that is not streamed, and answers 304 if the client sent the
/// same tag.
// quirk(entity-tags): responses to `GET` have an `ETag`; a matching `If-None-Match` is answered
// `304`
// native: none
// test: `compat::an_unchanged_response_is_not_sent_again`
pub fn tag(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let is_answer =
        response.request().method() == Method::GET && response.status() == StatusCode::OK;
    if !is_answer || !matches!(response.response().body().size(), BodySize::Sized(_)) {
        return response;
    }
    let (request, answer) = response.into_parts();
    let (mut answer, body) = answer.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        Err(body) => return ServiceResponse::new(request, answer.set_body(body)),
    };
    let mut hash = DefaultHasher::new();
    hash.write(&bytes);
    let tag = format!("W/\"{:x}-{:016x}\"", bytes.len(), hash.finish());
    let value = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = value.is_some_and(|value| value.split(',').any(|known| known.trim() == tag));
    let Ok(value) = HeaderValue::from_str(&tag) else {
        return ServiceResponse::new(request, answer.set_body(BoxBody::new(bytes)));
    };
    if is_known {
        let unchanged = HttpResponse::NotModified().insert_header((ETAG, value)).finish();
        return ServiceResponse::new(request, unchanged);
    }
    answer.headers_mut().insert(ETAG, value);
    ServiceResponse::new(request, answer.set_body(BoxBody::new(bytes)))
}
