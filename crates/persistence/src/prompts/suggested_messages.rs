//! Suggested messages of workspaces.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::suggested_message::{SuggestedMessage, SuggestedMessages};
use carrel_domain::{Result, WorkspaceId};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::text;
use crate::database::schema::suggested_messages;
use crate::database::tx_error::{OrRefused, TxError};

/// Appends messages to the existing ones.
pub(crate) fn add(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    messages: Vec<SuggestedMessage>,
) -> Result<(), TxError> {
    for SuggestedMessage { heading, message } in messages {
        diesel::insert_into(suggested_messages::table)
            .values((
                suggested_messages::workspace_id.eq(workspace.0),
                suggested_messages::heading.eq(text(heading)),
                suggested_messages::message.eq(text(message)),
            ))
            .execute(conn)
            .or_not_found("workspace", workspace)?;
    }
    Ok(())
}

#[async_trait]
impl SuggestedMessages for Database {
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<SuggestedMessage>> {
        self.read(move |conn| {
            let rows: Vec<(String, String)> = suggested_messages::table
                .filter(suggested_messages::workspace_id.eq(workspace.0))
                .order(suggested_messages::id)
                .select((suggested_messages::heading, suggested_messages::message))
                .load(conn)?;
            let message = |(heading, message)| SuggestedMessage { heading, message };
            Ok(rows.into_iter().map(message).collect())
        })
        .await
    }

    async fn replace(
        &self,
        workspace: WorkspaceId,
        messages: Vec<SuggestedMessage>,
        event: Event,
    ) -> Result<()> {
        self.write(move |conn| {
            crate::workspaces::lock(conn, workspace)?;
            let of = suggested_messages::workspace_id.eq(workspace.0);
            diesel::delete(suggested_messages::table.filter(of)).execute(conn)?;
            add(conn, workspace, messages)?;
            audit::record(conn, event)
        })
        .await
    }
}
