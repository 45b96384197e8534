//! The HTTP face of carrel: routes, callers, the JSON its clients speak, and how it says no.
//!
//! Two mounts of one server: `/v1` is the native contract, `/api/v1` what programs written for
//! AnythingLLM's developer API expect. [`mount::Mount`] tells them apart.
mod around;
mod caller;
mod document;
mod facts;
mod failure;
mod mount;
mod process;
mod read;
mod repeat;
mod routes;
mod streaming;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;

use actix_cors::Cors;
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{Data, ServiceConfig, scope};
use carrel_domain::audit::AuditLog;
use carrel_domain::chat::Chats;
use carrel_domain::chat_edit::ChatEdits;
use carrel_domain::chat_log::ChatLog;
use carrel_domain::health::Health;
use carrel_domain::invite::Invites;
use carrel_domain::job::Jobs;
use carrel_domain::library::Placements;
use carrel_domain::member::Members;
use carrel_domain::model::Models;
use carrel_domain::pin::Pins;
use carrel_domain::repeat::Repeats;
use carrel_domain::settings::Settings;
use carrel_domain::thread::Threads;
use carrel_domain::user::{MultiUser, Users};
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspaces;
use carrel_services::accounts::Accounts;
use carrel_services::backup::Backups;
use carrel_services::chat::Conversations;
use carrel_services::embeds::Embeds;
use carrel_services::exports::Exports;
use carrel_services::invitations::Invitations;
use carrel_services::jobs::Workers;
use carrel_services::keyring::Keyring;
use carrel_services::library::{Library, Links};
use carrel_services::meter::Meter;
use carrel_services::search::Search;
use carrel_services::settings::SettingsStore;
use carrel_services::settings::dump::Dump;
use carrel_services::sign_in::SignIn;
use carrel_services::sign_on::SignOn;
use ipnet::IpNet;

/// Where a request came from, given its peer, the values of `X-Forwarded-For` and trusted proxies.
pub use caller::origin::of as client_address;

/// Everything the routes are wired to. Built once at startup and handed out piece by piece: a
/// handler asks for the one port or service it uses, never for this.
#[derive(Clone)]
pub struct Ports {
    pub keyring: Arc<Keyring>,
    pub workspaces: Arc<dyn Workspaces>,
    pub placements: Arc<dyn Placements>,
    pub threads: Arc<dyn Threads>,
    pub chats: Arc<dyn Chats>,
    pub chat_edits: Arc<dyn ChatEdits>,
    pub pins: Arc<dyn Pins>,
    pub settings: Arc<dyn Settings>,
    pub index: Arc<dyn VectorIndex>,
    pub models: Arc<dyn Models>,
    pub library: Library,
    pub jobs: Arc<dyn Jobs>,
    pub workers: Workers,
    pub links: Links,
    pub repeats: Arc<dyn Repeats>,
    pub search: Search,
    pub conversations: Conversations,
    pub users: Arc<dyn Users>,
    pub multi_user: Arc<dyn MultiUser>,
    pub accounts: Accounts,
    pub invites: Arc<dyn Invites>,
    pub invitations: Invitations,
    pub members: Arc<dyn Members>,
    pub chat_log: Arc<dyn ChatLog>,
    pub audit: Arc<dyn AuditLog>,
    pub exports: Exports,
    pub embeds: Embeds,
    pub backups: Arc<Backups>,
    pub health: Arc<dyn Health>,
    pub meter: Arc<Meter>,
    pub settings_store: Arc<SettingsStore>,
    pub dump: Arc<Dump>,
    pub sign_on: SignOn,
    pub sign_in: Arc<SignIn>,
}

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
    /// Proxies whose word is taken for the address a request came from.
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
            .app_data(Data::from(ports.keyring))
            .app_data(Data::from(ports.workspaces))
            .app_data(Data::from(ports.placements))
            .app_data(Data::from(ports.threads))
            .app_data(Data::from(ports.chats))
            .app_data(Data::from(ports.chat_edits))
            .app_data(Data::from(ports.pins))
            .app_data(Data::from(ports.settings))
            .app_data(Data::from(ports.index))
            .app_data(Data::from(ports.models))
            .app_data(Data::new(ports.library))
            .app_data(Data::from(ports.jobs))
            .app_data(Data::new(ports.workers))
            .app_data(Data::new(ports.links))
            .app_data(Data::from(ports.repeats))
            .app_data(Data::new(ports.search))
            .app_data(Data::new(ports.conversations))
            .app_data(Data::from(ports.users))
            .app_data(Data::from(ports.multi_user))
            .app_data(Data::new(ports.accounts))
            .app_data(Data::from(ports.invites))
            .app_data(Data::new(ports.invitations))
            .app_data(Data::from(ports.members))
            .app_data(Data::from(ports.chat_log))
            .app_data(Data::from(ports.audit))
            .app_data(Data::new(ports.exports))
            .app_data(Data::new(ports.embeds))
            .app_data(Data::from(ports.backups))
            .app_data(Data::from(ports.health))
            .app_data(Data::from(ports.meter))
            .app_data(Data::from(ports.settings_store))
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
