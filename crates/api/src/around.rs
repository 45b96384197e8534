//! What happens around every request: an id, a log record, the refusal in the words of the mount,
//! and headers that keep browsers from guessing.
mod etag;
mod spelling;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use carrel_http::body;
use carrel_http::request_log::{RequestLog, log_failure};
use carrel_services::meter::Meter;
use serde_json::json;
use tracing::Instrument;

use crate::failure::{Refusal, openai};
use crate::mount::Mount;

pub async fn finish(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    spelling::correct(&mut request);
    let mount = Mount::of(request.request());
    let meter = request.app_data::<Data<Meter>>().cloned();
    let log = RequestLog::start(&mut request);
    let span = log.span.clone();
    async move {
        let mut response = match refusal(&request) {
            None => next.call(request).await?.map_into_boxed_body(),
            Some(refusal) => request.error_response(refusal).map_into_boxed_body(),
        };
        let path = response.request().path().to_owned();
        let refused = response.response().error();
        if let Some(said) = refused.map(|error| refuse(error, mount, &path)) {
            response = response.into_response(said);
        }
        // quirk(entity-tags)
        if mount == Mount::Compat {
            response = etag::tag(response);
        }
        Ok(log.finish(response, meter.as_ref().map(|meter| &***meter)))
    }
    .instrument(span)
    .await
}

/// Why a request is refused before any route sees it.
fn refusal(request: &ServiceRequest) -> Option<Refusal> {
    if body::is_encoded(request.headers()) {
        return Some(Refusal::Encoded);
    }
    (!spelling::is_well_encoded(request.uri().path())).then_some(Refusal::BadPath)
}

/// The answer to a request that failed, which is also where the failure is logged.
fn refuse(error: &Error, mount: Mount, path: &str) -> HttpResponse {
    let Some(refusal) = error.as_error::<Refusal>() else {
        let status = error.as_response_error().status_code();
        return HttpResponse::build(status).json(json!({ "error": error.to_string() }));
    };
    if let Some(cause) = refusal.cause() {
        log_failure(cause, "failed to answer a request");
    }
    if openai::is_spoken_at(path) { refusal.respond_as_openai() } else { refusal.respond(mount) }
}
