//! JSON of workspaces.
use carrel_domain::library::WorkspaceDocument;
use carrel_domain::thread::Thread;
use carrel_domain::workspace::Workspace;
use carrel_services::library::Failures;
use carrel_services::record;
use serde::Serialize;
use utoipa::ToSchema;

pub use super::settings::WorkspaceFields;

use crate::wire::time;

/// A workspace.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceRow {
    id: i32,
    name: String,
    slug: String,
    vector_tag: Option<String>,
    created_at: String,
    /// Sampling temperature, at least 0; null for the provider's default.
    open_ai_temp: Option<f64>,
    /// Number of earlier exchanges that the model sees.
    open_ai_history: i32,
    last_updated_at: String,
    /// Instructions for the model.
    open_ai_prompt: Option<String>,
    /// Lowest similarity of passages, 0 to 1.
    similarity_threshold: f64,
    chat_provider: Option<String>,
    chat_model: Option<String>,
    /// Number of passages an answer is built on.
    #[serde(rename = "topN")]
    top_n: i32,
    /// `chat`, `query` or `automatic`.
    chat_mode: &'static str,
    /// Name of the picture at `/v1/workspace/{slug}/picture`.
    pfp_filename: Option<String>,
    agent_provider: Option<String>,
    agent_model: Option<String>,
    query_refusal_response: Option<String>,
    /// `default`, `vector` or `rerank`.
    vector_search_mode: &'static str,
    #[serde(rename = "router_id")]
    router_id: Option<i32>,
}

impl From<Workspace> for WorkspaceRow {
    fn from(workspace: Workspace) -> Self {
        let Workspace { id, slug, settings, picture, created_at, updated_at } = workspace;
        Self {
            id: id.0,
            name: settings.name,
            slug: slug.to_string(),
            vector_tag: None,
            created_at: time(created_at),
            open_ai_temp: settings.temperature,
            open_ai_history: settings.history,
            last_updated_at: time(updated_at),
            open_ai_prompt: settings.prompt,
            similarity_threshold: settings.least_similarity,
            chat_provider: settings.chat_provider,
            chat_model: settings.chat_model,
            top_n: settings.passages,
            chat_mode: settings.chat_mode.as_str(),
            pfp_filename: picture,
            agent_provider: settings.agent_provider,
            agent_model: settings.agent_model,
            query_refusal_response: settings.refusal,
            vector_search_mode: settings.search_mode.as_str(),
            router_id: settings.router,
        }
    }
}

/// A workspace after it was created or changed.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceChanged {
    pub workspace: WorkspaceRow,
    pub message: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub struct WorkspaceList {
    pub workspaces: Vec<ListedWorkspace>,
}

#[derive(Serialize, ToSchema)]
pub struct ListedWorkspace {
    #[serde(flatten)]
    pub row: WorkspaceRow,
    pub threads: Vec<ThreadName>,
}

#[derive(Serialize, ToSchema)]
pub struct ThreadName {
    user_id: Option<i32>,
    slug: String,
    name: String,
}

impl From<Thread> for ThreadName {
    fn from(thread: Thread) -> Self {
        let Thread { slug, name, user, .. } = thread;
        Self { user_id: user.map(|user| user.0), slug: slug.to_string(), name }
    }
}

/// A list with the workspace, empty if it does not exist.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceFound {
    pub workspace: Vec<WorkspaceDetails>,
}

#[derive(Serialize, ToSchema)]
pub struct WorkspaceDetails {
    #[serde(flatten)]
    pub row: WorkspaceRow,
    pub documents: Vec<PlacedDocument>,
    pub threads: Vec<ThreadName>,
}

/// A document in a workspace.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacedDocument {
    id: i64,
    doc_id: String,
    filename: String,
    /// `folder/file.json`; other operations call it `location`.
    docpath: String,
    workspace_id: i32,
    /// Metadata of the document, as a JSON string.
    metadata: String,
    pinned: bool,
    watched: bool,
    created_at: String,
    last_updated_at: String,
}

impl PlacedDocument {
    pub fn new(placed: WorkspaceDocument) -> Self {
        let WorkspaceDocument {
            id,
            workspace,
            document,
            key,
            pinned,
            watched,
            created_at,
            updated_at,
            ..
        } = placed;
        Self {
            id: id.0,
            doc_id: key.to_string(),
            filename: document.path.name().to_owned(),
            docpath: document.path.to_string(),
            workspace_id: workspace.0,
            metadata: record::document_json(&document).to_string(),
            pinned,
            watched,
            created_at: time(created_at),
            last_updated_at: time(updated_at),
        }
    }
}

/// Confirms that a workspace was deleted.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceDeleted {
    pub success: bool,
    pub error: Option<String>,
}

/// A workspace after documents were added or removed.
#[derive(Serialize, ToSchema)]
pub struct EmbeddingsUpdated {
    pub workspace: WorkspaceContents,
    /// Paths that could not be added.
    #[serde(rename = "failedToEmbed")]
    pub failed_to_embed: Vec<String>,
    /// The reasons, in the same order.
    pub errors: Vec<String>,
    pub message: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceContents {
    #[serde(flatten)]
    pub row: WorkspaceRow,
    pub documents: Vec<PlacedDocument>,
    /// Context window of the model in tokens, if a model is configured.
    pub context_window: Option<u64>,
    pub current_context_token_count: u64,
}

impl EmbeddingsUpdated {
    pub fn new(
        workspace: Workspace,
        documents: Vec<PlacedDocument>,
        context_window: Option<u64>,
        failures: Failures,
    ) -> Self {
        let (failed_to_embed, errors): (Vec<_>, Vec<_>) = failures.into_iter().unzip();
        let message = match failed_to_embed.len() {
            0 => None,
            failed => Some(format!("{failed} documents failed to embed.")),
        };
        let row = workspace.into();
        let workspace =
            WorkspaceContents { row, documents, context_window, current_context_token_count: 0 };
        Self { workspace, failed_to_embed, errors, message }
    }
}
