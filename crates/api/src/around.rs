//! What happens around every request: an id, a log record, the refusal in the words of the mount,
//! and headers that keep browsers from guessing.
mod etag;
mod spelling;

use std::time::Instant;

use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use carrel_services::meter::Meter;
use serde_json::json;
use tracing::Instrument;

use crate::failure::{Refusal, openai};
use crate::mount::Mount;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a client or proxy.
const LONGEST_ID: usize = 64;

pub async fn finish(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    spelling::correct(&mut request);
    let mount = Mount::of(request.request());
    let (started, meter) = (Instant::now(), request.app_data::<Data<Meter>>().cloned());
    let method = request.method().clone();
    let id = given_id(&request).unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()));
    let span =
        tracing::info_span!("request", id = %id, method = %request.method(), path = request.path());
    // Whoever asks for the head only gets the head of what `GET` answers; its body stays here.
    let head_only = request.method() == Method::HEAD;
    if head_only {
        request.head_mut().method = Method::GET;
    }
    async move {
        let mut response = next.call(request).await?.map_into_boxed_body();
        let path = response.request().path().to_owned();
        let refused = response.response().error();
        if let Some(said) = refused.map(|error| refuse(error, mount, &path)) {
            response = response.into_response(said);
        }
        if mount == Mount::Compat {
            response = etag::tag(response);
        }
        if head_only && response.response().body().size() == BodySize::Stream {
            response = response.map_body(|_, _| BoxBody::new(body::None::new()));
        }
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, id);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let status = response.status().as_u16();
        if let Some(meter) = meter {
            let route = response.request().match_pattern();
            meter.request(method.as_str(), route.as_deref(), status, started.elapsed());
        }
        tracing::debug!(status, "answered");
        Ok(response)
    }
    .instrument(span)
    .await
}

/// The answer to a request that failed, which is also where the failure is logged.
fn refuse(error: &Error, mount: Mount, path: &str) -> HttpResponse {
    let Some(refusal) = error.as_error::<Refusal>() else {
        let status = error.as_response_error().status_code();
        return HttpResponse::build(status).json(json!({ "error": error.to_string() }));
    };
    if let Some(cause) = refusal.cause() {
        tracing::error!(error = cause, "failed to answer a request");
    }
    if openai::is_spoken_at(path) { refusal.respond_as_openai() } else { refusal.respond(mount) }
}

fn given_id(request: &ServiceRequest) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let usable = !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(plain);
    usable.then(|| id.to_owned())
}
