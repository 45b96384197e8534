//! Importing the data of another server, with the ids, slugs, keys and passwords it had there.
use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::api_key::NewApiKey;
use crate::audit::Event;
use crate::chat::Chat;
use crate::document::{Chunk, Document};
use crate::invite::Invite;
use crate::model::Usage;
use crate::prompt_variable::PromptVariable;
use crate::slash_command::CommandText;
use crate::suggested_message::SuggestedMessage;
use crate::thread::Thread;
use crate::user::{PasswordHash, User};
use crate::widget::{Widget, WidgetChat};
use crate::workspace::Workspace;
use crate::{ApiKeyId, DocumentId, Folder, Result, UserId, WorkspaceId};

#[derive(Clone, Debug)]
pub struct ImportedUser {
    pub user: User,
    pub password: PasswordHash,
}

#[derive(Clone, Debug)]
pub struct ImportedWorkspace {
    pub workspace: Workspace,
    pub vector_tag: Option<String>,
    /// The file name of a picture.
    pub picture: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ImportedMember {
    pub user: UserId,
    pub workspace: WorkspaceId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct ImportedChat {
    pub chat: Chat,
    pub usage: Option<Usage>,
}

#[derive(Clone, Debug)]
pub struct ImportedWidgetChat {
    pub chat: WidgetChat,
    pub usage: Option<Usage>,
}

#[derive(Clone, Debug)]
pub struct ImportedApiKey {
    /// Another id is assigned if a key of this server has this one.
    pub id: ApiKeyId,
    pub key: NewApiKey,
}

#[derive(Clone, Debug)]
pub struct ImportedCommand {
    pub command: CommandText,
    /// Whose it is; everybody's when absent.
    pub user: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Instructions of a workspace that were replaced.
#[derive(Clone, Debug)]
pub struct ImportedPrompt {
    pub workspace: WorkspaceId,
    pub prompt: String,
    pub replaced_by: Option<UserId>,
    pub replaced_at: DateTime<Utc>,
}

/// A document in a workspace. Its passages are searchable by words at once; a job embeds them.
#[derive(Clone, Debug)]
pub struct ImportedPlacement {
    pub workspace: WorkspaceId,
    pub document: DocumentId,
    /// The title, by whose words passages are found too.
    pub title: String,
    pub key: Uuid,
    pub pinned: bool,
    pub watched: bool,
    pub passages: Vec<Chunk>,
    pub created_at: DateTime<Utc>,
}

/// An entry of the other server's log. Who made the change is text, because the other server's
/// actors are not those of this one.
#[derive(Clone, Debug)]
pub struct ImportedEvent {
    pub name: String,
    /// JSON of an object.
    pub details: String,
    pub actor: String,
    pub at: DateTime<Utc>,
}

/// What numbers its rows by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Numbered {
    Users,
    ApiKeys,
    Workspaces,
    Members,
    Threads,
    Chats,
    Widgets,
    WidgetChats,
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
    Users(Vec<ImportedUser>),
    ApiKeys(Vec<ImportedApiKey>),
    Workspaces(Vec<ImportedWorkspace>),
    Members(Vec<ImportedMember>),
    Threads(Vec<Thread>),
    Chats(Vec<ImportedChat>),
    Folders(Vec<Folder>),
    /// Their files are written, and noted as pending.
    Documents(Vec<Document>),
    WorkspaceDocuments(Vec<ImportedPlacement>),
    Widgets(Vec<Widget>),
    WidgetChats(Vec<ImportedWidgetChat>),
    Invites(Vec<Invite>),
    SlashCommands(Vec<ImportedCommand>),
    PromptVariables(Vec<PromptVariable>),
    SuggestedMessages(Vec<(WorkspaceId, SuggestedMessage)>),
    /// The oldest of a workspace first.
    EarlierPrompts(Vec<ImportedPrompt>),
    Events(Vec<ImportedEvent>),
    /// The largest ids that were ever assigned. They are not assigned again, because rows that were
    /// deleted are still referred to.
    LastIds(BTreeMap<Numbered, i64>),
    /// Comes last: JSON for [`PastImport::report`].
    Report(String),
}

/// An import that is complete.
#[derive(Clone, Debug, PartialEq)]
pub struct PastImport {
    /// The product: `anythingllm`.
    pub kind: String,
    /// Where it was read from, without a password.
    pub origin: String,
    /// JSON.
    pub report: String,
    pub created_at: DateTime<Utc>,
}

/// All rows of an import, read while they are written. Blocks.
pub type RowStream = Box<dyn Iterator<Item = Result<ImportedRows>> + Send>;

/// Where an import goes.
#[async_trait]
pub trait ImportTarget: Send + Sync {
    /// What is there that an import would mix with, each with its number: `users`, `workspaces` and
    /// so on. Empty on a new server.
    async fn contents(&self) -> Result<Vec<(&'static str, u64)>>;
    /// The newest import that is complete.
    async fn past_import(&self) -> Result<Option<PastImport>>;
    /// Writes everything in one transaction: a process that is killed leaves the database as it was.
    /// [`crate::Error::AlreadyExists`] when the database is not empty, or no longer.
    async fn import(&self, kind: &str, origin: &str, rows: RowStream, event: Event) -> Result<()>;
}
