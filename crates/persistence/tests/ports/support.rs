//! A database of its own for every test, and things to put into it.
use carrel_domain::document::{Document, Published};
use carrel_domain::library::{Embedded, NewPassage};
use carrel_domain::workspace::{NewWorkspace, Workspace, WorkspaceSettings, Workspaces};
use carrel_domain::{DocumentId, DocumentPath, Slug, WorkspaceId};
use carrel_persistence::Database;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

/// Runs each behaviour on SQLite and on PostgreSQL, as two tests.
macro_rules! on_both_databases {
    ($($behaviour:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(crate::support::Scratch::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                if let Some(scratch) = crate::support::Scratch::postgres() {
                    super::$behaviour(scratch).await;
                }
            })*
        }
    };
}

/// An empty database that goes when this is dropped.
pub struct Scratch {
    pub url: String,
    kind: Kind,
}

enum Kind {
    File { _directory: tempfile::TempDir },
    Schema { server: String, name: String },
}

const SERVER: &str = "CARREL_TEST_POSTGRES";

impl Scratch {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("carrel.db").display());
        Self { url, kind: Kind::File { _directory: directory } }
    }

    /// A schema in the server that `CARREL_TEST_POSTGRES` names; nothing when it says `skip`.
    pub fn postgres() -> Option<Self> {
        let server = std::env::var(SERVER).unwrap_or_else(|_| {
            panic!(
                "{SERVER} is not set: `cargo xtask test` starts a PostgreSQL server and sets it; \
                 {SERVER}=skip leaves these tests out"
            )
        });
        if server == "skip" {
            return None;
        }
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        PgConnection::establish(&server)
            .unwrap()
            .batch_execute(&format!("CREATE SCHEMA {name}"))
            .unwrap();
        let separator = if server.contains('?') { '&' } else { '?' };
        let url =
            format!("{server}{separator}options=-c%20search_path%3D{name}&application_name={name}");
        Some(Self { url, kind: Kind::Schema { server, name } })
    }

    pub fn open(&self) -> Database {
        Database::open(&self.url).unwrap()
    }

    /// Runs SQL past the repositories.
    pub fn execute(&self, sql: &str) {
        match &self.kind {
            Kind::File { .. } => self.raw_sqlite().batch_execute(sql).unwrap(),
            Kind::Schema { .. } => self.raw_postgres().batch_execute(sql).unwrap(),
        }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.kind, Kind::File { .. })
    }

    pub fn raw_sqlite(&self) -> SqliteConnection {
        let path = self.url.strip_prefix("sqlite://").unwrap();
        let mut conn = SqliteConnection::establish(path).unwrap();
        conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON").unwrap();
        conn
    }

    pub fn raw_postgres(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Kind::Schema { server, name } = &self.kind {
            let dropped = PgConnection::establish(server).map_err(|error| error.to_string());
            let dropped = dropped.and_then(|mut conn| {
                conn.batch_execute(&format!("DROP SCHEMA {name} CASCADE"))
                    .map_err(|error| error.to_string())
            });
            if let Err(error) = dropped {
                eprintln!("failed to drop the schema {name}: {error}");
            }
        }
    }
}

/// A point in time, `seconds` after some other.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

pub fn new_workspace(name: &str) -> NewWorkspace {
    NewWorkspace {
        slug: Slug::of(name),
        settings: WorkspaceSettings::named(name),
        created_at: at(0),
    }
}

pub async fn workspace(db: &Database, name: &str) -> Workspace {
    Workspaces::create(db, new_workspace(name)).await.unwrap()
}

pub fn path(name: &str) -> DocumentPath {
    DocumentPath::new("custom-documents", &format!("{name}.json")).unwrap()
}

pub fn document(name: &str) -> Document {
    Document {
        id: DocumentId::random(),
        path: path(name),
        title: format!("{name}.txt"),
        url: format!("file://{name}.txt"),
        author: "A. Author".into(),
        description: "Described.".into(),
        source: "a text file uploaded by the user.".into(),
        chunk_source: String::new(),
        published: Published(Some(at(-100))),
        words: 7,
        tokens: 9,
        digest: [42; 32],
        created_at: at(1),
    }
}

/// A vector that tells which passage it belongs to.
pub fn vector(number: usize) -> Vec<f32> {
    vec![1.0, number as f32, -0.5 * number as f32]
}

/// A document embedded for `workspace` as so many passages: `words 0`, `words 1`, ...
pub fn embedded(workspace: WorkspaceId, words: &str, passages: usize) -> Embedded {
    Embedded {
        workspace,
        recipe: "model/3 1000+20".into(),
        passages: (0..passages)
            .map(|number| NewPassage { text: format!("{words} {number}"), vector: vector(number) })
            .collect(),
    }
}
