//! Importing the data of another server, with the ids, slugs, keys and passwords it had there.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::api_key::NewApiKey;
use crate::audit::Event;
use crate::chat::Chat;
use crate::document::{Chunk, Document};
use crate::extension_key::NewExtensionKey;
use crate::invite::Invite;
use crate::model::Usage;
use crate::picture::{PictureSubject, UploadedPicture};
use crate::prompt_variable::PromptVariable;
use crate::slash_command::CommandText;
use crate::suggested_message::SuggestedMessage;
use crate::thread::Thread;
use crate::thread_file::NewThreadFile;
use crate::user::{PasswordHash, User};
use crate::widget::{Widget, WidgetChat};
use crate::workspace::Workspace;
use crate::{ApiKeyId, DocumentId, Folder, Result, UserId, WorkspaceId};

/// An account of the imported server.
#[derive(Clone, Debug)]
pub struct ImportedUser {
    /// The account, with its original id.
    pub user: User,
    /// The imported hash. The next sign-in replaces it with a stronger one.
    pub password: PasswordHash,
}

/// A workspace of the imported server.
#[derive(Clone, Debug)]
pub struct ImportedWorkspace {
    /// The workspace, with its original id and slug.
    pub workspace: Workspace,
    /// The workspace's tag in the other server's vector database, if it differs from the slug.
    pub vector_tag: Option<String>,
}

/// A membership of the imported server.
#[derive(Clone, Debug)]
pub struct ImportedMember {
    /// The member.
    pub user: UserId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The time the membership began.
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// An exchange of the imported server.
#[derive(Clone, Debug)]
pub struct ImportedChat {
    /// The exchange, with its original id.
    pub chat: Chat,
    /// The tokens of the answer, if stored.
    pub usage: Option<Usage>,
}

/// An exchange of an imported widget.
#[derive(Clone, Debug)]
pub struct ImportedWidgetChat {
    /// The exchange, with its original id.
    pub chat: WidgetChat,
    /// The tokens of the answer, if stored.
    pub usage: Option<Usage>,
}

/// An API key of the imported server, which remains valid.
#[derive(Clone, Debug)]
pub struct ImportedApiKey {
    /// The original id. A new one is assigned if a key of this server has it.
    pub id: ApiKeyId,
    /// The key, identified by its digest.
    pub key: NewApiKey,
}

/// A slash command of the imported server.
#[derive(Clone, Debug)]
pub struct ImportedCommand {
    /// The name, text and description.
    pub command: CommandText,
    /// The user the command belongs to. Absent if it belongs to everybody.
    pub user: Option<UserId>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// Previous instructions of an imported workspace.
#[derive(Clone, Debug)]
pub struct ImportedPrompt {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The instructions.
    pub prompt: String,
    /// The user who replaced the instructions, if stored.
    pub replaced_by: Option<UserId>,
    /// The time they were replaced.
    pub replaced_at: DateTime<Utc>,
}

/// A memory of the imported server.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedMemory {
    /// The person the memory is about. Absent for the owner.
    pub user: Option<UserId>,
    /// The workspace to which it applies. Absent for all workspaces.
    pub workspace: Option<WorkspaceId>,
    /// The text.
    pub content: String,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// A document in an imported workspace. Its passages are searchable by words at once; a job embeds
/// them later.
#[derive(Clone, Debug)]
pub struct ImportedPlacement {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The document.
    pub document: DocumentId,
    /// The title. Its words also match the passages.
    pub title: String,
    /// The `docId` in the API.
    pub key: Uuid,
    /// Whether the document is included in full with every question.
    pub pinned: bool,
    /// Whether a client had marked the document as watched.
    pub watched: bool,
    /// The chunks, without vectors.
    pub passages: Vec<Chunk>,
    /// The time the document was added to the workspace.
    pub created_at: DateTime<Utc>,
}

/// An entry of the other server's event log. The actor is text because the other server's actors do
/// not exist here.
#[derive(Clone, Debug)]
pub struct ImportedEvent {
    /// The kind of event, as named by the other server.
    pub name: String,
    /// Facts about the event, as a JSON object in text form.
    pub details: String,
    /// The actor, as named by the other server.
    pub actor: String,
    /// The time of the event.
    pub at: DateTime<Utc>,
}

/// A table whose ids are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Numbered {
    /// The accounts.
    Users,
    /// The API keys.
    ApiKeys,
    /// The workspaces.
    Workspaces,
    /// The memberships.
    Members,
    /// The threads.
    Threads,
    /// The exchanges.
    Chats,
    /// The widgets.
    Widgets,
    /// The exchanges of widgets.
    WidgetChats,
    /// The invites.
    Invites,
}

/// Imported rows of one kind. Rows arrive after the rows they refer to.
#[derive(Clone, Debug)]
pub enum ImportedRows {
    /// Names and stored values. Secrets are sealed.
    Settings(Vec<(String, String)>),
    /// The password of the owner. An existing owner keeps their password.
    Owner(PasswordHash),
    /// Switches to multi-user mode. Users follow.
    MultiUser,
    /// Accounts.
    Users(Vec<ImportedUser>),
    /// API keys.
    ApiKeys(Vec<ImportedApiKey>),
    /// Workspaces.
    Workspaces(Vec<ImportedWorkspace>),
    /// The logo and the pictures of workspaces. Also sets the picture names of the workspaces.
    Pictures(Vec<(PictureSubject, UploadedPicture)>),
    /// Memberships.
    Members(Vec<ImportedMember>),
    /// Threads.
    Threads(Vec<Thread>),
    /// A file that belongs to a thread.
    ThreadFile(NewThreadFile),
    /// Exchanges.
    Chats(Vec<ImportedChat>),
    /// Folders of the library.
    Folders(Vec<Folder>),
    /// Documents. Their files are already written and recorded as pending.
    Documents(Vec<Document>),
    /// Documents in workspaces, with their chunks.
    WorkspaceDocuments(Vec<ImportedPlacement>),
    /// Widgets.
    Widgets(Vec<Widget>),
    /// Exchanges of widgets.
    WidgetChats(Vec<ImportedWidgetChat>),
    /// Invites.
    Invites(Vec<Invite>),
    /// Slash commands.
    SlashCommands(Vec<ImportedCommand>),
    /// Variables for instructions.
    PromptVariables(Vec<PromptVariable>),
    /// Suggested messages, each with its workspace.
    SuggestedMessages(Vec<(WorkspaceId, SuggestedMessage)>),
    /// Previous instructions, oldest first within a workspace.
    EarlierPrompts(Vec<ImportedPrompt>),
    /// Memories.
    Memories(Vec<ImportedMemory>),
    /// Keys of the browser extension.
    ExtensionKeys(Vec<NewExtensionKey>),
    /// Entries of the audit log.
    Events(Vec<ImportedEvent>),
    /// The largest ids ever assigned. They are not reused, because other rows still refer to
    /// deleted ones.
    LastIds(BTreeMap<Numbered, i64>),
    /// The report, as JSON for [`PastImport::report`]. Comes last.
    Report(String),
}

/// The progress of an import, in rows and documents. Clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct ImportProgress(Arc<(AtomicU64, AtomicU64)>);

impl ImportProgress {
    /// Sets the total number of items once it is known.
    pub fn set_total(&self, total: u64) {
        self.0.1.store(total, Ordering::Relaxed);
    }

    /// Adds completed items.
    pub fn add(&self, count: u64) {
        self.0.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Returns the number of completed items and the total. The total is 0 until it is known.
    pub fn get(&self) -> (u64, u64) {
        let total = self.0.1.load(Ordering::Relaxed);
        (self.0.0.load(Ordering::Relaxed).min(total), total)
    }
}

/// A completed import.
#[derive(Clone, Debug, PartialEq)]
pub struct PastImport {
    /// The product that was imported: `anythingllm`.
    pub kind: String,
    /// The location of the source, without passwords.
    pub origin: String,
    /// The report, as JSON.
    pub report: String,
    /// The time of the import.
    pub created_at: DateTime<Utc>,
}

/// All rows of an import, read while they are written. The iterator blocks.
pub type RowStream = Box<dyn Iterator<Item = Result<ImportedRows>> + Send>;

/// A database that receives an import.
#[async_trait]
pub trait ImportTarget: Send + Sync {
    /// Returns existing data that an import would mix with, as kinds (`users`, `workspaces`) and
    /// counts. Empty on a new server.
    async fn contents(&self) -> Result<Vec<(&'static str, u64)>>;
    /// Returns the newest completed import.
    async fn last_import(&self) -> Result<Option<PastImport>>;
    /// Writes all rows in one transaction, so a killed process leaves the database unchanged.
    /// [`crate::Error::AlreadyExists`] if the database is not empty.
    async fn import(&self, kind: &str, origin: &str, rows: RowStream, event: Event) -> Result<()>;
}
