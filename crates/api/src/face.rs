//! The contracts that this server speaks. Each is mounted beneath a path of its own and says for itself
//! what its requests, refusals and answers look like; what they share knows none of them.
use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::web::ServiceConfig;
use utoipa_actix_web::service_config::ServiceConfig as Documenting;

use crate::error::{ApiError, Respond};
use crate::routes::register::Row;

/// A contract.
pub struct Face {
    /// Where its operations are mounted.
    pub mount: &'static str,
    /// What every path of it begins with, those beside its operations too.
    pub root: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// What its operations are called in the OpenAPI document, before their own names.
    pub prefix: &'static str,
    /// Registers its operations beneath the mount.
    pub operations: fn(&mut ServiceConfig),
    /// Describes them.
    pub documented: fn(&mut Documenting<'_>),
    /// Lists them.
    pub listed: fn(&mut Vec<Row>),
    /// Registers what it has besides, outside the mount.
    pub beside: fn(&mut ServiceConfig),
    /// Sees every request first, and may spell it as the routes have it.
    pub arrive: fn(&mut ServiceRequest),
    /// How it says a refusal; `None` for the usual way.
    pub refuse: fn(&ApiError, path: &str) -> Option<HttpResponse>,
    /// How it answers a failure whose native body has this name; `None` for the native way.
    pub failures: fn(body: &str) -> Option<Respond>,
    /// Sees every answer last.
    pub depart: fn(ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody>,
}

impl Face {
    /// The contract that a path belongs to.
    pub fn of(path: &str) -> Option<&'static Self> {
        crate::FACES.iter().copied().find(|face| path.starts_with(face.root))
    }
}
