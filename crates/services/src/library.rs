//! The library: files and texts become documents, with places in workspaces from the beginning. Later
//! ones come by jobs ([`crate::jobs`]).
pub(crate) mod embedding;
pub(crate) mod incoming;
mod removal;

use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::document::{Document, DocumentFiles, Extractor, IncomingFile, Splitter};
use carrel_domain::embedding::EmbeddingCache;
use carrel_domain::library::{Documents, Embedded, Placements};
use carrel_domain::model::Models;
use carrel_domain::settings::Settings;
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Result};
use serde_json::json;

use incoming::folder_for_sheets;
pub use incoming::{Details, RawText};

/// Puts documents in, gives them places, and takes them out. Cheap to clone.
#[derive(Clone)]
pub struct Library {
    pub documents: Arc<dyn Documents>,
    pub placements: Arc<dyn Placements>,
    pub files: Arc<dyn DocumentFiles>,
    pub extractor: Arc<dyn Extractor>,
    pub splitter: Arc<dyn Splitter>,
    pub settings: Arc<dyn Settings>,
    pub models: Arc<dyn Models>,
    pub index: Arc<dyn VectorIndex>,
    pub cache: Arc<dyn EmbeddingCache>,
    /// How many bytes of vectors are kept for the next time; none with 0.
    pub cache_limit: u64,
}

/// What becomes of a document that cannot be embedded for the workspaces it is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unembedded {
    /// It is kept in the library, in no workspace, with a warning.
    Keep,
    /// Nothing of it is kept.
    Refuse,
}

/// A document as it was taken in.
#[derive(Clone, Debug)]
pub struct Added {
    pub document: Document,
    pub text: String,
    /// Why it is in none of the workspaces it was meant for, if so.
    pub warning: Option<String>,
}

/// Paths that could not be placed, each with the reason.
pub type Failures = Vec<(String, String)>;

impl Library {
    /// Makes documents of a file and places them in workspaces. Each document is taken in whole
    /// or not at all, also when the caller stops waiting.
    pub async fn add_file(
        &self,
        file: IncomingFile,
        mut details: Details,
        into: Vec<Workspace>,
        unembedded: Unembedded,
        by: &By,
    ) -> Result<Vec<Added>> {
        incoming::check_file_name(&file.name)?;
        let extracted = self.extractor.extract(&file).await?;
        details.folder = details.folder.or_else(|| folder_for_sheets(&file.name, &extracted));
        let mut added = Vec::with_capacity(extracted.len());
        for part in extracted {
            let (document, text) = incoming::from_file(&file.name, part, &details, by.at)?;
            added.push(self.add(document, text, into.clone(), unembedded, by).await?);
        }
        Ok(added)
    }

    /// As [`Library::add_file`], for text that was never a file.
    pub async fn add_text(
        &self,
        raw: RawText,
        into: Vec<Workspace>,
        unembedded: Unembedded,
        by: &By,
    ) -> Result<Added> {
        let (document, text) = incoming::from_text(raw, by.at)?;
        self.add(document, text, into, unembedded, by).await
    }

    async fn add(
        &self,
        document: Document,
        text: String,
        into: Vec<Workspace>,
        unembedded: Unembedded,
        by: &By,
    ) -> Result<Added> {
        let into: Vec<_> = into.iter().map(|workspace| workspace.id).collect();
        let (places, warning) = match self.embed_for(&into, &text).await {
            Ok(places) => (places, None),
            Err(error) if unembedded == Unembedded::Keep => (Vec::new(), Some(explain(&error))),
            Err(error) => return Err(error),
        };
        // On a task of its own: a client that hangs up must not leave a file without its row.
        let (library, by) = (self.clone(), by.clone());
        let keep = async move {
            library.keep(&document, &text, places, &by).await?;
            Ok(Added { document, text, warning })
        };
        tokio::spawn(keep).await.map_err(Error::internal)?
    }

    async fn keep(
        &self,
        document: &Document,
        text: &str,
        places: Vec<Embedded>,
        by: &By,
    ) -> Result<()> {
        self.documents.expect_file(&document.path, by.at).await?;
        let details =
            json!({ "documentName": document.title, "location": document.path.to_string() });
        let event = by.event("api_document_uploaded", details.to_string());
        let kept = match self.files.put(document, text).await {
            Ok(()) => self.documents.create(document.clone(), places, event).await,
            Err(error) => Err(error),
        };
        match kept {
            Ok(places) => {
                for place in places {
                    self.index.upsert(place.workspace, place.id).await?;
                }
                Ok(())
            }
            Err(error) => {
                self.discard_file(&document.path).await?;
                Err(error)
            }
        }
    }

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
        let gone = self.placements.withdraw(workspace.id, paths, event).await?;
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
