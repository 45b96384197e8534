//! The HTTP API: routes, authorization, JSON types and error responses.
//!
//! [`v1`] is the native contract. Other contracts are adapters, each in a folder of its own: they
//! translate requests to those of `v1`, and its results to what their clients expect. Nothing else
//! in this crate depends on them, so deleting an adapter's folder and its lines below removes it.
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
    // For clients of another product's API.
    &compat::FACE,
];

/// The operator's options for the HTTP API.
#[derive(Clone, Debug)]
pub struct Options {
    /// The largest JSON body, in bytes.
    pub json_limit: usize,
    /// The largest uploaded file, in bytes.
    pub upload_limit: u64,
    /// The storage directory, shown to admins.
    pub storage_dir: PathBuf,
    /// Directory for uploads, which are temporary files until they become documents.
    pub upload_dir: PathBuf,
    /// Origins whose pages may call the API from a browser, such as `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// True to serve the OpenAPI document and the reference page.
    pub docs: bool,
}

/// Registers all routes and their state.
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

/// Registers only the metrics, for a separate listener with restricted access.
pub fn configure_metrics(ports: Ports) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.app_data(Data::new(ports)).configure(routes::health::metrics_only);
    }
}

/// Returns the OpenAPI document of the routes that [`configure`] registers, as pretty JSON.
pub fn openapi() -> String {
    document::pretty()
}

/// Scripts must set the `Authorization` header themselves, so cookies are never allowed.
fn cors(options: &Options) -> Cors {
    let cors = Cors::default().allow_any_method().allow_any_header().max_age(3600);
    options.allowed_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
