//! Adds documents to workspaces one by one, through jobs.
use carrel_domain::audit::Event;
use carrel_domain::job::queue::{
    FinishedItem, ItemOutcome, JobQueue, Lease, LeaseRequest, StepResult,
};
use carrel_domain::job::{ItemState, JobKind, Jobs, NewJob};
use carrel_domain::library::{IndexedDocument, WorkspaceDocument, WorkspaceDocuments};
use carrel_domain::{DocumentPath, Error, Result, WorkspaceDocumentId};
use carrel_persistence::Database;

pub trait Place {
    /// Returns the result of the step.
    async fn put(
        &self,
        path: &DocumentPath,
        embedded: IndexedDocument,
        event: Event,
    ) -> Result<StepResult>;
    /// Returns the new workspace document and the one that it replaced.
    async fn place(
        &self,
        path: &DocumentPath,
        embedded: IndexedDocument,
        event: Event,
    ) -> Result<(WorkspaceDocument, Option<WorkspaceDocumentId>)>;
}

impl Place for Database {
    async fn put(
        &self,
        path: &DocumentPath,
        embedded: IndexedDocument,
        event: Event,
    ) -> Result<StepResult> {
        let (kind, workspace) = (JobKind::Embed, embedded.workspace);
        let new = NewJob { kind, workspace, paths: vec![path.clone()], awaited: true };
        let request = LeaseRequest { token: uuid::Uuid::new_v4(), until: event.by.at };
        let job = Jobs::create(self, new, Some(request), event.by.event("job", "{}")).await?;
        let lease = Lease { job: job.id, token: request.token };
        let not_found = || Error::not_found("workspace", workspace);
        let items = self.pending_items(&lease, 1).await?.ok_or_else(not_found)?;
        let outcome = ItemOutcome::Indexed(embedded);
        let finished =
            items.into_iter().map(|item| FinishedItem { item, outcome: outcome.clone() });
        let finished = finished.collect();
        let done = self.complete(&lease, finished, event.by.at, event.clone()).await?;
        self.end(&lease, None, event.by.at).await?;
        if let Some(failed) = self.items(job.id, Some(ItemState::Failed), None, 1).await?.first() {
            return Err(Error::not_found("document", &failed.path));
        }
        done.ok_or_else(not_found)
    }

    async fn place(
        &self,
        path: &DocumentPath,
        embedded: IndexedDocument,
        event: Event,
    ) -> Result<(WorkspaceDocument, Option<WorkspaceDocumentId>)> {
        let workspace = embedded.workspace;
        let done = self.put(path, embedded, event).await?;
        let places = self.in_workspace(workspace).await?;
        let place = places.into_iter().find(|place| done.placed.contains(&place.id));
        let place = place.ok_or_else(|| Error::not_found("place", path))?;
        Ok((place, done.replaced.first().copied()))
    }
}
