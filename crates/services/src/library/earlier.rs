//! What an upload finds there already: documents of the same content, or of the same request.
use std::collections::HashMap;

use carrel_domain::audit::By;
use carrel_domain::document::Document;
use carrel_domain::library::RelatedDocuments;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Result, WorkspaceId};
use serde_json::json;

use super::adding::{Added, Arrival};
use super::{Library, Terms, explain};

/// A document that is there, and the workspaces it is in.
type Placed = (Document, Vec<WorkspaceId>);

pub(super) type Known = Vec<Placed>;

impl Library {
    /// The documents made earlier of the same content, where those will do: one of each part.
    pub(super) async fn identical(&self, terms: &Terms) -> Result<Known> {
        let Some(digest) = terms.digest.filter(|_| terms.skip_identical) else {
            return Ok(Vec::new());
        };
        let kin = match &terms.key {
            Some(key) => RelatedDocuments::Key(key.clone()),
            None => RelatedDocuments::Content(digest, terms.folder.clone()),
        };
        let mut found = self.documents.related(&kin).await?;
        if found.iter().any(|(document, _)| document.origin.digest != Some(digest)) {
            found.clear();
        }
        Ok(found)
    }

    /// What was made of the content, placed in `into`, if it is all of an upload and its text is
    /// there. What an upload of several parts consists of is known once it has been read.
    pub(super) async fn take_single(
        &self,
        same: &Known,
        into: &[Workspace],
        by: &By,
    ) -> Result<Option<Vec<Added>>> {
        let [(only, places)] = same.as_slice() else { return Ok(None) };
        if !only.origin.part.is_empty() {
            return Ok(None);
        }
        let Some(text) = self.files.text(&only.path).await? else { return Ok(None) };
        let known = self.place_known((only.clone(), places.clone()), text, into, by).await?;
        Ok(Some(vec![known]))
    }

    /// By part, what was made by the same request before it was broken off, or of the same content.
    pub(super) async fn earlier(&self, arrival: &mut Arrival) -> Result<HashMap<String, Placed>> {
        let mut earlier = std::mem::take(&mut arrival.same);
        if let Some(request) = arrival.terms.request {
            earlier.extend(self.documents.related(&RelatedDocuments::Request(request)).await?);
        }
        let by_part = |placed: Placed| (placed.0.origin.part.clone(), placed);
        Ok(earlier.into_iter().map(by_part).collect())
    }

    /// A document that is there already, placed in `into`, with its text, should that be lost.
    pub(super) async fn take_known(
        &self,
        known: Placed,
        text: String,
        into: &[Workspace],
        by: &By,
    ) -> Result<Added> {
        let (document, places) = known;
        if self.files.text(&document.path).await?.is_some() {
            return self.place_known((document, places), text, into, by).await;
        }
        let made = [(document, text)];
        for path in self.write_files(&made).await? {
            self.documents.reconcile(&path).await?;
        }
        let [(document, text)] = made;
        self.place_known((document, places), text, into, by).await
    }

    async fn place_known(
        &self,
        (document, places): Placed,
        text: String,
        into: &[Workspace],
        by: &By,
    ) -> Result<Added> {
        let warning = self.add_to_workspaces(&document, &text, &places, into, by).await?;
        Ok(Added { document, text, warning, existed: true })
    }

    /// Places a document where it is not yet; why not, if so.
    async fn add_to_workspaces(
        &self,
        document: &Document,
        text: &str,
        places: &[WorkspaceId],
        into: &[Workspace],
        by: &By,
    ) -> Result<Option<String>> {
        let missing: Vec<_> = into.iter().filter(|each| !places.contains(&each.id)).collect();
        let ids: Vec<WorkspaceId> = missing.iter().map(|workspace| workspace.id).collect();
        let embedded = match self.embed_for(&ids, &document.path, text).await {
            Ok(embedded) => embedded,
            Err(error) => return Ok(Some(explain(&error))),
        };
        let names: Vec<_> = missing.iter().map(|workspace| &workspace.settings.name).collect();
        let documents = [document.path.to_string()];
        let details = json!({ "workspaceNames": names, "documents": documents }).to_string();
        let event = by.event("workspace_documents_added", details);
        for (workspace, place) in
            self.documents.add_to_workspaces(&document.path, embedded, event).await?
        {
            self.index.upsert(workspace, place).await?;
        }
        Ok(None)
    }
}
