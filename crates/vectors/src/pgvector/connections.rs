//! A few connections to the PostgreSQL server that holds the vectors.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carrel_domain::{Error, Result};
use diesel::connection::SimpleConnection;
use diesel::result::Error as QueryError;
use diesel::{Connection, PgConnection, QueryResult};
use tokio::sync::Semaphore;
use url::Url;

use super::NAME;
use crate::store::refusal;

/// How many connections there are at the most, idle ones included.
const CONNECTIONS: usize = 4;
/// How long the server may work on what prepares a connection, and wait for others to be done.
const LIMITS: &str = "SET statement_timeout = '60s'; SET lock_timeout = '30s'";
/// After how long a server counts as gone that cannot be connected to, or that takes nothing more:
/// seconds, but the second, which is milliseconds. Who names them in the address knows better.
const GONE: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("tcp_user_timeout", "15000"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
];

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    /// The password in it, which no message is to show.
    password: Option<String>,
    /// Statements that make the tables.
    preparation: String,
    /// A query that fails when they are not there.
    probe: String,
    state: Mutex<State>,
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    idle: Vec<PgConnection>,
    is_prepared: bool,
}

impl Connections {
    pub fn new(url: &str, preparation: String, probe: String) -> Self {
        let password = Url::parse(url).ok().and_then(|url| url.password().map(str::to_owned));
        let (url, turns) = (with_time_limits(url), Arc::new(Semaphore::new(CONNECTIONS)));
        let state = Mutex::default();
        Self { inner: Arc::new(Inner { url, password, preparation, probe, state, turns }) }
    }

    /// Runs `work` on a connection that is there; the server ends each of its statements after
    /// `limit`.
    pub async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(&self.inner.turns).acquire_owned().await.map_err(Error::internal)?;
        let inner = Arc::clone(&self.inner);
        let running = tokio::task::spawn_blocking(move || {
            // Who stops waiting does not stop the statement, and so does not give its turn back.
            let _turn = turn;
            inner.run(limit, work)
        });
        running.await.map_err(Error::internal)?
    }
}

impl Inner {
    fn run<T>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T> {
        let mut conn = self.connection(limit)?;
        let done = work(&mut conn);
        let is_usable = done.is_ok() || conn.batch_execute(&self.probe).is_ok();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if is_usable {
            // No more than there are turns: whoever has one takes an idle connection first.
            state.idle.push(conn);
        } else {
            // The others will have been closed too, or the tables are gone.
            *state = State::default();
        }
        drop(state);
        done.map_err(|error| match is_usable {
            true => refusal(NAME, self.flat(&error.to_string())),
            false => self.unavailable(&error),
        })
    }

    /// One that is idle and still there, or a new one.
    fn connection(&self, limit: Duration) -> Result<PgConnection> {
        let limit = format!("SET statement_timeout = {}", limit.as_millis());
        loop {
            let idle = self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.pop();
            let Some(mut conn) = idle else { break };
            if conn.batch_execute(&limit).is_ok() {
                return Ok(conn);
            }
        }
        let mut conn = PgConnection::establish(&self.url).map_err(|error| {
            let cause = self.flat(&error.to_string());
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
        conn.batch_execute(&limit).map_err(|error| self.unavailable(&error))?;
        Ok(conn)
    }

    /// What to do when the tables cannot be made.
    fn unprepared(&self, error: &QueryError) -> Error {
        let said = self.flat(&error.to_string());
        let remedy = if said.contains("extension") {
            "install pgvector on that server and have its administrator run CREATE EXTENSION vector"
        } else if said.contains("column") {
            "the table of PGVECTOR_TABLE_NAME belongs to something else; name another"
        } else {
            "is the user allowed to make tables there?"
        };
        Error::unavailable(NAME, format!("{said}; {remedy}"))
    }

    fn unavailable(&self, error: &QueryError) -> Error {
        Error::unavailable(NAME, self.flat(&error.to_string()))
    }

    /// Text of the server on one line, without the password.
    fn flat(&self, text: &str) -> String {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match self.password.as_deref().filter(|password| !password.is_empty()) {
            Some(password) => line.replace(password, "***"),
            None => line,
        }
    }
}

/// A server that does not answer at all would otherwise be waited for for minutes.
fn with_time_limits(url: &str) -> String {
    let unnamed = GONE.iter().filter(|(name, _)| !url.contains(&format!("{name}=")));
    unnamed.fold(url.to_owned(), |url, (name, value)| {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{name}={value}")
    })
}
