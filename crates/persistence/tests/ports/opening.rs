use carrel_domain::health::Health;
use carrel_domain::workspace::Workspaces;
use carrel_persistence::Database;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use crate::support::{Scratch, workspace};

on_both_databases! {
    rows_persist_after_reopening,
    many_may_open_a_new_database_at_once,
}

async fn rows_persist_after_reopening(scratch: Scratch) {
    let first = scratch.open();
    let made = workspace(&first, "Here").await;
    assert_eq!(first.is_sqlite(), scratch.is_sqlite());
    assert_eq!(first.backend(), if scratch.is_sqlite() { "SQLite" } else { "PostgreSQL" });
    drop(first);
    let second = scratch.open();
    second.ping().await.unwrap();
    assert_eq!(Workspaces::list(&second).await.unwrap(), [made]);
}

async fn many_may_open_a_new_database_at_once(scratch: Scratch) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let url = scratch.url.clone();
            tokio::task::spawn_blocking(move || Database::open(&url))
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        let db = task.await.unwrap().unwrap();
        workspace(&db, &number.to_string()).await;
    }
}

fn refusal(url: &str) -> String {
    let Err(error) = Database::open(url) else { panic!("{url} was opened") };
    format!("{error:#}")
}

#[test]
fn a_url_of_no_known_scheme_is_refused() {
    for url in ["", "carrel.db", "mysql://u:secret@h/d", "http://h"] {
        let error = refusal(url);
        assert!(error.contains("neither sqlite:// nor postgres://"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = format!("sqlite://{}/missing/carrel.db", directory.path().display());
    assert!(refusal(&missing).contains(&missing));
    let other = directory.path().join("notes.txt");
    std::fs::write(&other, "no database at all, only words ".repeat(100)).unwrap();
    let error = refusal(&format!("sqlite://{}", other.display()));
    assert!(error.contains("not a database"), "{error}");
    assert_eq!(std::fs::read_to_string(&other).unwrap().len(), 3100);
}

#[test]
fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for url in [
        format!("postgres://carrel:s3cret@127.0.0.1:{port}/d"),
        format!("postgres://carrel@127.0.0.1:{port}/d?password=s3cret"),
        format!("postgres://carrel:s3cret@127.0.0.1:{port}:wrong/d"),
        format!("postgres://carrel:s3cret%zz@127.0.0.1:{port}/d"),
    ] {
        let error = refusal(&url);
        assert!(error.contains("postgres://carrel"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = Integer)]
    page_size: i32,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

#[tokio::test]
async fn a_sqlite_file_has_large_pages_and_a_write_ahead_log() {
    let scratch = Scratch::sqlite();
    let _db = scratch.open();
    let conn = &mut scratch.raw_sqlite();
    let size: Number = diesel::sql_query("PRAGMA page_size").get_result(conn).unwrap();
    let mode: Word = diesel::sql_query("PRAGMA journal_mode").get_result(conn).unwrap();
    assert_eq!((size.page_size, mode.journal_mode.as_str()), (16384, "wal"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_sqlite_file_is_readable_to_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::sqlite();
    let db = scratch.open();
    workspace(&db, "Here").await;
    let path = scratch.url.strip_prefix("sqlite://").unwrap();
    for file in [path.to_owned(), format!("{path}-wal")] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_replaced() {
    let Some(scratch) = Scratch::postgres() else { return };
    let db = scratch.open();
    let made = workspace(&db, "Here").await;
    scratch.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = current_schema() AND pid <> pg_backend_pid()",
    );
    assert_eq!(Workspaces::list(&db).await.unwrap(), [made]);
}
