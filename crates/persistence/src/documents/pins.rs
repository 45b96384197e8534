//! Pinned documents of a workspace.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::library::WorkspaceDocument;
use carrel_domain::pin::Pins;
use carrel_domain::{DocumentPath, Result, WorkspaceId};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::convert::time;
use crate::database::schema::{documents, workspace_documents};
use crate::documents::indexing::PlaceRow;
use crate::documents::rows::DocumentRow;
use crate::documents::vector_versions;

#[async_trait]
impl Pins for Database {
    async fn pinned(&self, workspace: WorkspaceId, limit: u32) -> Result<Vec<WorkspaceDocument>> {
        self.read(move |conn| {
            let rows: Vec<(PlaceRow, DocumentRow)> = workspace_documents::table
                .inner_join(documents::table)
                .filter(workspace_documents::workspace_id.eq(workspace.0))
                .filter(workspace_documents::pinned)
                .order(workspace_documents::id)
                .limit(i64::from(limit))
                .select((PlaceRow::as_select(), DocumentRow::as_select()))
                .load(conn)?;
            let places = rows.into_iter().map(|(place, document)| place.of(document));
            Ok(places.collect::<Result<_>>()?)
        })
        .await
    }

    async fn pin(
        &self,
        workspace: WorkspaceId,
        path: &DocumentPath,
        pinned: bool,
        event: Event,
    ) -> Result<bool> {
        let path = path.clone();
        self.write(move |conn| {
            // Transactions that replace the workspace document copy its pin under the same lock.
            if !vector_versions::lock(conn, workspace.0)? {
                return Ok(false);
            }
            let place: Option<i64> = workspace_documents::table
                .inner_join(documents::table)
                .filter(documents::folder.eq(path.folder().to_owned()))
                .filter(documents::name.eq(path.name().to_owned()))
                .filter(workspace_documents::workspace_id.eq(workspace.0))
                .select(workspace_documents::id)
                .first(conn)
                .optional()?;
            let Some(place) = place else { return Ok(false) };
            diesel::update(workspace_documents::table.find(place))
                .set((
                    workspace_documents::pinned.eq(pinned),
                    workspace_documents::updated_at.eq(time(event.by.at)),
                ))
                .execute(conn)?;
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
