//! The tables in PostgreSQL that hold vectors and watermarks: their names, and what makes them.

/// The tables as SQL names them, quoted.
#[derive(Clone)]
pub struct Tables {
    pub vectors: String,
    pub watermarks: String,
    documents: String,
}

impl Tables {
    /// `None` when `table` cannot be the name of one.
    pub fn named(table: &str) -> Option<Self> {
        let is_name = |name: &str| {
            let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !name.is_empty() && name.len() <= 50 && name.chars().all(is_sign)
        };
        let (schema, name) = match table.trim().split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, table.trim()),
        };
        if !is_name(name) || !schema.is_none_or(is_name) {
            return None;
        }
        let schema = schema.map(|schema| format!("\"{schema}\".")).unwrap_or_default();
        Some(Self {
            vectors: format!("{schema}\"{name}\""),
            watermarks: format!("{schema}\"{name}_marks\""),
            documents: format!("\"{name}_documents\""),
        })
    }

    /// Says in `usable` whether they are there and may be read. It asks the catalogue, because a
    /// table that somebody has locked is there as well.
    pub fn probe(&self) -> String {
        let Self { vectors, watermarks, .. } = self;
        format!(
            "SELECT COUNT(*) = 2 AS usable FROM pg_attribute
             WHERE NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')
                 AND (attrelid = to_regclass('{vectors}') AND attname = 'chunk'
                     OR attrelid = to_regclass('{watermarks}') AND attname = 'last')"
        )
    }

    /// What makes them, under a lock of our own: PostgreSQL fails where two make the same at once.
    /// The last statement fails when there is a table of this name that is none of ours.
    pub fn preparation(&self) -> String {
        let Self { vectors, watermarks, documents } = self;
        format!(
            "BEGIN;
             SET LOCAL client_min_messages = warning;
             SELECT pg_advisory_xact_lock(7021437);
             CREATE EXTENSION IF NOT EXISTS vector;
             CREATE TABLE IF NOT EXISTS {vectors} (
                 installation TEXT NOT NULL,
                 workspace INTEGER NOT NULL,
                 chunk BIGINT NOT NULL,
                 document BIGINT NOT NULL,
                 dimensions INTEGER NOT NULL,
                 embedding vector NOT NULL,
                 PRIMARY KEY (installation, workspace, chunk)
             );
             SELECT installation, chunk, dimensions FROM {vectors} LIMIT 0;
             CREATE INDEX IF NOT EXISTS {documents} ON {vectors} (installation, workspace, document);
             CREATE TABLE IF NOT EXISTS {watermarks} (
                 installation TEXT NOT NULL,
                 workspace INTEGER NOT NULL,
                 additions BIGINT NOT NULL,
                 removals BIGINT NOT NULL,
                 last BIGINT NOT NULL,
                 left_out BIGINT NOT NULL,
                 vectors BIGINT NOT NULL,
                 dimensions TEXT NOT NULL,
                 PRIMARY KEY (installation, workspace)
             );
             COMMIT;"
        )
    }
}
