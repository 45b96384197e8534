//! Workspaces: documents and conversations, separate from those of other workspaces.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::model::ModelChoice;
use crate::{Result, Slug, WorkspaceId};

/// How questions are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatMode {
    /// From the documents if they help, otherwise from the model's own knowledge.
    Chat,
    /// From the documents only. The question is refused if no passage is relevant.
    Query,
    /// As [`ChatMode::Chat`], with tools if the model supports them.
    Automatic,
}

text_enum!(ChatMode {
    Chat = "chat",
    Query = "query",
    Automatic = "automatic",
});

/// How passages are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchMode {
    /// The server's default, currently [`SearchMode::Hybrid`].
    Default,
    /// By meaning: passages with vectors near that of the question.
    Vector,
    /// By words: passages that share words with the question. Needs no embedder.
    Lexical,
    /// By both, ranking first the passages that do well in both.
    Hybrid,
    /// As [`SearchMode::Hybrid`], with a reranker applied to the best passages.
    Rerank,
}

text_enum!(SearchMode {
    Default = "default",
    Hybrid = "hybrid",
    Rerank = "rerank",
    Vector = "vector",
    Lexical = "lexical",
});

impl SearchMode {
    /// Returns the mode actually used, never [`SearchMode::Default`].
    pub fn effective(self) -> Self {
        match self {
            Self::Default => Self::Hybrid,
            other => other,
        }
    }
}

/// The editable settings of a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceSettings {
    /// The name, 1 to 255 characters.
    pub name: String,
    /// The sampling temperature, at least 0. The provider's default if absent.
    pub temperature: Option<f64>,
    /// The number of earlier exchanges sent to the model, at least 0.
    pub history: i32,
    /// The instructions for the model. The server's default if absent.
    pub prompt: Option<String>,
    /// The minimum similarity of passages, 0 to 1.
    pub least_similarity: f64,
    /// The number of passages retrieved for an answer, at least 1.
    pub passages: i32,
    /// How questions are answered.
    pub chat_mode: ChatMode,
    /// How passages are found.
    pub search_mode: SearchMode,
    /// The provider of the chat model. The server's choice if absent.
    pub chat_provider: Option<String>,
    /// The chat model, by the provider's name for it. The server's choice if absent.
    pub chat_model: Option<String>,
    /// Stored for clients of the other product. Not used by this server.
    pub agent_provider: Option<String>,
    /// Stored for clients of the other product. Not used by this server.
    pub agent_model: Option<String>,
    /// The answer in query mode if no passage is relevant.
    pub refusal: Option<String>,
    /// Stored for clients of the other product. Not used by this server.
    pub router: Option<i32>,
}

impl WorkspaceSettings {
    /// The default number of earlier exchanges sent to the model.
    pub const HISTORY: i32 = 20;
    /// The default minimum similarity of passages, 0 to 1.
    pub const LEAST_SIMILARITY: f64 = 0.25;
    /// The default number of passages retrieved for an answer.
    pub const PASSAGES: i32 = 4;

    /// Returns the default settings of a workspace with this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            temperature: None,
            history: Self::HISTORY,
            prompt: None,
            least_similarity: Self::LEAST_SIMILARITY,
            passages: Self::PASSAGES,
            chat_mode: ChatMode::Automatic,
            search_mode: SearchMode::Default,
            chat_provider: None,
            chat_model: None,
            agent_provider: None,
            agent_model: None,
            refusal: None,
            router: None,
        }
    }

    /// Returns the chat model chosen by the workspace.
    pub fn model(&self) -> ModelChoice {
        ModelChoice { provider: self.chat_provider.clone(), model: self.chat_model.clone() }
    }
}

/// A workspace: documents and conversations that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// The id in the database.
    pub id: WorkspaceId,
    /// The slug used in routes, unique on the server. Never changes.
    pub slug: Slug,
    /// The settings.
    pub settings: WorkspaceSettings,
    /// The name of its picture, if it has one.
    pub picture: Option<String>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time the settings were last changed.
    pub updated_at: DateTime<Utc>,
}

/// A workspace to be created.
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    /// The slug used in routes.
    pub slug: Slug,
    /// The settings.
    pub settings: WorkspaceSettings,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// Stores workspaces. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// Creates a workspace. [`crate::Error::AlreadyExists`] if the slug is taken.
    async fn create(&self, new: NewWorkspace, event: Event) -> Result<Workspace>;
    /// Returns every workspace, by id.
    async fn list(&self) -> Result<Vec<Workspace>>;
    /// Returns the workspace with an id, if it exists.
    async fn by_id(&self, id: WorkspaceId) -> Result<Option<Workspace>>;
    /// Returns the workspace with a slug, if it exists.
    async fn by_slug(&self, slug: &str) -> Result<Option<Workspace>>;
    /// Replaces the settings. [`crate::Error::NotFound`] if the workspace does not exist.
    async fn update(
        &self,
        id: WorkspaceId,
        settings: WorkspaceSettings,
        event: Event,
    ) -> Result<Workspace>;
    /// Deletes the workspace with its conversations, workspace documents, passages and vectors. The
    /// documents stay in the library. Returns `false` if the workspace does not exist.
    async fn delete(&self, id: WorkspaceId, event: Event) -> Result<bool>;
}
