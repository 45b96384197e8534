//! An archive of one database, loaded into the other kind of database and archived again, has the
//! same rows.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use carrel_domain::archive::{ArchiveSink, ArchiveStore, ArchivedDatabase, ArchivedRow};
use carrel_domain::library::Documents;
use carrel_domain::{Error, Result};
use carrel_persistence::Database;
use serde_json::Value;

use crate::support::{Scratch, at, document, done, embedded, user, workspace};

type Rows = Vec<(&'static str, String)>;

#[derive(Clone, Default)]
struct Collected(Arc<Mutex<(&'static str, Rows)>>);

impl ArchiveSink for Collected {
    fn begin(&mut self, table: &'static str) -> Result<bool> {
        self.0.lock().unwrap().0 = table;
        Ok(true)
    }

    fn row(&mut self, json: &str) -> Result<()> {
        let mut collected = self.0.lock().unwrap();
        let table = collected.0;
        collected.1.push((table, json.to_owned()));
        Ok(())
    }
}

async fn dump(db: &Database) -> (Rows, ArchivedDatabase) {
    let collected = Collected::default();
    let database = db.dump(Box::new(collected.clone())).await.unwrap();
    let rows = std::mem::take(&mut collected.0.lock().unwrap().1);
    (rows, database)
}

async fn load(db: &Database, rows: &Rows, last_ids: &BTreeMap<String, i64>) -> Result<()> {
    let rows = rows.clone().into_iter().enumerate();
    let rows = rows.map(|(at, (table, json))| Ok(ArchivedRow { table, line: at as u64 + 1, json }));
    db.load(Box::new(rows), last_ids.clone(), done(9)).await
}

/// Groups rows by table and leaves out what differs between databases.
fn comparable(rows: &Rows) -> BTreeMap<&'static str, Vec<Value>> {
    let mut tables: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for (table, json) in rows {
        let mut row: Value = serde_json::from_str(json).unwrap();
        if *table == "events" {
            let fields = row.as_object_mut().unwrap();
            fields.retain(|name, _| name != "id" && name != "digest");
        }
        for (_, value) in row.as_object_mut().unwrap() {
            // SQLite omits trailing zeros of fractional seconds.
            let text = value.as_str().unwrap_or_default();
            if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
                *value = time.timestamp_micros().into();
            }
            // PostgreSQL prints the shortest digits that identify a 32-bit float.
            if let Some(number) = value.as_f64().filter(|number| number.fract() != 0.0) {
                *value = format!("{}", number as f32).into();
            }
        }
        tables.entry(*table).or_default().push(row);
    }
    tables
}

/// Values of every type: texts that need JSON escapes, reals, bytes, times, NULLs.
const CONVERSATIONS: &str = "
    UPDATE workspaces SET temperature = 0.7, least_similarity = 0.25, prompt = 'Be
\"brief\" \\ 😀' WHERE id = 1;
    INSERT INTO threads (id, slug, name, workspace_id, user_id, created_at, updated_at)
        VALUES (4, 't', 'Tides', 1, 1, '2024-01-02 03:04:05.000006', '2024-01-02 03:04:05');
    INSERT INTO chats (id, workspace_id, thread_id, user_id, session, include, feedback, created_at,
            updated_at, prompt, response)
        VALUES (7, 1, 4, 1, NULL, TRUE, FALSE, '2024-01-02 03:04:05.5', '2024-01-02 03:04:05',
            'What?', '{\"text\":\"So \\u00e9.\"}');
    INSERT INTO chats (id, workspace_id, session, include, created_at, updated_at, prompt, response)
        VALUES (9, 77, 's', FALSE, '2024-01-02 03:04:05', '2024-01-02 03:04:05', '', 'broken');
    INSERT INTO api_keys (id, digest, prefix, origin, created_at)
        VALUES (3, '0123456789', 'abc', 'created', '2024-01-02 03:04:05');
    INSERT INTO settings (key, value) VALUES ('LLM_PROVIDER', 'ollama');
    INSERT INTO jobs (id, kind, state, workspace_id, actor, awaited, total, lease, due_at, created_at,
            updated_at)
        VALUES (5, 'update-embeddings', 'running', 1, 'operator', TRUE, 1, 'somebody',
            '2024-01-02 03:04:05', '2024-01-02 03:04:05', '2024-01-02 03:04:05');";

async fn fill(scratch: &Scratch, db: &Database) {
    user(db, "maria").await;
    let here = workspace(db, "Here").await;
    let there = workspace(db, "There").await;
    let places = vec![embedded(here.id, "tide", 3), embedded(there.id, "ebb", 2)];
    db.create(document("tides.txt"), places, done(1)).await.unwrap();
    scratch.execute(CONVERSATIONS);
}

async fn carried_from(one: Scratch, other: Scratch) {
    let db = one.open();
    fill(&one, &db).await;
    let (rows, database) = dump(&db).await;
    let target = other.open();
    assert_eq!(target.occupied().await.unwrap(), []);
    load(&target, &rows, &database.last_ids).await.unwrap();
    let (again, of_target) = dump(&target).await;
    let (mut before, mut after) = (comparable(&rows), comparable(&again));
    let events = after.remove("events").unwrap();
    let old = before.remove("events").unwrap();
    assert_eq!(events[..old.len()], old);
    assert_eq!(events.len(), old.len() + 1, "the import is in the log");
    for (table, rows) in &before {
        assert_eq!(after.get(table), Some(rows), "{table}");
    }
    assert_eq!(before.len(), after.len());
    let jobs = &before["jobs"][0];
    assert_eq!((&jobs["state"], &jobs["lease"]), (&"queued".into(), &Value::Null));
    assert_eq!(database.schema, of_target.schema);
    assert_eq!(other.miscounted_blocks(), 0);
    let words = "SELECT COUNT(*) AS n FROM passage_words";
    assert_eq!(other.number(words), 5, "passages are found by their words");
    assert_eq!(carrel_domain::backup::Inventory::faults(&target).await.unwrap(), [""; 0]);
    let next = user(&target, "sam").await.id;
    assert_eq!(next.0, 2, "ids are never reused");
    // Loading into a database with data fails and changes nothing.
    let refused = load(&target, &rows, &database.last_ids).await;
    assert!(matches!(refused, Err(Error::AlreadyExists { .. })), "{refused:?}");
}

async fn a_wrong_row_rolls_back_the_import(scratch: Scratch) {
    let db = scratch.open();
    let wrong = [
        ("{\"id\":1,\"username\":\"a\",\"elbow\":1}", "there is no column elbow"),
        ("{\"id\":\"x\"}", "id has no such value"),
        ("{\"id\":", "line 2 of tables/users.jsonl"),
    ];
    for (row, why) in wrong {
        let rows = vec![
            ("settings", "{\"key\":\"a\",\"value\":\"b\"}".to_owned()),
            ("users", row.to_owned()),
        ];
        let refused = load(&db, &rows, &BTreeMap::new()).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
        assert_eq!(scratch.rows_in("settings"), 0);
        assert_eq!(scratch.rows_in("events"), 0);
    }
    let known = db.pending_files(at(99)).await.unwrap();
    assert!(known.is_empty());
}

on_both_databases!(a_wrong_row_rolls_back_the_import);

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_carried_to_postgres_and_back() {
    let Some(postgres) = Scratch::postgres() else { return };
    carried_from(Scratch::sqlite(), postgres).await;
    let Some(postgres) = Scratch::postgres() else { return };
    carried_from(postgres, Scratch::sqlite()).await;
}
