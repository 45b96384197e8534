//! Workspaces: where documents and conversations are kept together and apart from others.
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
    pub fn way(self) -> Self {
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
    pub prompt: Option<String>,
    /// Passages less similar than this are not used, 0 to 1.
    pub least_similarity: f64,
    /// How many passages an answer is built on, >= 1.
    pub passages: i32,
    pub chat_mode: ChatMode,
    pub search_mode: SearchMode,
    pub chat_provider: Option<String>,
    pub chat_model: Option<String>,
    pub agent_provider: Option<String>,
    pub agent_model: Option<String>,
    /// What is said in query mode when no passage bears on the question.
    pub refusal: Option<String>,
    pub router: Option<i32>,
}

impl WorkspaceSettings {
    pub const HISTORY: i32 = 20;
    pub const LEAST_SIMILARITY: f64 = 0.25;
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

#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub slug: Slug,
    pub settings: WorkspaceSettings,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewWorkspace {
    pub slug: Slug,
    pub settings: WorkspaceSettings,
    pub created_at: DateTime<Utc>,
}

/// Where workspaces are kept. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// Refuses a slug that is taken with [`crate::Error::AlreadyExists`].
    async fn create(&self, new: NewWorkspace, event: Event) -> Result<Workspace>;
    /// Every workspace, by id.
    async fn list(&self) -> Result<Vec<Workspace>>;
    async fn by_id(&self, id: WorkspaceId) -> Result<Option<Workspace>>;
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
