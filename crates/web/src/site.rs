//! What the pages are wired to.
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::Result;
use carrel_domain::audit::AuditLog;
use carrel_domain::chat::Chats;
use carrel_domain::chat_edit::ChatEdits;
use carrel_domain::chat_log::ChatLog;
use carrel_domain::invite::Invites;
use carrel_domain::job::Jobs;
use carrel_domain::library::Placements;
use carrel_domain::member::Members;
use carrel_domain::model::Models;
use carrel_domain::pin::Pins;
use carrel_domain::settings::Settings;
use carrel_domain::thread::Threads;
use carrel_domain::user::{MultiUser, Sessions, Users};
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspaces;
use carrel_services::accounts::Accounts;
use carrel_services::backup::Backups;
use carrel_services::chat::Conversations;
use carrel_services::exports::Exports;
use carrel_services::invitations::Invitations;
use carrel_services::jobs::Workers;
use carrel_services::keyring::Keyring;
use carrel_services::library::Library;
use carrel_services::ownership::Ownership;
use carrel_services::search::Search;
use carrel_services::settings::SettingsStore;
use carrel_services::sign_in::SignIn;
use carrel_services::sign_on::SignOn;
use chrono::{DateTime, Utc};

use crate::answers::Answers;
use crate::frame::Brand;

/// Every port and service that pages use.
#[derive(Clone)]
pub struct Ports {
    pub keyring: Arc<Keyring>,
    pub workspaces: Arc<dyn Workspaces>,
    pub placements: Arc<dyn Placements>,
    pub threads: Arc<dyn Threads>,
    pub chats: Arc<dyn Chats>,
    pub settings: Arc<dyn Settings>,
    pub index: Arc<dyn VectorIndex>,
    pub models: Arc<dyn Models>,
    pub library: Library,
    pub search: Search,
    pub conversations: Conversations,
    pub users: Arc<dyn Users>,
    pub sessions: Arc<dyn Sessions>,
    pub multi_user: Arc<dyn MultiUser>,
    pub accounts: Accounts,
    pub invites: Arc<dyn Invites>,
    pub invitations: Invitations,
    pub members: Arc<dyn Members>,
    pub chat_log: Arc<dyn ChatLog>,
    pub audit: Arc<dyn AuditLog>,
    pub exports: Exports,
    pub settings_store: Arc<SettingsStore>,
    pub sign_on: SignOn,
    pub sign_in: Arc<SignIn>,
    pub ownership: Arc<Ownership>,
    pub backups: Arc<Backups>,
    pub chat_edits: Arc<dyn ChatEdits>,
    pub pins: Arc<dyn Pins>,
    pub jobs: Arc<dyn Jobs>,
    pub workers: Workers,
}

/// Finds the address of a client from that of its peer and the values of `X-Forwarded-For`.
pub type Origin = Arc<dyn Fn(IpAddr, &[&str]) -> IpAddr + Send + Sync>;

/// What the operator decided, and facts about the process.
#[derive(Clone)]
pub struct Options {
    pub version: &'static str,
    /// The largest uploaded file, in bytes.
    pub upload_limit: u64,
    /// Where uploads wait, as temporary files, until they are documents.
    pub upload_dir: PathBuf,
    pub storage_dir: PathBuf,
    /// Such as `SQLite`.
    pub database: &'static str,
    /// Where a request came from, given its peer and what proxies say of it.
    pub origin: Origin,
    /// The memory this process holds, in bytes, if the system tells.
    pub memory: fn() -> Option<u64>,
}

/// The ports and options, shared by every page.
pub struct Site {
    pub ports: Ports,
    pub options: Options,
    /// Those that are being given by this process.
    pub answers: Answers,
    pub started: DateTime<Utc>,
}

impl Site {
    pub fn new(ports: Ports, options: Options) -> Self {
        Self { ports, options, answers: Answers::default(), started: Utc::now() }
    }

    /// What this installation calls itself.
    pub async fn brand(&self) -> Result<Brand> {
        Ok(Brand::of(&self.ports.settings.all().await?))
    }
}
