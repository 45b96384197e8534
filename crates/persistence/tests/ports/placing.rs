//! Placing documents one by one, as jobs do.
use carrel_domain::audit::Event;
use carrel_domain::job::queue::{Finished, Hold, JobQueue, Lease, Outcome};
use carrel_domain::job::{ItemState, Jobs, Kind, NewJob};
use carrel_domain::library::{Embedded, Placements, WorkspaceDocument};
use carrel_domain::{DocumentPath, Error, Result, WorkspaceDocumentId};
use carrel_persistence::Database;

pub trait Place {
    async fn place(
        &self,
        path: &DocumentPath,
        embedded: Embedded,
        event: Event,
    ) -> Result<(WorkspaceDocument, Option<WorkspaceDocumentId>)>;
}

impl Place for Database {
    async fn place(
        &self,
        path: &DocumentPath,
        embedded: Embedded,
        event: Event,
    ) -> Result<(WorkspaceDocument, Option<WorkspaceDocumentId>)> {
        let (kind, workspace) = (Kind::Embed, embedded.workspace);
        let new = NewJob { kind, workspace, paths: vec![path.clone()], awaited: true };
        let hold = Hold { token: uuid::Uuid::new_v4(), until: event.by.at };
        let made = event.by.event("job", "{}");
        let job = Jobs::create(self, new, Some(hold), made).await?;
        let lease = Lease { job: job.id, token: hold.token };
        let gone = || Error::not_found("workspace", workspace);
        let items = self.waiting(&lease, 1).await?.ok_or_else(gone)?;
        let outcome = Outcome::Embedded(embedded);
        let finished = items.into_iter().map(|item| Finished { item, outcome: outcome.clone() });
        let finished = finished.collect();
        let done = self.complete(&lease, finished, event.by.at, event.clone()).await?;
        let done = done.ok_or_else(gone)?;
        self.end(&lease, None, event.by.at).await?;
        if let Some(failed) = self.items(job.id, Some(ItemState::Failed), None, 1).await?.first() {
            return Err(Error::not_found("document", &failed.path));
        }
        let places = self.in_workspace(workspace).await?;
        let place = places.into_iter().find(|place| done.placed.contains(&place.id));
        Ok((place.ok_or_else(gone)?, done.replaced.first().copied()))
    }
}
