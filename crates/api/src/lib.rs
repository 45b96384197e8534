//! The HTTP face of carrel: routes, callers, the JSON its clients speak, and how it says no.
//!
//! Two mounts of one server: `/v1` is the native contract, `/api/v1` what programs written for
//! AnythingLLM's developer API expect. [`mount::Mount`] tells them apart.
mod around;
mod caller;
mod document;
mod facts;
mod failure;
mod imports;
mod mount;
mod process;
mod prompts;
mod read;
mod repeat;
mod routes;
mod streaming;
mod wire;

use std::path::PathBuf;

use actix_cors::Cors;
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{Data, ServiceConfig, scope};
use carrel_services::Ports;
use ipnet::IpNet;

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
            .wrap(from_fn(around::finish))
            .wrap(cors)
            .configure(routes::configure(options.docs));
        config
            .app_data(Data::from(ports.api_keys))
            .app_data(Data::from(ports.workspaces))
            .app_data(Data::from(ports.workspace_documents))
            .app_data(Data::from(ports.threads))
            .app_data(Data::from(ports.chats))
            .app_data(Data::from(ports.chat_edits))
            .app_data(Data::from(ports.pins))
            .app_data(Data::from(ports.suggested_messages))
            .app_data(Data::from(ports.slash_commands))
            .app_data(Data::from(ports.prompt_variables))
            .app_data(Data::from(ports.prompt_history))
            .app_data(Data::from(ports.settings))
            .app_data(Data::from(ports.index))
            .app_data(Data::from(ports.models))
            .app_data(Data::new(ports.library))
            .app_data(Data::from(ports.jobs))
            .app_data(Data::new(ports.workers))
            .app_data(Data::new(ports.ingestion))
            .app_data(Data::from(ports.imports))
            .app_data(Data::from(ports.idempotency_keys))
            .app_data(Data::new(ports.search))
            .app_data(Data::new(ports.conversations))
            .app_data(Data::from(ports.images))
            .app_data(Data::from(ports.users))
            .app_data(Data::from(ports.multi_user))
            .app_data(Data::new(ports.accounts))
            .app_data(Data::from(ports.invites))
            .app_data(Data::new(ports.invitations))
            .app_data(Data::from(ports.members))
            .app_data(Data::from(ports.chat_log))
            .app_data(Data::from(ports.usages))
            .app_data(Data::from(ports.audit))
            .app_data(Data::new(ports.exports))
            .app_data(Data::new(ports.widgets))
            .app_data(Data::from(ports.backups))
            .app_data(Data::from(ports.health))
            .app_data(Data::from(ports.meter))
            .app_data(Data::from(ports.settings_store))
            .app_data(Data::from(ports.model_lists))
            .app_data(Data::from(ports.dump))
            .app_data(Data::new(ports.sign_on))
            .app_data(Data::from(ports.sign_in))
            .app_data(Data::new(options))
            .configure(routes::public)
            .service(root);
    }
}

/// Registers the figures alone, for a listener that only those reach who may see them.
pub fn configure_metrics(ports: Ports) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(Data::from(ports.health))
            .app_data(Data::from(ports.meter))
            .app_data(Data::from(ports.index))
            .app_data(Data::new(ports.workers))
            .configure(routes::health::metrics_only);
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
