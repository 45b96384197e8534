//! Middleware of every request: request id, log record, error responses in the contract's form, and
//! headers that stop browsers from guessing content types.
mod escapes;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use carrel_http::body;
use carrel_http::request_log::{RequestLog, log_failure};
use carrel_services::Ports;
use serde_json::json;
use tracing::Instrument;

use crate::FACES;
use crate::error::ApiError;
use crate::face::Face;

pub async fn handle(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    FACES.iter().for_each(|face| (face.before_routing)(&mut request));
    let face = Face::of(request.path());
    let ports = request.app_data::<Data<Ports>>().cloned();
    let log = RequestLog::start(&mut request);
    let span = log.span.clone();
    async move {
        let mut response = match refusal(&request) {
            None => next.call(request).await?.map_into_boxed_body(),
            Some(refusal) => request.error_response(refusal).map_into_boxed_body(),
        };
        let error_response = response.response().error();
        if let Some(refusal_response) =
            error_response.map(|error| refuse(error, face, response.request().path()))
        {
            response = response.into_response(refusal_response);
        }
        if let Some(face) = face {
            response = (face.after_response)(response);
        }
        Ok(log.finish(response, ports.as_ref().map(|ports| &*ports.meter)))
    }
    .instrument(span)
    .await
}

/// Returns the reason to refuse a request before routing, if there is one.
fn refusal(request: &ServiceRequest) -> Option<ApiError> {
    if body::is_encoded(request.headers()) {
        return Some(ApiError::Encoded);
    }
    (!escapes::are_valid(request.uri().path())).then_some(ApiError::BadPath)
}

/// Responds to a failed request and logs the failure.
fn refuse(error: &Error, face: Option<&Face>, path: &str) -> HttpResponse {
    let Some(refusal) = error.as_error::<ApiError>() else {
        let status = error.as_response_error().status_code();
        return HttpResponse::build(status).json(json!({ "error": error.to_string() }));
    };
    if let Some(cause) = refusal.cause() {
        log_failure(cause, "failed to answer a request");
    }
    let response = face.and_then(|face| (face.refuse)(refusal, path));
    response.unwrap_or_else(|| refusal.respond())
}
