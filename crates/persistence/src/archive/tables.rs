//! The tables of an archive, and those that are left out.

/// A table of an archive.
#[derive(Debug)]
pub(super) struct ArchivedTable {
    pub name: &'static str,
    /// The columns that order its rows.
    pub order: &'static str,
    /// The condition of rows that belong in an archive.
    pub only: Option<&'static str>,
    /// The columns by which a row of a new database gives way to one of the archive. A table without
    /// them must be empty.
    pub replaced_by: Option<&'static str>,
}

const fn table(name: &'static str, order: &'static str) -> ArchivedTable {
    ArchivedTable { name, order, only: None, replaced_by: None }
}

/// In an order in which no row refers to one that comes later.
pub(super) const TABLES: &[ArchivedTable] = &[
    ArchivedTable { replaced_by: Some("key"), ..table("settings", "key") },
    table("owner", "id"),
    table("users", "id"),
    // The others are read from the environment by each process.
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
    // Their files go along as the other files of the storage directory do.
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
    // An upload that still adds to a job does not continue elsewhere.
    ArchivedTable { only: Some("upload IS NULL"), ..table("jobs", "id") },
    ArchivedTable {
        only: Some("job_id IN (SELECT id FROM jobs WHERE upload IS NULL)"),
        ..table("job_items", "job_id, number")
    },
    table("imports", "id"),
    table(EVENTS, "id"),
];

/// The audit log. Its events are added to the log of the new database.
pub(super) const EVENTS: &str = "events";

/// Tables that stay behind: what lasts minutes, what only matters to a running process, what can be made
/// again, and what belongs to one database alone.
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

/// What an archive has in a column, where that is not the column's value.
pub(super) fn value_of(table: &str, column: &str) -> Option<&'static str> {
    match (table, column) {
        // Another process takes the job up.
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
