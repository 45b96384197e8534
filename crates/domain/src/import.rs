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

/// An account of the imported installation.
#[derive(Clone, Debug)]
pub struct ImportedUser {
    /// The account, with the id it had.
    pub user: User,
    /// The hash it had; the next sign-in replaces it by a stronger one.
    pub password: PasswordHash,
}

/// A workspace of the imported installation.
#[derive(Clone, Debug)]
pub struct ImportedWorkspace {
    /// The workspace, with the id and the slug it had.
    pub workspace: Workspace,
    /// The tag under which its vector database kept the workspace, if it had another one than the
    /// slug.
    pub vector_tag: Option<String>,
}

/// A membership of the imported installation.
#[derive(Clone, Debug)]
pub struct ImportedMember {
    /// The member.
    pub user: UserId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// When the membership began.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// An exchange of the imported installation.
#[derive(Clone, Debug)]
pub struct ImportedChat {
    /// The exchange, with the id it had.
    pub chat: Chat,
    /// The tokens of its answer, if stored.
    pub usage: Option<Usage>,
}

/// An exchange of an imported widget.
#[derive(Clone, Debug)]
pub struct ImportedWidgetChat {
    /// The exchange, with the id it had.
    pub chat: WidgetChat,
    /// The tokens of its answer, if stored.
    pub usage: Option<Usage>,
}

/// An API key of the imported installation, which goes on working.
#[derive(Clone, Debug)]
pub struct ImportedApiKey {
    /// Another id is assigned if a key of this server has this one.
    pub id: ApiKeyId,
    /// The key, by the digest of its text.
    pub key: NewApiKey,
}

/// A slash command of the imported installation.
#[derive(Clone, Debug)]
pub struct ImportedCommand {
    /// Its name, text and description.
    pub command: CommandText,
    /// The owner; everybody if absent.
    pub user: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Instructions of a workspace that were replaced.
#[derive(Clone, Debug)]
pub struct ImportedPrompt {
    /// The workspace whose instructions they were.
    pub workspace: WorkspaceId,
    /// The instructions.
    pub prompt: String,
    /// The user who replaced them, if stored.
    pub replaced_by: Option<UserId>,
    /// When they were replaced.
    pub replaced_at: DateTime<Utc>,
}

/// A note about a person.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedMemory {
    /// The person it describes; the owner if absent.
    pub user: Option<UserId>,
    /// The workspace to which it applies; every workspace if absent.
    pub workspace: Option<WorkspaceId>,
    /// The text.
    pub content: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A document in a workspace. Its passages are searchable by words at once; a job embeds them.
#[derive(Clone, Debug)]
pub struct ImportedPlacement {
    /// The workspace it is placed in.
    pub workspace: WorkspaceId,
    /// The document.
    pub document: DocumentId,
    /// The title, by whose words passages are found too.
    pub title: String,
    /// The `docId` of the API.
    pub key: Uuid,
    /// Whether it is included in full with every question.
    pub pinned: bool,
    /// Whether a client had marked it as watched.
    pub watched: bool,
    /// Its chunks, without vectors: they are searchable by words until a job embeds them.
    pub passages: Vec<Chunk>,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
}

/// An entry of the other server's log. Who made the change is text, because the other server's
/// actors are not those of this one.
#[derive(Clone, Debug)]
pub struct ImportedEvent {
    /// The kind of event, as the other installation called it.
    pub name: String,
    /// JSON of an object.
    pub details: String,
    /// The actor, as the other installation named them.
    pub actor: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// A table with its own numbering.
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

/// Rows of one kind. They come in an order in which nothing refers to what is not there yet.
#[derive(Clone, Debug)]
pub enum ImportedRows {
    /// Names and values as they are stored, secrets sealed.
    Settings(Vec<(String, String)>),
    /// The password of the one person who uses the server. An owner who exists keeps theirs.
    Owner(PasswordHash),
    /// Users follow: the server is in multi-user mode from now on.
    MultiUser,
    /// Accounts, which the others refer to.
    Users(Vec<ImportedUser>),
    /// API keys.
    ApiKeys(Vec<ImportedApiKey>),
    /// Workspaces.
    Workspaces(Vec<ImportedWorkspace>),
    /// The logo, and pictures of workspaces, which are noted in their rows.
    Pictures(Vec<(PictureSubject, UploadedPicture)>),
    /// Memberships.
    Members(Vec<ImportedMember>),
    /// Threads.
    Threads(Vec<Thread>),
    /// A file that stays with a thread.
    ThreadFile(NewThreadFile),
    /// Exchanges.
    Chats(Vec<ImportedChat>),
    /// Folders of the library.
    Folders(Vec<Folder>),
    /// Their files are written, and noted as pending.
    Documents(Vec<Document>),
    /// Places of documents in workspaces, with their chunks.
    WorkspaceDocuments(Vec<ImportedPlacement>),
    /// Widgets.
    Widgets(Vec<Widget>),
    /// Exchanges of widgets.
    WidgetChats(Vec<ImportedWidgetChat>),
    /// Invites.
    Invites(Vec<Invite>),
    /// Slash commands.
    SlashCommands(Vec<ImportedCommand>),
    /// Variables of instructions.
    PromptVariables(Vec<PromptVariable>),
    /// Suggested messages, each with its workspace.
    SuggestedMessages(Vec<(WorkspaceId, SuggestedMessage)>),
    /// The oldest of a workspace first.
    EarlierPrompts(Vec<ImportedPrompt>),
    /// Notes about people.
    Memories(Vec<ImportedMemory>),
    /// Keys of the browser extension.
    ExtensionKeys(Vec<NewExtensionKey>),
    /// Entries of the audit log.
    Events(Vec<ImportedEvent>),
    /// The largest ids that were ever assigned. They are not assigned again, because rows that were
    /// deleted are still referred to.
    LastIds(BTreeMap<Numbered, i64>),
    /// Comes last: JSON for [`PastImport::report`].
    Report(String),
}

/// How far an import is, in rows and documents. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct ImportProgress(Arc<(AtomicU64, AtomicU64)>);

impl ImportProgress {
    /// How many there are in all, once that is known.
    pub fn set_total(&self, total: u64) {
        self.0.1.store(total, Ordering::Relaxed);
    }

    /// Counts items that are done.
    pub fn add(&self, count: u64) {
        self.0.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many are done, and how many there are: 0 while that is not known.
    pub fn get(&self) -> (u64, u64) {
        let total = self.0.1.load(Ordering::Relaxed);
        (self.0.0.load(Ordering::Relaxed).min(total), total)
    }
}

/// An import that is complete.
#[derive(Clone, Debug, PartialEq)]
pub struct PastImport {
    /// The product: `anythingllm`.
    pub kind: String,
    /// The source, without a password.
    pub origin: String,
    /// JSON.
    pub report: String,
    /// When it was taken in.
    pub created_at: DateTime<Utc>,
}

/// All rows of an import, read while they are written. Blocks.
pub type RowStream = Box<dyn Iterator<Item = Result<ImportedRows>> + Send>;

/// The destination of an import.
#[async_trait]
pub trait ImportTarget: Send + Sync {
    /// Existing data that would be mixed with an import, with counts: `users`, `workspaces` and so
    /// on. Empty on a new server.
    async fn contents(&self) -> Result<Vec<(&'static str, u64)>>;
    /// The newest import that is complete.
    async fn last_import(&self) -> Result<Option<PastImport>>;
    /// Writes everything in one transaction: a process that is killed leaves the database as it was.
    /// [`crate::Error::AlreadyExists`] when the database is not empty, or no longer.
    async fn import(&self, kind: &str, origin: &str, rows: RowStream, event: Event) -> Result<()>;
}
