//! The API contracts of this server. Each is mounted below its own path and defines its requests,
//! errors and responses; shared code knows none of them.
use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::web::ServiceConfig;
use utoipa_actix_web::service_config::ServiceConfig as Documenting;

use crate::error::{ApiError, Respond};
use crate::routes::register::Row;

/// An API contract.
pub struct Face {
    /// Path below which its operations are mounted.
    pub mount: &'static str,
    /// Prefix of all its paths, including those outside the mount.
    pub root: &'static str,
    /// The purpose of the contract, in one sentence.
    pub about: &'static str,
    /// Prefix of its operation ids in the OpenAPI document.
    pub prefix: &'static str,
    /// Registers the operations below the mount.
    pub operations: fn(&mut ServiceConfig),
    /// Describes the operations.
    pub documented: fn(&mut Documenting<'_>),
    /// Lists the operations.
    pub listed: fn(&mut Vec<Row>),
    /// Registers the contract's routes outside the mount.
    pub extra_routes: fn(&mut ServiceConfig),
    /// Called before routing. May rewrite the request.
    pub before_routing: fn(&mut ServiceRequest),
    /// Responds to a refused request; `None` for the default response.
    pub refuse: fn(&ApiError, path: &str) -> Option<HttpResponse>,
    /// Responds to a failure whose native error body has this name; `None` for the native response.
    pub failures: fn(body: &str) -> Option<Respond>,
    /// Called with every response before it is sent.
    pub after_response: fn(ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody>,
}

impl Face {
    /// Returns the contract to which a path belongs.
    pub fn of(path: &str) -> Option<&'static Self> {
        crate::FACES.iter().copied().find(|face| path.starts_with(face.root))
    }
}
