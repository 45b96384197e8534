//! The configured database: access to its connections, and the threads that use them.
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

/// A SQLite or PostgreSQL database. Implements every repository port of the domain; cloning it is
/// cheap and shares its connections.
///
/// SQLite admits one writer at a time, so writes take turns on one connection there and reads go
/// past them on a few others. On PostgreSQL both share one pool. Connections are opened when they
/// are first needed and closed again when they have been idle for some minutes.
///
/// Every port method answers [`Error::Unavailable`] when no connection can be had in time, when the
/// server goes away, or when its disk is full.
#[derive(Clone)]
pub struct Database {
    readers: Connections,
    writers: Connections,
    location: Location,
}

/// The longest list that is read on the thread that asks for it.
const SHORT: i64 = 500;

/// How many reads go on at once in SQLite, where they share two processors or a few more.
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(10);
/// How long it then waits for a connection to be opened.
const CONNECT: Duration = Duration::from_secs(6);
const IDLE: Duration = Duration::from_secs(300);

impl Database {
    /// Opens `sqlite://PATH` or `postgres://…` and brings its schema up to date. A SQLite file
    /// that does not exist is created, readable to its owner only; its directory must exist. Events
    /// that are written are not sealed.
    ///
    /// Blocks. The error names the URL without its password.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        Self::open_with(url, None)
    }

    /// As [`Database::open`], with what the audit log is sealed with.
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

    /// `SQLite` or `PostgreSQL`.
    pub fn backend(&self) -> &'static str {
        if self.is_sqlite() { "SQLite" } else { "PostgreSQL" }
    }

    /// Whether the database is a SQLite file.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.location, Location::Sqlite(_))
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> Option<&str> {
        match &self.location {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }

    /// Runs one query.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, TxError> + Send + 'static,
    {
        self.readers.run(query).await
    }

    /// Runs a query that finds its few rows by an index. On SQLite that takes less time than handing
    /// it to another thread does, so it is done on this one.
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

    /// Runs a query for a list that is short in most installations: inline as far as it is, and on
    /// another thread where it is longer. `query` makes the query for a number of rows.
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

    /// Runs queries that must agree with one another.
    pub(crate) async fn snapshot<T, F>(&self, queries: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, TxError> + Send + 'static,
    {
        self.readers.run(|conn| conn.snapshot(queries)).await
    }

    /// Runs `work` in one transaction, to its end even if the caller goes away meanwhile.
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
        // On PostgreSQL both are the same pool.
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

/// A pool, and as many turns as it has connections: whoever waits does so without holding a
/// thread, or a crowd of writers would leave none for the readers.
#[derive(Clone)]
struct Connections {
    pool: Pool<Manager>,
    turns: Arc<Semaphore>,
}

impl Connections {
    fn new(manager: Manager, size: u32) -> Self {
        // A file does not hang up; a server may have, while the connection was idle.
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
            .map_err(|late| unavailable("too many requests are waiting for it; try again", late))?
            .map_err(Error::internal)
    }

    /// Works on a connection, on this thread.
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

/// SQLite would create the file readable to everyone; its journals take after it.
fn create_private(path: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
