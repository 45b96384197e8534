//! The list of archived tables and the list of excluded tables.

/// A table of an archive.
#[derive(Debug)]
pub(super) struct ArchivedTable {
    pub name: &'static str,
    /// The ORDER BY clause of its rows.
    pub order: &'static str,
    /// The WHERE condition that selects the archived rows.
    pub only: Option<&'static str>,
    /// The conflict columns by which an archived row replaces a row of a new database. A table
    /// without them must be empty before an import.
    pub replaced_by: Option<&'static str>,
}

const fn table(name: &'static str, order: &'static str) -> ArchivedTable {
    ArchivedTable { name, order, only: None, replaced_by: None }
}

/// Ordered so that rows refer only to rows of earlier tables.
pub(super) const TABLES: &[ArchivedTable] = &[
    ArchivedTable { replaced_by: Some("key"), ..table("settings", "key") },
    table("owner", "id"),
    table("users", "id"),
    // Keys of another origin come from the environment of each process.
    ArchivedTable { only: Some("origin = 'created'"), ..table("api_keys", "id") },
    table("workspaces", "id"),
    table("pictures", "name"),
    table("workspace_users", "id"),
    table("threads", "id"),
    table("chats", "id"),
    table("chat_images", "chat_id, place"),
    ArchivedTable { replaced_by: Some("id"), ..table("chat_image_backlog", "id") },
    table("thread_files", "id"),
    table("deletions", "id"),
    table("deleted_chats", "deletion_id, chat_id"),
    table("shares", "id"),
    ArchivedTable { replaced_by: Some("name"), ..table("folders", "name") },
    // Original files are archived with the other files of the storage directory.
    ArchivedTable { only: Some("noted_at IS NULL AND NOT released"), ..table("originals", "name") },
    table("documents", "id"),
    table("workspace_documents", "id"),
    table("namespaces", "workspace_id"),
    table("chunks", "id"),
    table("vectors", "chunk_id"),
    table("vector_codes", "chunk_id"),
    table("embeds", "id"),
    table("embed_chats", "id"),
    table("embed_questions", "id"),
    table("invites", "id"),
    table("questions", "id"),
    table("slash_commands", "id"),
    table("prompt_variables", "name"),
    table("suggested_messages", "id"),
    table("prompt_history", "id"),
    table("memories", "id"),
    table("recovery_codes", "digest"),
    table("extension_keys", "id"),
    // An upload that still adds items to its job cannot continue on another server.
    ArchivedTable { only: Some("upload IS NULL"), ..table("jobs", "id") },
    ArchivedTable {
        only: Some("job_id IN (SELECT id FROM jobs WHERE upload IS NULL)"),
        ..table("job_items", "job_id, number")
    },
    table("imports", "id"),
    table(EVENTS, "id"),
];

/// The audit log. Its events are appended to the log of the new database.
pub(super) const EVENTS: &str = "events";

/// Tables that are not archived because their rows last minutes, matter only to a running process,
/// can be rebuilt, or belong to one database.
#[cfg(test)]
const LEFT_OUT: &[&str] = &[
    "__diesel_schema_migrations",
    "audit_head",
    "audit_start",
    "chat_blocks",
    "chat_words",
    "embeddings",
    "embeddings_size",
    "lexical_version",
    "login_attempts",
    "owner_sessions",
    "passage_words",
    "recovery_links",
    "repeatable_requests",
    "sessions",
    "setup_links",
    "sign_in_tokens",
    "speech_use",
    "unsettled_files",
    "uploads",
    "vector_name",
];

/// Returns the SQL expression archived in place of a column's value, if there is one.
pub(super) fn value_of(table: &str, column: &str) -> Option<&'static str> {
    match (table, column) {
        // A running job is archived as queued, because its worker does not move along.
        ("jobs", "state") => Some("CASE state WHEN 'running' THEN 'queued' ELSE state END"),
        ("jobs", "lease") => Some("NULL"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    use super::*;
    use crate::Database;
    use crate::database::connection::AnyConnection;

    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }

    #[tokio::test]
    async fn every_table_is_archived_or_left_out_on_purpose() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("carrel.db").display());
        let names = |conn: &mut AnyConnection| {
            let names = diesel::sql_query(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
                 AND name NOT LIKE '%\\_words\\_%' ESCAPE '\\'",
            );
            Ok(names.load::<Name>(conn)?)
        };
        let names = Database::open(&url).unwrap().read(names).await.unwrap();
        for Name { name } in &names {
            let archived = TABLES.iter().filter(|table| table.name == name).count();
            let left_out = LEFT_OUT.iter().filter(|table| *table == name).count();
            assert_eq!(archived + left_out, 1, "{name} must be in TABLES or in LEFT_OUT");
        }
        assert_eq!(names.len(), TABLES.len() + LEFT_OUT.len());
    }
}
