//! The configured database, its connection pools, and the threads that use them.
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use carrel_domain::audit::AuditKey;
use carrel_domain::health::{self, Health};
use carrel_domain::{Error, Result};
use carrel_postgres::Connector;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ManageConnection, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::database::connection::{AnyConnection, Manager, Purpose, Source};
use crate::database::location::{Location, conceal_passwords, without_password};
use crate::database::migrations;
use crate::database::tx_error::{TxError, unavailable};
use crate::documents::lexical;
use crate::documents::title_search;

/// A SQLite or PostgreSQL database. Implements every repository port of the domain. Clones are
/// cheap and share connections.
///
/// SQLite admits one writer at a time, so all writes share one connection there and reads use a few
/// others in parallel. On PostgreSQL both share one pool. Connections are opened on demand and
/// closed after some idle minutes.
///
/// Every port method returns [`Error::Unavailable`] if no connection becomes available in time, if
/// the connection to the server is lost, or if the disk is full.
#[derive(Clone)]
pub struct Database {
    readers: Connections,
    writers: Connections,
    location: Location,
}

/// The longest list, in rows, that is read on the calling thread.
const SHORT: i64 = 500;

/// The number of concurrent reads on SQLite, which compete for a few processors.
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a request waits for a free connection.
const TURN: Duration = Duration::from_secs(10);
/// How long it then waits for a new connection to open.
const CONNECT: Duration = Duration::from_secs(6);
const IDLE: Duration = Duration::from_secs(300);

impl Database {
    /// Opens `sqlite://PATH` or `postgres://…` and runs pending migrations. Creates a missing
    /// SQLite file, readable only by its owner; its directory must exist. Events are written
    /// without seals.
    ///
    /// Blocks the thread. Errors name the URL without its password.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        Self::open_with(url, None)
    }

    /// Like [`Database::open`], but seals the audit log with `audit_key`.
    pub fn open_sealing(url: &str, audit_key: AuditKey) -> anyhow::Result<Self> {
        Self::open_with(url, Some(audit_key))
    }

    fn open_with(url: &str, audit_key: Option<AuditKey>) -> anyhow::Result<Self> {
        Self::connect(url, audit_key).map_err(|error| {
            let cause = conceal_passwords(&format!("{error:#}"), url);
            anyhow::anyhow!("failed to open the database {}: {cause}", without_password(url))
        })
    }

    fn connect(url: &str, audit_key: Option<AuditKey>) -> anyhow::Result<Self> {
        let location = Location::parse(url)?;
        if let Location::Sqlite(path) = &location {
            create_private(path)?;
        }
        let source = match &location {
            Location::Sqlite(path) => Source::Sqlite(path.clone()),
            Location::Postgres(url) => Source::Postgres(Connector::new(url)?),
        };
        let manager =
            |purpose| Manager { source: source.clone(), purpose, audit_key: audit_key.clone() };
        migrations::run(&mut manager(Purpose::Writing).connect()?)
            .context("failed to bring the schema up to date")?;
        lexical::refill(&mut manager(Purpose::Writing).connect()?)
            .map_err(Error::from)
            .context("failed to index the words of passages")?;
        title_search::fill(&mut manager(Purpose::Writing).connect()?)
            .map_err(Error::from)
            .context("failed to index titles and names")?;
        let (readers, writers) = match &location {
            Location::Sqlite(_) => (
                Connections::new(manager(Purpose::Reading), SQLITE_READERS),
                Connections::new(manager(Purpose::Writing), 1),
            ),
            Location::Postgres(_) => {
                let all = Connections::new(manager(Purpose::Writing), POSTGRES_CONNECTIONS);
                (all.clone(), all)
            }
        };
        Ok(Self { readers, writers, location })
    }

    /// Returns `SQLite` or `PostgreSQL`.
    pub fn backend(&self) -> &'static str {
        if self.is_sqlite() { "SQLite" } else { "PostgreSQL" }
    }

    /// Returns whether the database is a SQLite file.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.location, Location::Sqlite(_))
    }

    /// Returns the path of a SQLite database.
    pub(crate) fn file(&self) -> Option<&str> {
        match &self.location {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }

    /// Runs one query on another thread.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, TxError> + Send + 'static,
    {
        self.readers.run(query).await
    }

    /// Runs a query that finds few rows by an index. On SQLite it runs on the calling thread,
    /// because that is faster than a hand-over to another thread.
    pub(crate) async fn read_inline<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, TxError> + Send + 'static,
    {
        if self.is_sqlite() {
            let turn = self.readers.turn().await?;
            return self.readers.with_connection(turn, query);
        }
        self.readers.run(query).await
    }

    /// Runs a query for a list that is short in most installations. Reads up to [`SHORT`] rows
    /// inline, and a longer list on another thread. `query` returns the query for a given limit.
    pub(crate) async fn read_inline_if_short<T, F, Q>(&self, query: Q) -> Result<Vec<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<Vec<T>, TxError> + Send + 'static,
        Q: Fn(i64) -> F,
    {
        let rows = self.read_inline(query(SHORT + 1)).await?;
        match rows.len() > SHORT as usize {
            true => self.read(query(i64::MAX)).await,
            false => Ok(rows),
        }
    }

    /// Runs several queries on one consistent snapshot.
    pub(crate) async fn snapshot<T, F>(&self, queries: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, TxError> + Send + 'static,
    {
        self.readers.run(|conn| conn.snapshot(queries)).await
    }

    /// Runs `work` in one transaction, to its end even if the caller is dropped.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, TxError> + Send + 'static,
    {
        self.writers.run(|conn| conn.write(work)).await
    }
}

#[async_trait]
impl Health for Database {
    async fn ping(&self) -> Result<()> {
        self.read(|conn| Ok(conn.batch_execute("SELECT 1")?)).await
    }

    fn connections(&self) -> health::Connections {
        let (readers, writers) = (self.readers.pool.state(), self.writers.pool.state());
        let most = |connections: &Connections| connections.pool.max_size();
        // On PostgreSQL the readers and writers are one pool.
        let (also, most) = match self.is_sqlite() {
            true => ((writers.connections, writers.idle_connections), most(&self.writers)),
            false => ((0, 0), 0),
        };
        health::Connections {
            open: readers.connections + also.0,
            idle: readers.idle_connections + also.1,
            most: self.readers.pool.max_size() + most,
        }
    }
}

/// A pool with one permit per connection. Callers wait for a permit without blocking a thread;
/// otherwise waiting writers could occupy all threads and leave none for readers.
#[derive(Clone)]
struct Connections {
    pool: Pool<Manager>,
    turns: Arc<Semaphore>,
}

impl Connections {
    fn new(manager: Manager, size: u32) -> Self {
        // A server may have closed an idle connection; a file cannot.
        let test = matches!(manager.source, Source::Postgres(_));
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .test_on_check_out(test)
            .connection_timeout(CONNECT)
            .idle_timeout(Some(IDLE))
            .max_lifetime(None)
            .build_unchecked(manager);
        Self { pool, turns: Arc::new(Semaphore::new(size as usize)) }
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        timeout(TURN, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|elapsed| {
                unavailable("too many requests are waiting for it; try again", elapsed)
            })?
            .map_err(Error::internal)
    }

    /// Runs `work` with a connection on this thread.
    fn with_connection<T>(
        &self,
        _turn: OwnedSemaphorePermit,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, TxError>,
    ) -> Result<T> {
        let conn = self.pool.get();
        let mut conn =
            conn.map_err(|error| unavailable("it cannot be reached; try again", error))?;
        Ok(work(&mut conn)?)
    }

    async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, TxError> + Send + 'static,
    {
        let turn = self.turn().await?;
        let this = self.clone();
        let job = move || this.with_connection(turn, work);
        tokio::task::spawn_blocking(job).await.map_err(Error::internal)?
    }
}

/// Creates the file readable only by its owner; SQLite would use the umask. Its journals inherit
/// the mode.
fn create_private(path: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
