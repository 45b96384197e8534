//! Everything that an entrance to this server is wired to.
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

/// The ports and services, wired together: what an entrance to this server (an API, pages, a
/// command) is given. Built once at startup.
#[derive(Clone)]
pub struct Ports {
    /// API keys.
    pub api_keys: Arc<ApiKeyService>,
    /// Workspaces and their settings.
    pub workspaces: Arc<dyn Workspaces>,
    /// Documents in workspaces.
    pub workspace_documents: Arc<dyn WorkspaceDocuments>,
    /// Named conversations.
    pub threads: Arc<dyn Threads>,
    /// Files that stay with threads.
    pub thread_files: Arc<dyn ThreadFiles>,
    /// Exchanges.
    pub chats: Arc<dyn Chats>,
    /// Changes of stored exchanges.
    pub chat_edits: Arc<dyn ChatEdits>,
    /// Finds exchanges and threads by words.
    pub chat_search: Arc<dyn ChatSearch>,
    /// Deleted objects that can be restored.
    pub deletions: Arc<dyn Deletions>,
    /// Links that show a conversation.
    pub shares: Arc<dyn Shares>,
    /// Documents that are included in full.
    pub pins: Arc<dyn Pins>,
    /// Questions that an empty conversation offers.
    pub suggested_messages: Arc<dyn SuggestedMessages>,
    /// Short names for texts.
    pub slash_commands: Arc<dyn SlashCommands>,
    /// Notes about people.
    pub memories: Arc<dyn Memories>,
    /// Keys of the browser extension.
    pub extension_keys: Arc<dyn ExtensionKeys>,
    /// Variables of instructions.
    pub prompt_variables: Arc<dyn PromptVariables>,
    /// Instructions that workspaces had before.
    pub prompt_history: Arc<dyn PromptHistory>,
    /// Stored settings, as text.
    pub settings: Arc<dyn Settings>,
    /// Finds passages by vector.
    pub index: Arc<dyn VectorIndex>,
    /// Chooses models by the settings as they are now.
    pub models: Arc<dyn Models>,
    /// Tries settings of models before they are stored.
    pub connection_test: Arc<dyn ConnectionTest>,
    /// Lists the models of providers.
    pub model_lists: Arc<ModelLists>,
    /// Tries settings of speech before they are stored.
    pub speech_connection_test: Arc<dyn SpeechConnectionTest>,
    /// Tries settings of a vector database before they are stored.
    pub index_connection_test: Arc<dyn IndexConnectionTest>,
    /// Keeps documents and removes them.
    pub library: Library,
    /// Documents in pages, by title and place.
    pub document_list: Arc<dyn DocumentList>,
    /// Jobs, as clients follow them.
    pub jobs: Arc<dyn Jobs>,
    /// Make jobs and work on them.
    pub workers: Workers,
    /// Takes documents in.
    pub ingestion: Ingestion,
    /// Imports other installations.
    pub imports: Arc<Imports>,
    /// Requests that are carried out once.
    pub idempotency_keys: Arc<dyn IdempotencyKeys>,
    /// Finds the passages that bear on a question.
    pub search: Search,
    /// Answers questions.
    pub conversations: Conversations,
    /// Makes pictures.
    pub images: Arc<ImageService>,
    /// The logo, and pictures of workspaces.
    pub pictures: PictureService,
    /// Writes recordings down and speaks texts.
    pub speech: Arc<SpeechService>,
    /// Accounts, as stored.
    pub users: Arc<dyn Users>,
    /// Browsers that are signed in.
    pub sessions: Arc<dyn Sessions>,
    /// The switch to a server for a team.
    pub multi_user: Arc<dyn MultiUser>,
    /// Accounts, with the rules for names and passwords.
    pub accounts: Accounts,
    /// Invites, as stored.
    pub invites: Arc<dyn Invites>,
    /// Makes invites and redeems them.
    pub invitations: Invitations,
    /// The members of workspaces.
    pub members: Arc<dyn Members>,
    /// Every exchange of the server.
    pub chat_log: Arc<dyn ChatLog>,
    /// The chat log and usage.
    pub usages: Arc<dyn Usages>,
    /// The record of every change.
    pub audit: Arc<dyn AuditLog>,
    /// The proof that the server vouches for that record.
    pub audit_seals: Arc<dyn AuditSeals>,
    /// Notes attempts to sign in that failed.
    pub failed_sign_ins: FailedSignIns,
    /// Writes exchanges as files.
    pub exports: Exports,
    /// Chat windows in other web pages.
    pub widgets: WidgetService,
    /// Makes archives of everything.
    pub backups: Arc<Backups>,
    /// Whether the database works.
    pub health: Arc<dyn Health>,
    /// Counts what the server does.
    pub meter: Arc<Meter>,
    /// Settings, checked, sealed and swapped in.
    pub settings_store: Arc<SettingsStore>,
    /// Writes settings to a file, where one is configured.
    pub dump: Arc<Dump>,
    /// Signs users in who come from another system.
    pub sign_on: SignOn,
    /// Signs users in with a password.
    pub sign_in: Arc<SignIn>,
    /// Signs people in who have lost their password.
    pub recovery: Recovery,
    /// The first start, and the owner.
    pub ownership: Arc<Ownership>,
}
