//! A separate database for each test, and test data.
use carrel_domain::audit::{By, Event};
use carrel_domain::document::{self, Document, NO_METADATA, Published, Span};
use carrel_domain::library::{IndexedDocument, NewPassage};
use carrel_domain::provenance::{Locator, LocatorUnit, Provenance};
use carrel_domain::user::{NewUser, PasswordHash, Role, User, Username, Users};
use carrel_domain::workspace::{NewWorkspace, Workspace, WorkspaceSettings, Workspaces};
use carrel_domain::{DocumentId, DocumentPath, Slug, Warnings, WorkspaceId};
use carrel_persistence::Database;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

/// Runs each test function on SQLite and on PostgreSQL, as two tests.
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

/// An empty database that is deleted on drop.
pub struct Scratch {
    pub url: String,
    kind: Kind,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
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

    /// Returns a new schema on the server in `CARREL_TEST_POSTGRES`, or `None` if the variable is
    /// `skip`.
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

    /// Runs SQL without going through the repositories.
    pub fn execute(&self, sql: &str) {
        match &self.kind {
            Kind::File { .. } => self.raw_sqlite().batch_execute(sql).unwrap(),
            Kind::Schema { .. } => self.raw_postgres().batch_execute(sql).unwrap(),
        }
    }

    /// Returns the number `n` selected by a query, without going through the repositories.
    pub fn number(&self, sql: &str) -> i64 {
        let query = diesel::sql_query(sql);
        let number: Number = match &self.kind {
            Kind::File { .. } => query.get_result(&mut self.raw_sqlite()).unwrap(),
            Kind::Schema { .. } => query.get_result(&mut self.raw_postgres()).unwrap(),
        };
        number.n
    }

    pub fn rows_in(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) AS n FROM {table}"))
    }

    /// Counts the blocks of exchanges whose count by the triggers is wrong.
    pub fn miscounted_blocks(&self) -> i64 {
        let stored = "SELECT level, block, chats FROM chat_blocks";
        let counted = "SELECT level, block, chats FROM (
            SELECT 1 AS level, id / 16 AS block, COUNT(*) AS chats FROM chats GROUP BY id / 16
            UNION ALL
            SELECT 2 AS level, id / 256 AS block, COUNT(*) AS chats FROM chats GROUP BY id / 256
            UNION ALL
            SELECT 3 AS level, id / 4096 AS block, COUNT(*) AS chats FROM chats GROUP BY id / 4096
        ) AS counted";
        self.number(&format!(
            "SELECT (SELECT COUNT(*) FROM ({stored} EXCEPT {counted}) AS x)
                + (SELECT COUNT(*) FROM ({counted} EXCEPT {stored}) AS y) AS n"
        ))
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

/// Returns a time `seconds` after a fixed moment.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

/// Returns an event at the time [`at`]`(seconds)`.
pub fn done(seconds: i64) -> Event {
    By::operator(at(seconds)).event("test", "{}")
}

pub fn new_workspace(name: &str) -> NewWorkspace {
    NewWorkspace {
        slug: Slug::of(name),
        settings: WorkspaceSettings::named(name),
        created_at: at(0),
    }
}

pub async fn workspace(db: &Database, name: &str) -> Workspace {
    Workspaces::create(db, new_workspace(name), done(0)).await.unwrap()
}

pub fn new_user(name: &str) -> NewUser {
    NewUser {
        username: Username::parse(name).unwrap(),
        password: PasswordHash("$argon2id$…".into()),
        role: Role::Default,
        daily_message_limit: None,
        bio: String::new(),
        created_at: at(0),
    }
}

pub async fn user(db: &Database, name: &str) -> User {
    Users::create(db, new_user(name), done(0)).await.unwrap()
}

pub async fn admin(db: &Database, name: &str) -> User {
    let admin = NewUser { role: Role::Admin, ..new_user(name) };
    Users::create(db, admin, done(0)).await.unwrap()
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
        metadata: NO_METADATA.into(),
        origin: document::DocumentOrigin::default(),
        warnings: Warnings::new(["Page 2 is a picture.", "A chart."]),
    }
}

/// Returns a vector that identifies its passage.
pub fn vector(number: usize) -> Vec<f32> {
    vec![1.0, number as f32, -0.5 * number as f32]
}

/// Returns the span assigned to a passage.
pub fn span(number: usize) -> Span {
    let start = u32::try_from(number).unwrap_or_default();
    Span { start, end: start + 10 }
}

pub fn provenance(number: usize) -> Provenance {
    let number = u32::try_from(number).unwrap_or_default();
    let headings = vec!["Handbook".to_owned(), format!("Chapter › {number}")];
    Provenance { headings, locator: Some(Locator::new(LocatorUnit::Page, number, number + 1)) }
}

/// Returns a document embedded for `workspace` with passages `words 0`, `words 1`, ...
pub fn embedded(workspace: WorkspaceId, words: &str, passages: usize) -> IndexedDocument {
    IndexedDocument {
        workspace,
        recipe: "model/3 1000+20".into(),
        passages: (0..passages)
            .map(|number| NewPassage {
                text: format!("{words} {number}"),
                // The first passage is stored as by early versions.
                span: (number > 0).then(|| span(number)),
                provenance: if number > 0 { provenance(number) } else { Provenance::default() },
                vector: vector(number),
            })
            .collect(),
    }
}
