//! The PostgreSQL tables of vectors and watermarks: their names and the SQL that creates them.

/// Table names, quoted for SQL.
#[derive(Clone)]
pub struct Tables {
    pub vectors: String,
    pub watermarks: String,
    documents: String,
}

impl Tables {
    /// Returns `None` if `table` is not a valid table name.
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

    /// Returns the query whose column `usable` is true if the tables exist and may be read. It
    /// reads only the catalog, so that locks on the tables do not block it.
    pub fn probe(&self) -> String {
        let Self { vectors, watermarks, .. } = self;
        format!(
            "SELECT COUNT(*) = 2 AS usable FROM pg_attribute
             WHERE NOT attisdropped AND has_column_privilege(attrelid, attnum, 'SELECT')
                 AND (attrelid = to_regclass('{vectors}') AND attname = 'chunk'
                     OR attrelid = to_regclass('{watermarks}') AND attname = 'last')"
        )
    }

    /// Returns the statements that create the tables. They take an advisory lock, because
    /// PostgreSQL fails if two sessions create the same table at once. The last statement fails if
    /// a table of another program has this name.
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
