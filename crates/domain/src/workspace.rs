//! Workspaces: documents and conversations, separate from those of other workspaces.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::model::ModelChoice;
use crate::{Result, Slug, WorkspaceId};

/// How a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatMode {
    /// From the documents where they help, otherwise from what the model knows.
    Chat,
    /// Only from the documents; without a passage that bears on it the question is refused.
    Query,
    /// As [`ChatMode::Chat`], with tools where the model can use them.
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
    /// What serves best without being chosen: as [`SearchMode::Hybrid`].
    Default,
    /// By meaning: passages whose vectors are near to that of the question.
    Vector,
    /// By words: passages that share words with the question. Needs no embedder.
    Lexical,
    /// By both, first what does well in both.
    Hybrid,
    /// As [`SearchMode::Hybrid`], and the best passages are looked at again beside the question.
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
    /// The way that is taken where this is chosen; never [`SearchMode::Default`].
    pub fn effective(self) -> Self {
        match self {
            Self::Default => Self::Hybrid,
            other => other,
        }
    }
}

/// What an owner may change about a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceSettings {
    /// 1 to 255 characters.
    pub name: String,
    /// Sampling temperature, >= 0; the provider's default when absent.
    pub temperature: Option<f64>,
    /// How many earlier exchanges the model sees, >= 0.
    pub history: i32,
    /// The instructions for the model; the server's default ones when absent.
    pub prompt: Option<String>,
    /// Passages less similar than this are not used, 0 to 1.
    pub least_similarity: f64,
    /// How many passages an answer is built on, >= 1.
    pub passages: i32,
    /// How questions are answered.
    pub chat_mode: ChatMode,
    /// How passages are found.
    pub search_mode: SearchMode,
    /// The provider of its chat model; the server's choice when absent.
    pub chat_provider: Option<String>,
    /// Its chat model, by the provider's name; the server's choice when absent.
    pub chat_model: Option<String>,
    /// Stored for clients of the other product; nothing here reads it.
    pub agent_provider: Option<String>,
    /// Stored for clients of the other product; nothing here reads it.
    pub agent_model: Option<String>,
    /// What is said in query mode when no passage bears on the question.
    pub refusal: Option<String>,
    /// Stored for clients of the other product; nothing here reads it.
    pub router: Option<i32>,
}

impl WorkspaceSettings {
    /// How many earlier exchanges the model sees by default.
    pub const HISTORY: i32 = 20;
    /// How similar a passage must be by default, 0 to 1.
    pub const LEAST_SIMILARITY: f64 = 0.25;
    /// How many passages an answer is built on by default.
    pub const PASSAGES: i32 = 4;

    /// The settings of a workspace of which only the name is known.
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

    /// The language model it asks for.
    pub fn model(&self) -> ModelChoice {
        ModelChoice { provider: self.chat_provider.clone(), model: self.chat_model.clone() }
    }
}

/// Documents and conversations that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// Names it in the database.
    pub id: WorkspaceId,
    /// Names it in routes; unique on the server, and never changes.
    pub slug: Slug,
    /// What its members may change.
    pub settings: WorkspaceSettings,
    /// The name of its picture, if it has one.
    pub picture: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its settings were last changed.
    pub updated_at: DateTime<Utc>,
}

/// A workspace that is to be made.
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    /// Names it in routes.
    pub slug: Slug,
    /// What its members may change.
    pub settings: WorkspaceSettings,
    /// When it is made.
    pub created_at: DateTime<Utc>,
}

/// Stores workspaces. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// Refuses a slug that is taken with [`crate::Error::AlreadyExists`].
    async fn create(&self, new: NewWorkspace, event: Event) -> Result<Workspace>;
    /// Every workspace, by id.
    async fn list(&self) -> Result<Vec<Workspace>>;
    /// The workspace of an id; `None` when there is none.
    async fn by_id(&self, id: WorkspaceId) -> Result<Option<Workspace>>;
    /// The workspace of a slug; `None` when there is none.
    async fn by_slug(&self, slug: &str) -> Result<Option<Workspace>>;
    /// Replaces the settings. [`crate::Error::NotFound`] when there is no such workspace.
    async fn update(
        &self,
        id: WorkspaceId,
        settings: WorkspaceSettings,
        event: Event,
    ) -> Result<Workspace>;
    /// Removes the workspace with its conversations, its places for documents, their passages
    /// and vectors. The documents themselves stay. Says whether there was such a workspace.
    async fn delete(&self, id: WorkspaceId, event: Event) -> Result<bool>;
}
