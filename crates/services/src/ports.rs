//! The complete set of ports and services, as entry points of the server use them.
use std::sync::Arc;

use carrel_domain::audit::{AuditLog, AuditSeals};
use carrel_domain::chat::Chats;
use carrel_domain::chat_edit::ChatEdits;
use carrel_domain::chat_log::ChatLog;
use carrel_domain::chat_search::ChatSearch;
use carrel_domain::deletion::Deletions;
use carrel_domain::document_list::DocumentList;
use carrel_domain::extension_key::ExtensionKeys;
use carrel_domain::health::Health;
use carrel_domain::idempotency::IdempotencyKeys;
use carrel_domain::invite::Invites;
use carrel_domain::job::Jobs;
use carrel_domain::library::WorkspaceDocuments;
use carrel_domain::member::Members;
use carrel_domain::memory::Memories;
use carrel_domain::model::Models;
use carrel_domain::pin::Pins;
use carrel_domain::prompt_history::PromptHistory;
use carrel_domain::prompt_variable::PromptVariables;
use carrel_domain::settings::Settings;
use carrel_domain::share::Shares;
use carrel_domain::slash_command::SlashCommands;
use carrel_domain::suggested_message::SuggestedMessages;
use carrel_domain::thread::Threads;
use carrel_domain::thread_file::ThreadFiles;
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
use crate::pictures::PictureService;
use crate::recovery::Recovery;
use crate::search::Search;
use crate::settings::SettingsStore;
use crate::settings::dump::Dump;
use crate::sign_in::SignIn;
use crate::sign_on::SignOn;
use crate::speech::SpeechService;
use crate::widgets::WidgetService;

/// All ports and services, wired together once at startup. Passed to every entry point: APIs, pages
/// and commands.
#[derive(Clone)]
pub struct Ports {
    /// API keys.
    pub api_keys: Arc<ApiKeyService>,
    /// Workspaces.
    pub workspaces: Arc<dyn Workspaces>,
    /// Documents in workspaces.
    pub workspace_documents: Arc<dyn WorkspaceDocuments>,
    /// Threads.
    pub threads: Arc<dyn Threads>,
    /// Thread files.
    pub thread_files: Arc<dyn ThreadFiles>,
    /// Exchanges.
    pub chats: Arc<dyn Chats>,
    /// Changes to stored exchanges.
    pub chat_edits: Arc<dyn ChatEdits>,
    /// Search in exchanges and threads.
    pub chat_search: Arc<dyn ChatSearch>,
    /// Deleted items that can be restored.
    pub deletions: Arc<dyn Deletions>,
    /// Share links.
    pub shares: Arc<dyn Shares>,
    /// Pinned documents.
    pub pins: Arc<dyn Pins>,
    /// Suggested messages.
    pub suggested_messages: Arc<dyn SuggestedMessages>,
    /// Slash commands.
    pub slash_commands: Arc<dyn SlashCommands>,
    /// Memories.
    pub memories: Arc<dyn Memories>,
    /// Extension keys.
    pub extension_keys: Arc<dyn ExtensionKeys>,
    /// Variables for instructions.
    pub prompt_variables: Arc<dyn PromptVariables>,
    /// Previous instructions of workspaces.
    pub prompt_history: Arc<dyn PromptHistory>,
    /// Stored settings.
    pub settings: Arc<dyn Settings>,
    /// The vector index.
    pub index: Arc<dyn VectorIndex>,
    /// Selects models according to the current settings.
    pub models: Arc<dyn Models>,
    /// Tests model settings before they are stored.
    pub connection_test: Arc<dyn ConnectionTest>,
    /// Lists the models of providers.
    pub model_lists: Arc<ModelLists>,
    /// Tests speech settings before they are stored.
    pub speech_connection_test: Arc<dyn SpeechConnectionTest>,
    /// Tests vector database settings before they are stored.
    pub index_connection_test: Arc<dyn IndexConnectionTest>,
    /// The library.
    pub library: Library,
    /// Lists of documents by title.
    pub document_list: Arc<dyn DocumentList>,
    /// Jobs.
    pub jobs: Arc<dyn Jobs>,
    /// Creates and runs jobs.
    pub workers: Workers,
    /// Adds documents to the library.
    pub ingestion: Ingestion,
    /// Imports from other servers.
    pub imports: Arc<Imports>,
    /// Idempotent requests.
    pub idempotency_keys: Arc<dyn IdempotencyKeys>,
    /// Finds relevant passages.
    pub search: Search,
    /// Answers questions.
    pub conversations: Conversations,
    /// Image generation.
    pub images: Arc<ImageService>,
    /// The logo and the pictures of workspaces.
    pub pictures: PictureService,
    /// Transcription and speech synthesis.
    pub speech: Arc<SpeechService>,
    /// Stored accounts.
    pub users: Arc<dyn Users>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// The switch to multi-user mode.
    pub multi_user: Arc<dyn MultiUser>,
    /// Manages accounts.
    pub accounts: Accounts,
    /// Stored invites.
    pub invites: Arc<dyn Invites>,
    /// Creates and redeems invites.
    pub invitations: Invitations,
    /// The members of workspaces.
    pub members: Arc<dyn Members>,
    /// The log of all exchanges.
    pub chat_log: Arc<dyn ChatLog>,
    /// Token usage.
    pub usages: Arc<dyn Usages>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// The seals of the audit log.
    pub audit_seals: Arc<dyn AuditSeals>,
    /// Records failed sign-ins.
    pub failed_sign_ins: FailedSignIns,
    /// Exports exchanges.
    pub exports: Exports,
    /// Widgets.
    pub widgets: WidgetService,
    /// Backups.
    pub backups: Arc<Backups>,
    /// The health of the database.
    pub health: Arc<dyn Health>,
    /// Counts the work of the server.
    pub meter: Arc<Meter>,
    /// The settings in force.
    pub settings_store: Arc<SettingsStore>,
    /// Writes settings to a file, if one is configured.
    pub dump: Arc<Dump>,
    /// Signs in users of another system.
    pub sign_on: SignOn,
    /// Signs in users with a password.
    pub sign_in: Arc<SignIn>,
    /// Recovery codes and links.
    pub recovery: Recovery,
    /// The setup and the owner.
    pub ownership: Arc<Ownership>,
}
