//! What happens around every request: an id, a log record, the refusal in the words of the mount,
//! and headers that keep browsers from guessing.
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, body::MessageBody};
use serde_json::json;
use tracing::Instrument;

use crate::failure::Refusal;
use crate::mount::Mount;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a client or proxy.
const LONGEST_ID: usize = 64;

pub async fn finish(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mount = Mount::of(request.request());
    let id = given_id(&request).unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()));
    let span =
        tracing::info_span!("request", id = %id, method = %request.method(), path = request.path());
    async move {
        let mut response = next.call(request).await?.map_into_boxed_body();
        if let Some(said) = response.response().error().map(|error| refuse(error, mount)) {
            response = response.into_response(said);
        }
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, id);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        tracing::debug!(status = response.status().as_u16(), "answered");
        Ok(response)
    }
    .instrument(span)
    .await
}

/// The answer to a request that failed, which is also where the failure is logged.
fn refuse(error: &Error, mount: Mount) -> HttpResponse {
    let Some(refusal) = error.as_error::<Refusal>() else {
        let status = error.as_response_error().status_code();
        return HttpResponse::build(status).json(json!({ "error": error.to_string() }));
    };
    if let Some(cause) = refusal.cause() {
        tracing::error!(error = cause, "failed to answer a request");
    }
    refusal.respond(mount)
}

fn given_id(request: &ServiceRequest) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let usable = !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(plain);
    usable.then(|| id.to_owned())
}
