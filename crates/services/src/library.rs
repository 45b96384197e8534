//! The library: files and texts become documents, documents get their places in workspaces.
mod incoming;
mod refresh;
mod removal;

use std::sync::Arc;

use carrel_domain::audit::{By, Event};
use carrel_domain::document::{
    Document, DocumentFiles, Extractor, IncomingFile, Splitter, Splitting,
};
use carrel_domain::library::{Documents, Embedded, NewPassage, Placements};
use carrel_domain::model::{Embedder, Models, Purpose};
use carrel_domain::settings::Settings;
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Result, WorkspaceId};
use serde_json::json;

pub use incoming::{Details, RawText};
pub use refresh::Refreshed;

use crate::preferences::Preferences;

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
        details: Details,
        into: Vec<Workspace>,
        unembedded: Unembedded,
        by: &By,
    ) -> Result<Vec<Added>> {
        incoming::check_file_name(&file.name)?;
        let extracted = self.extractor.extract(&file).await?;
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

    /// Places documents of the library in a workspace, each on its own: what fails is returned
    /// with the reason, and does not keep the others out.
    pub async fn place(
        &self,
        workspace: &Workspace,
        paths: Vec<DocumentPath>,
        by: &By,
    ) -> Failures {
        let mut failures = Failures::new();
        for path in paths {
            if let Err(error) = self.place_one(workspace, &path, by).await {
                failures.push((path.to_string(), explain(&error)));
            }
        }
        failures
    }

    async fn place_one(&self, workspace: &Workspace, path: &DocumentPath, by: &By) -> Result<()> {
        let missing = || Error::not_found("document", path);
        let text = self.files.text(path).await?.ok_or_else(missing)?;
        let mut embedded = self.embed_for(&[workspace.id], &text).await?;
        let embedded = embedded.pop().ok_or_else(missing)?;
        let event = placement_event(by, "workspace_documents_added", workspace, &[path]);
        let (place, replaced) = self.placements.place(path, embedded, event).await?;
        if let Some(replaced) = replaced {
            self.index.remove(workspace.id, &[replaced]).await?;
        }
        self.index.upsert(workspace.id, place.id).await
    }

    /// Takes documents out of a workspace; they stay in the library.
    pub async fn withdraw(
        &self,
        workspace: &Workspace,
        paths: &[DocumentPath],
        by: &By,
    ) -> Result<()> {
        let named: Vec<_> = paths.iter().collect();
        let event = placement_event(by, "workspace_documents_removed", workspace, &named);
        let gone = self.placements.withdraw(workspace.id, paths, event).await?;
        self.index.remove(workspace.id, &gone).await
    }

    /// Cuts and embeds a text once, for any number of workspaces.
    async fn embed_for(&self, workspaces: &[WorkspaceId], text: &str) -> Result<Vec<Embedded>> {
        if workspaces.is_empty() {
            return Ok(Vec::new());
        }
        let method = self.method().await?;
        let chunks = self.splitter.split(text.to_owned(), method.splitting).await?;
        if chunks.is_empty() {
            return Err(Error::unprocessable("No text content found in the document."));
        }
        let vectors = method.embedder.embed(&chunks, Purpose::Passage).await?;
        let passages = chunks.into_iter().zip(vectors);
        let passages: Vec<_> = passages.map(|(text, vector)| NewPassage { text, vector }).collect();
        let recipe = method.recipe();
        let place = |workspace: &WorkspaceId| Embedded {
            workspace: *workspace,
            recipe: recipe.clone(),
            passages: passages.clone(),
        };
        Ok(workspaces.iter().map(place).collect())
    }

    async fn method(&self) -> Result<Method> {
        let embedder = self.models.embedder()?;
        let preferences = Preferences::read(&*self.settings).await?;
        let splitting = preferences.splitting(&embedder.model());
        Ok(Method { embedder, splitting })
    }
}

/// How documents are embedded at the moment.
struct Method {
    embedder: Arc<dyn Embedder>,
    splitting: Splitting,
}

impl Method {
    fn recipe(&self) -> String {
        let Splitting { size, overlap } = self.splitting;
        format!("{} {size}+{overlap}", self.embedder.model().name)
    }
}

fn placement_event(
    by: &By,
    name: &'static str,
    workspace: &Workspace,
    paths: &[&DocumentPath],
) -> Event {
    let paths: Vec<_> = paths.iter().map(ToString::to_string).collect();
    let details = json!({ "workspaceName": workspace.settings.name, "documents": paths });
    by.event(name, details.to_string())
}

/// What to tell a client of a failure that does not fail the whole request.
fn explain(error: &Error) -> String {
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
