//! The HTTP face of carrel: routes, callers, the JSON its clients speak, and how it says no.
//!
//! [`v1`] is the native contract. Others are adapters, each in a folder of its own: they translate a
//! request into what `v1` understands and its results into what their clients expect. Nothing else in this
//! crate knows them, so that one is removed by deleting its folder and its lines below.
mod authorized;
mod compat;
mod document;
mod error;
mod face;
mod facts;
mod idempotency;
mod middleware;
mod process;
mod read;
mod routes;
mod state;
mod streaming;
mod v1;
mod widget;
mod wire;

use std::path::PathBuf;

use actix_cors::Cors;
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{Data, ServiceConfig, scope};
use carrel_services::Ports;
use ipnet::IpNet;

/// Every contract, the native one first.
const FACES: &[&face::Face] = &[
    // The native API.
    &v1::FACE,
    // For programs that were written for another product.
    &compat::FACE,
];

/// What an operator decides about the HTTP face.
#[derive(Clone, Debug)]
pub struct Options {
    /// The largest JSON body, in bytes.
    pub json_limit: usize,
    /// The largest uploaded file, in bytes.
    pub upload_limit: u64,
    /// Where everything is kept, for an administrator to see.
    pub storage_dir: PathBuf,
    /// Where uploads wait, as temporary files, until they are documents.
    pub upload_dir: PathBuf,
    /// Origins whose pages may call the API from a browser, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the OpenAPI document and the page made of it are served.
    pub docs: bool,
}

/// Registers every route with what it needs.
pub fn configure(ports: Ports, options: Options) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let cors = Condition::new(!options.allowed_origins.is_empty(), cors(&options));
        let root = scope("")
            .wrap(from_fn(middleware::handle))
            .wrap(cors)
            .configure(routes::configure(options.docs));
        config
            .app_data(Data::new(ports))
            .app_data(Data::new(options))
            .configure(routes::public)
            .service(root);
    }
}

/// Registers the figures alone, for a listener that only those reach who may see them.
pub fn configure_metrics(ports: Ports) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.app_data(Data::new(ports)).configure(routes::health::metrics_only);
    }
}

/// The OpenAPI document of exactly the routes that [`configure`] registers, as pretty JSON.
pub fn openapi() -> String {
    document::pretty()
}

/// Credentials travel in a header that scripts must set, so cookies are never allowed along.
fn cors(options: &Options) -> Cors {
    let cors = Cors::default().allow_any_method().allow_any_header().max_age(3600);
    options.allowed_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
