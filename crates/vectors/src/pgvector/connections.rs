//! A small pool of connections to the PostgreSQL server that stores the vectors.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use carrel_domain::{Error, Result};
use carrel_postgres::Connector;
use diesel::connection::SimpleConnection;
use diesel::result::Error as QueryError;
use diesel::sql_types::Bool;
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use super::NAME;
use crate::store::{busy, refusal};

/// Maximum number of connections, including idle ones.
const CONNECTIONS: usize = 4;
/// Timeouts while the tables are created, per statement and for locks.
const LIMITS: &str = "SET statement_timeout = '60s'; SET lock_timeout = '30s'";
/// Timeout for checking that the tables exist, in milliseconds. It is short, because the caller has
/// already waited for a failed statement.
const PROBED: &str = "SET statement_timeout = 1000";
/// Default parameters for detecting an unreachable server. All are in seconds except
/// `tcp_user_timeout`, which is in milliseconds. The address overrides them.
const GONE: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "15000"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
];

/// The connection pool. Clones are cheap and share the connections.
#[derive(Clone)]
pub(super) struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    /// The reason in `Err` if connections to this address are impossible.
    connector: Result<Connector, String>,
    /// The password in the address, which must not appear in messages.
    password: Option<String>,
    /// The statements that create the tables.
    preparation: String,
    /// The query of one row whose column `usable` is true if the tables exist and may be read. It
    /// must not wait for locks.
    probe: String,
    state: Mutex<State>,
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    idle: Vec<PgConnection>,
    is_prepared: bool,
}

#[derive(QueryableByName)]
struct Probed {
    #[diesel(sql_type = Bool)]
    usable: bool,
}

impl Connections {
    pub fn new(url: &str, preparation: String, probe: String) -> Self {
        let password = Url::parse(url).ok().and_then(|url| url.password().map(str::to_owned));
        let (url, turns) = (with_time_limits(url), Arc::new(Semaphore::new(CONNECTIONS)));
        let state = Mutex::default();
        let connector = Connector::new(&url).map_err(|error| error.to_string());
        Self { inner: Arc::new(Inner { connector, password, preparation, probe, state, turns }) }
    }

    /// Runs `work` on a connection. Waits at most `limit` for a free connection; the server cancels
    /// statements when the rest of that time is over.
    ///
    /// # Errors
    /// Fails with [`busy`] if no connection became free, with [`refusal`] if a statement failed
    /// although the tables exist, and otherwise with [`Error::Unavailable`].
    pub async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        let turn = timeout(limit, Arc::clone(&self.inner.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| busy(NAME, "all its connections are busy"))?;
        let turn = turn.map_err(Error::internal)?;
        let inner = Arc::clone(&self.inner);
        let running = tokio::task::spawn_blocking(move || {
            // Dropping the future does not stop the statement, so the permit is held until it ends.
            let _turn = turn;
            inner.run(deadline, work)
        });
        running.await.map_err(Error::internal)?
    }
}

impl Inner {
    fn run<T>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T> {
        let mut conn = self.connection(deadline)?;
        let done = work(&mut conn);
        let is_usable = if done.is_ok() { Ok(true) } else { self.probe(&mut conn) };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match is_usable {
            // There are never more idle connections than permits, because each call uses an idle
            // one first.
            Ok(true) => state.idle.push(conn),
            // The tables may be gone. The next connection creates them again.
            Ok(false) => *state = State::default(),
            // This connection is closed or too slow. The next call checks the other connections.
            Err(_) => {}
        }
        drop(state);
        done.map_err(|error| match is_usable {
            Ok(true) => refusal(NAME, self.flat(&error.to_string())),
            _ => self.unavailable(&error),
        })
    }

    /// Returns true if the tables exist.
    fn probe(&self, conn: &mut PgConnection) -> QueryResult<bool> {
        conn.batch_execute(PROBED)?;
        let probed: Probed = sql_query(&self.probe).get_result(conn)?;
        Ok(probed.usable)
    }

    /// Returns a working idle connection, or a new one.
    fn connection(&self, deadline: Instant) -> Result<PgConnection> {
        let limit = || {
            // Zero would disable the timeout.
            let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
            format!("SET statement_timeout = {left}")
        };
        loop {
            let idle = self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.pop();
            let Some(mut conn) = idle else { break };
            if conn.batch_execute(&limit()).is_ok() {
                return Ok(conn);
            }
        }
        let connected = match &self.connector {
            Ok(connector) => connector.connect().map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        let mut conn = connected.map_err(|error| {
            let cause = self.flat(&error);
            let reason =
                format!("{cause}; is it running, and is PGVECTOR_CONNECTION_STRING right?");
            Error::unavailable(NAME, reason)
        })?;
        conn.batch_execute(LIMITS).map_err(|error| self.unavailable(&error))?;
        let is_prepared = self.state.lock().unwrap_or_else(PoisonError::into_inner).is_prepared;
        if !is_prepared {
            conn.batch_execute(&self.preparation).map_err(|error| self.unprepared(&error))?;
            self.state.lock().unwrap_or_else(PoisonError::into_inner).is_prepared = true;
        }
        conn.batch_execute(&limit()).map_err(|error| self.unavailable(&error))?;
        Ok(conn)
    }

    /// Converts the error of creating the tables, with a remedy.
    fn unprepared(&self, error: &QueryError) -> Error {
        let message = self.flat(&error.to_string());
        let remedy = if message.contains("extension") {
            "install pgvector on that server and have its administrator run CREATE EXTENSION vector"
        } else if message.contains("column") {
            "the table in PGVECTOR_TABLE_NAME belongs to another program; name another table"
        } else {
            "is the user allowed to create tables there?"
        };
        Error::unavailable(NAME, format!("{message}; {remedy}"))
    }

    fn unavailable(&self, error: &QueryError) -> Error {
        Error::unavailable(NAME, self.flat(&error.to_string()))
    }

    /// Returns a message of the server on one line, without the password.
    fn flat(&self, text: &str) -> String {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match self.password.as_deref().filter(|password| !password.is_empty()) {
            Some(password) => line.replace(password, "***"),
            None => line,
        }
    }
}

/// Adds the parameters in [`GONE`]. Without them, an unreachable server blocks for minutes.
fn with_time_limits(url: &str) -> String {
    let unnamed = GONE.iter().filter(|(name, _)| !url.contains(&format!("{name}=")));
    unnamed.fold(url.to_owned(), |url, (name, value)| {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{name}={value}")
    })
}
