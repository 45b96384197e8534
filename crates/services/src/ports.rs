//! Everything that an entrance to this server is wired to.
use std::sync::Arc;

use carrel_domain::audit::{AuditLog, AuditSeals};
use carrel_domain::chat::Chats;
use carrel_domain::chat_edit::ChatEdits;
use carrel_domain::chat_log::ChatLog;
use carrel_domain::chat_search::ChatSearch;
use carrel_domain::deletion::Deletions;
use carrel_domain::document_list::DocumentList;
use carrel_domain::health::Health;
use carrel_domain::idempotency::IdempotencyKeys;
use carrel_domain::invite::Invites;
use carrel_domain::job::Jobs;
use carrel_domain::library::WorkspaceDocuments;
use carrel_domain::member::Members;
use carrel_domain::model::Models;
use carrel_domain::pin::Pins;
use carrel_domain::prompt_history::PromptHistory;
use carrel_domain::prompt_variable::PromptVariables;
use carrel_domain::settings::Settings;
use carrel_domain::share::Shares;
use carrel_domain::slash_command::SlashCommands;
use carrel_domain::suggested_message::SuggestedMessages;
use carrel_domain::thread::Threads;
use carrel_domain::usage::Usages;
use carrel_domain::user::{MultiUser, Sessions, Users};
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspaces;

use crate::accounts::Accounts;
use crate::api_keys::ApiKeyService;
use crate::backup::Backups;
use crate::chat::Conversations;
use crate::connection_test::{ConnectionTest, IndexConnectionTest, SpeechConnectionTest};
use crate::exports::Exports;
use crate::failed_sign_ins::FailedSignIns;
use crate::images::ImageService;
use crate::imports::Imports;
use crate::ingestion::Ingestion;
use crate::invitations::Invitations;
use crate::jobs::Workers;
use crate::library::Library;
use crate::meter::Meter;
use crate::model_lists::ModelLists;
use crate::ownership::Ownership;
use crate::search::Search;
use crate::settings::SettingsStore;
use crate::settings::dump::Dump;
use crate::sign_in::SignIn;
use crate::sign_on::SignOn;
use crate::speech::SpeechService;
use crate::widgets::WidgetService;

/// The ports and services, wired together: what an entrance to this server (an API, pages, a
/// command) is given. Built once at startup.
#[derive(Clone)]
pub struct Ports {
    pub api_keys: Arc<ApiKeyService>,
    pub workspaces: Arc<dyn Workspaces>,
    pub workspace_documents: Arc<dyn WorkspaceDocuments>,
    pub threads: Arc<dyn Threads>,
    pub chats: Arc<dyn Chats>,
    pub chat_edits: Arc<dyn ChatEdits>,
    pub chat_search: Arc<dyn ChatSearch>,
    pub deletions: Arc<dyn Deletions>,
    pub shares: Arc<dyn Shares>,
    pub pins: Arc<dyn Pins>,
    pub suggested_messages: Arc<dyn SuggestedMessages>,
    pub slash_commands: Arc<dyn SlashCommands>,
    pub prompt_variables: Arc<dyn PromptVariables>,
    pub prompt_history: Arc<dyn PromptHistory>,
    pub settings: Arc<dyn Settings>,
    pub index: Arc<dyn VectorIndex>,
    pub models: Arc<dyn Models>,
    pub connection_test: Arc<dyn ConnectionTest>,
    pub model_lists: Arc<ModelLists>,
    pub speech_connection_test: Arc<dyn SpeechConnectionTest>,
    pub index_connection_test: Arc<dyn IndexConnectionTest>,
    pub library: Library,
    pub document_list: Arc<dyn DocumentList>,
    pub jobs: Arc<dyn Jobs>,
    pub workers: Workers,
    pub ingestion: Ingestion,
    pub imports: Arc<Imports>,
    pub idempotency_keys: Arc<dyn IdempotencyKeys>,
    pub search: Search,
    pub conversations: Conversations,
    pub images: Arc<ImageService>,
    pub speech: Arc<SpeechService>,
    pub users: Arc<dyn Users>,
    pub sessions: Arc<dyn Sessions>,
    pub multi_user: Arc<dyn MultiUser>,
    pub accounts: Accounts,
    pub invites: Arc<dyn Invites>,
    pub invitations: Invitations,
    pub members: Arc<dyn Members>,
    pub chat_log: Arc<dyn ChatLog>,
    pub usages: Arc<dyn Usages>,
    pub audit: Arc<dyn AuditLog>,
    pub audit_seals: Arc<dyn AuditSeals>,
    pub failed_sign_ins: FailedSignIns,
    pub exports: Exports,
    pub widgets: WidgetService,
    pub backups: Arc<Backups>,
    pub health: Arc<dyn Health>,
    pub meter: Arc<Meter>,
    pub settings_store: Arc<SettingsStore>,
    pub dump: Arc<Dump>,
    pub sign_on: SignOn,
    pub sign_in: Arc<SignIn>,
    pub ownership: Arc<Ownership>,
}
