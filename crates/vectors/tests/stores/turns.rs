//! The connection pool while statements hang.
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use carrel_vectors::store::{is_busy, is_refusal};
use tokio::time::timeout;

use super::*;

/// The size of the pool.
const CONNECTIONS: usize = 4;
/// Long enough for a statement to reach the server.
const MOMENT: Duration = Duration::from_millis(100);

/// The tables of a single test.
struct Tables {
    url: String,
    name: String,
    table: String,
}

/// A lock of the table of vectors that blocks reads.
struct Lock<'a> {
    tables: &'a Tables,
    holder: Child,
    pid: String,
}

impl Tables {
    /// Creates the tables. Returns `None` if no PostgreSQL with pgvector is configured.
    async fn create() -> Option<(Self, Arc<dyn Store>)> {
        let url = stores::address("CARREL_TEST_PGVECTOR")?;
        let name = stores::installation();
        let tables = Self { url, table: format!("turns_{name}"), name };
        let separator = if tables.url.contains('?') { '&' } else { '?' };
        let named = format!("{}{separator}application_name={}", tables.url, tables.name);
        let settings = [
            ("VECTOR_DB", "pgvector".to_owned()),
            ("PGVECTOR_CONNECTION_STRING", named),
            ("PGVECTOR_TABLE_NAME", tables.table.clone()),
        ];
        let store = stores::by(&settings, &tables.name).unwrap();
        assert_eq!(store.watermarks().await.unwrap(), []);
        Some((tables, store))
    }

    fn psql(&self, text: &str) -> Command {
        let mut psql = Command::new("psql");
        psql.args([&self.url, "-qXAtc", text]).stdout(Stdio::piped()).stderr(Stdio::null());
        psql
    }

    fn query_text(&self, text: &str) -> String {
        let output = self.psql(text).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn unmake(&self) {
        self.query_text(&format!("DROP TABLE {0}, {0}_marks", self.table));
    }

    async fn lock(&self) -> Lock<'_> {
        let table = &self.table;
        let statement = format!("BEGIN; LOCK TABLE {table}; SELECT pg_sleep(600)");
        let holder = self.psql(&statement).spawn().unwrap();
        let mut lock = Lock { tables: self, holder, pid: String::new() };
        let condition = format!(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK TABLE {table}%' \
             AND wait_event = 'PgSleep'"
        );
        let started = Instant::now();
        while lock.pid.is_empty() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the table was not locked in time"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
            lock.pid = self.query_text(&condition);
        }
        lock
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        if self.pid.is_empty() {
            let _ = self.holder.kill();
        } else {
            self.tables.query_text(&format!("SELECT pg_terminate_backend({})", self.pid));
        }
        let _ = self.holder.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_statement_keeps_its_connection() {
    let Some((tables, store)) = Tables::create().await else { return };
    let lock = tables.lock().await;
    for _ in 0..12 {
        let given_up =
            timeout(MOMENT, store.nearest(HERE, &[1.0, 0.0], 3, DocumentSelection::All)).await;
        assert!(given_up.is_err(), "it does not answer");
    }
    let name = &tables.name;
    let open = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = '{name}'");
    let open: usize = tables.query_text(&open).parse().unwrap();
    assert!((1..=CONNECTIONS).contains(&open), "{open} connections");
    drop(lock);
    assert_eq!(store.nearest(HERE, &[1.0, 0.0], 3, DocumentSelection::All).await.unwrap(), []);
    tables.unmake();
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_tables_are_told_from_missing_tables() {
    let Some((tables, store)) = Tables::create().await else { return };
    let lock = tables.lock().await;
    let counter = store.clone();
    let count = async move { counter.count_soon(HERE, &Dimensions::from([2])).await };
    let counting = tokio::spawn(count);
    // More requests than there are connections.
    let questions: Vec<_> = (0..CONNECTIONS + 2)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                store.nearest(HERE, &[1.0, 0.0], 3, DocumentSelection::All).await
            })
        })
        .collect();
    for question in questions {
        let error = question.await.unwrap().unwrap_err();
        assert!(is_refusal(&error), "{error}");
    }
    // The error comes within the time limit of a search, which is shorter than the lock timeout.
    let error = counting.await.unwrap().unwrap_err();
    assert!(is_refusal(&error) && !error.to_string().contains("lock timeout"), "{error}");
    drop(lock);
    assert_eq!(store.nearest(HERE, &[1.0, 0.0], 3, DocumentSelection::All).await.unwrap(), []);
    tables.unmake();
    let error = store.watermark(HERE).await.unwrap_err();
    assert!(!is_refusal(&error), "{error}");
    assert_eq!(store.watermark(HERE).await.unwrap(), None, "they are made again");
    tables.unmake();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_pool_does_not_count_as_an_outage() {
    let Some((tables, store)) = Tables::create().await else { return };
    // The embedded index gets no memory, so that the store answers.
    let world = World::over(Arc::default(), store, 0);
    world.rows.add(HERE, vec![vec![1.0, 0.0]; 3]);
    world.rows.add(THERE, vec![vec![1.0, 0.0]; 3]);
    world.assert_agrees().await;
    let lock = tables.lock().await;
    for _ in 0..CONNECTIONS {
        let dimensions = Dimensions::from([2]);
        let given_up = timeout(MOMENT, world.store().chunks(HERE, &dimensions)).await;
        assert!(given_up.is_err(), "it does not answer");
    }
    let to = VectorQuery { within: THERE, ..query(&[1.0, 0.0], 9) };
    let (found, counted) = tokio::join!(world.index.nearest(to), world.index.stored_count());
    let (unfound, uncounted) = (found.unwrap_err(), counted.unwrap_err());
    assert!(is_busy(&unfound), "{unfound}");
    assert!(uncounted.to_string().ends_with("all its connections are busy"), "{uncounted}");
    drop(lock);
    assert_eq!(world.found(query(&[1.0, 0.0], 9)).await, [1, 2, 3]);
    tables.unmake();
}
