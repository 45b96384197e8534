//! A few connections to the PostgreSQL server that holds the vectors.
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::{Error, Result};
use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel::{Connection, PgConnection, QueryResult};
use tokio::sync::Semaphore;
use url::Url;

use super::NAME;

/// How many requests the server is asked at once.
const CONNECTIONS: usize = 4;
/// How long the server may work on a statement, and wait for others to be done.
const LIMITS: &str = "SET statement_timeout = '60s'; SET lock_timeout = '30s'";

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
    state: Mutex<State>,
    turns: Semaphore,
}

#[derive(Default)]
struct State {
    idle: Vec<PgConnection>,
    is_prepared: bool,
}

impl Connections {
    pub fn new(url: &str, preparation: String) -> Self {
        let password = Url::parse(url).ok().and_then(|url| url.password().map(str::to_owned));
        let (url, turns) = (with_time_limit(url), Semaphore::new(CONNECTIONS));
        let state = Mutex::default();
        Self { inner: Arc::new(Inner { url, password, preparation, state, turns }) }
    }

    /// Runs `work` on a connection that is there.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        let _turn = self.inner.turns.acquire().await.map_err(Error::internal)?;
        let inner = Arc::clone(&self.inner);
        let running = tokio::task::spawn_blocking(move || {
            let mut conn = inner.connection()?;
            let done = work(&mut conn);
            let failed = |error| inner.unavailable(&error);
            let is_broken = matches!(
                &done,
                Err(QueryError::DatabaseError(
                    DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::Unknown,
                    _
                ))
            );
            let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
            if is_broken {
                // The others will have been closed too, and the tables may be gone.
                *state = State::default();
            } else {
                state.idle.push(conn);
            }
            drop(state);
            done.map_err(failed)
        });
        running.await.map_err(Error::internal)?
    }
}

impl Inner {
    /// One that is idle and still there, or a new one.
    fn connection(&self) -> Result<PgConnection> {
        loop {
            let idle = self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.pop();
            let Some(mut conn) = idle else { break };
            if conn.batch_execute("SELECT 1").is_ok() {
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
fn with_time_limit(url: &str) -> String {
    if url.contains("connect_timeout=") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}connect_timeout=5")
}
