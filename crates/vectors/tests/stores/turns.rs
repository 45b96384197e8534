//! How many connections PostgreSQL sees.
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_nobody_waits_for_keeps_its_turn() {
    let Some(url) = stores::address("CARREL_TEST_PGVECTOR") else { return };
    let name = stores::installation();
    let table = format!("turns_{name}");
    let separator = if url.contains('?') { '&' } else { '?' };
    let named = format!("{url}{separator}application_name={name}");
    let store = stores::by(
        &[
            ("VECTOR_DB", "pgvector".to_owned()),
            ("PGVECTOR_CONNECTION_STRING", named),
            ("PGVECTOR_TABLE_NAME", table.clone()),
        ],
        &name,
    );
    let store = store.unwrap();
    assert_eq!(store.marks().await.unwrap(), []);

    let psql = |text: &str| {
        let mut psql = Command::new("psql");
        psql.args([&url, "-qXAtc", text]).stdout(Stdio::piped());
        psql
    };
    let said = |text: &str| {
        let output = psql(text).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // Whoever reads the table waits for this, which is told when all others are there.
    let hold = format!("BEGIN; LOCK TABLE {table}; SELECT pg_sleep(600)");
    let mut holder = psql(&hold).spawn().unwrap();
    let holding = format!(
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK TABLE {table}%' \
         AND wait_event = 'PgSleep'"
    );
    let started = Instant::now();
    let pid = loop {
        let pid = said(&holding);
        if !pid.is_empty() {
            break pid;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "nobody holds the table");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    for _ in 0..12 {
        let question = store.nearest(HERE, &[1.0, 0.0], 3, None);
        let given_up = tokio::time::timeout(Duration::from_millis(100), question).await;
        assert!(given_up.is_err(), "it does not answer");
    }
    let open = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = '{name}'");
    let open: u32 = said(&open).parse().unwrap();
    assert!((1..=4).contains(&open), "{open} connections");
    said(&format!("SELECT pg_terminate_backend({pid})"));
    let _ = holder.wait();
    assert_eq!(store.nearest(HERE, &[1.0, 0.0], 3, None).await.unwrap(), []);
    said(&format!("DROP TABLE {table}, {table}_marks"));
}
