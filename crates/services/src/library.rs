//! The library: files and texts become documents, with places in workspaces from the beginning. Later
//! ones come by jobs ([`crate::jobs`]).
mod adding;
mod earlier;
pub(crate) mod embedding;
mod folders;
pub(crate) mod incoming;
mod links;
mod listing;
mod removal;
mod replacing;
pub(crate) mod scratch;

use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::document::{DocumentFiles, Extractor, Splitter};
use carrel_domain::embedding::EmbeddingCache;
use carrel_domain::folder::Folders;
use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::model::{Models, Tokenizer};
use carrel_domain::settings::Settings;
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Result};
use serde_json::json;

pub use adding::{Added, Unembedded};
pub use folders::MovePolicy;
pub use incoming::{Details, RawText, Terms};
pub use links::{LinkRequest, Links};
pub use listing::{FIRST as LISTED_FIRST, ListEntry};

/// Puts documents in, gives them places, and takes them out. Cheap to clone.
#[derive(Clone)]
pub struct Library {
    pub documents: Arc<dyn Documents>,
    pub folders: Arc<dyn Folders>,
    pub workspace_documents: Arc<dyn WorkspaceDocuments>,
    pub files: Arc<dyn DocumentFiles>,
    pub extractor: Arc<dyn Extractor>,
    pub splitter: Arc<dyn Splitter>,
    pub tokenizer: Arc<dyn Tokenizer>,
    pub settings: Arc<dyn Settings>,
    pub models: Arc<dyn Models>,
    pub index: Arc<dyn VectorIndex>,
    pub cache: Arc<dyn EmbeddingCache>,
    /// How many bytes of vectors are kept for the next time; none with 0.
    pub cache_limit: u64,
}

/// Paths that could not be placed, each with the reason.
pub type Failures = Vec<(String, String)>;

impl Library {
    /// Takes documents out of a workspace; they stay in the library.
    pub async fn withdraw(
        &self,
        workspace: &Workspace,
        paths: &[DocumentPath],
        by: &By,
    ) -> Result<()> {
        let named: Vec<_> = paths.iter().map(ToString::to_string).collect();
        let details = json!({ "workspaceName": workspace.settings.name, "documents": named });
        let event = by.event("workspace_documents_removed", details.to_string());
        let gone = self.workspace_documents.withdraw(workspace.id, paths, event).await?;
        self.index.remove(workspace.id, &gone).await
    }
}

/// What to tell a client of a failure that does not fail the whole request.
pub(crate) fn explain(error: &Error) -> String {
    if let Error::Internal(cause) = error {
        tracing::error!(
            error = &**cause as &(dyn std::error::Error + 'static),
            "failed to embed a document"
        );
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
