//! Imports documents and their passages, which are searchable by words before they are embedded.
use carrel_domain::document::Document;
use carrel_domain::import::ImportedPlacement;
use carrel_domain::{Error, Folder};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::time;
use crate::database::schema::{documents, workspace_documents};
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::passages::{self, UNEMBEDDED};
use crate::documents::rows::DocumentRow;
use crate::documents::{folders as folder_rows, pending_files};

/// Rows per statement. Each binds twenty values.
const ROWS_AT_ONCE: usize = 250;

pub(super) fn folders(
    conn: &mut AnyConnection,
    rows: Vec<Folder>,
    now: NaiveDateTime,
) -> Result<(), TxError> {
    for folder in rows {
        folder_rows::make(conn, folder.as_str(), now)?;
    }
    Ok(())
}

pub(super) fn documents(conn: &mut AnyConnection, rows: Vec<Document>) -> Result<(), TxError> {
    let paths: Vec<_> = rows.iter().map(|document| document.path.clone()).collect();
    let rows: Vec<DocumentRow> = rows.into_iter().map(DocumentRow::from).collect();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        on_each_backend!(conn => diesel::insert_into(documents::table).values(rows).execute(conn))
            .or_taken("document", "of an imported path")?;
    }
    for path in &paths {
        pending_files::forget(conn, path)?;
    }
    Ok(())
}

pub(super) fn placements(
    conn: &mut AnyConnection,
    rows: Vec<ImportedPlacement>,
    now: NaiveDateTime,
) -> Result<(), TxError> {
    for placement in rows {
        let ImportedPlacement {
            workspace,
            document,
            title,
            key,
            pinned,
            watched,
            passages,
            created_at,
        } = placement;
        let id: i64 = diesel::insert_into(workspace_documents::table)
            .values((
                workspace_documents::workspace_id.eq(workspace.0),
                workspace_documents::document_id.eq(document.to_string()),
                workspace_documents::key.eq(key.to_string()),
                workspace_documents::pinned.eq(pinned),
                workspace_documents::watched.eq(watched),
                workspace_documents::recipe.eq(UNEMBEDDED),
                workspace_documents::created_at.eq(time(created_at)),
                workspace_documents::updated_at.eq(now),
            ))
            .returning(workspace_documents::id)
            .get_result(conn)
            .map_err(|error| TxError::Refused(Error::internal(error)))?;
        passages::insert_unembedded(conn, workspace.0, id, &title, passages)?;
    }
    Ok(())
}
