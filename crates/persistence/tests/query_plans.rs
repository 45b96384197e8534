//! No query reads a whole table, unless it is asked for the whole table.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests; clippy sees it only of `#[test]` functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use carrel_domain::api_key::{ApiKeys, KeyDigest, NewApiKey, Origin};
use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::document::{Document, Published};
use carrel_domain::library::{Documents, Embedded, NewPassage, Placements};
use carrel_domain::settings::Settings;
use carrel_domain::user::{NewUser, PasswordHash, Role, Username, Users};
use carrel_domain::vector::VectorRows;
use carrel_domain::workspace::{NewWorkspace, WorkspaceSettings, Workspaces};
use carrel_domain::{
    ApiKeyId, ChunkId, DocumentId, DocumentPath, Slug, ThreadId, UserId, WorkspaceId,
};
use carrel_persistence::Database;
use chrono::{DateTime, Utc};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_types::Text;

/// Every statement this process has run.
static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn recorder() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text.split(" -- binds:").next().unwrap_or_default();
            STATEMENTS.lock().unwrap().insert(statement.to_owned());
        }
    }))
}

fn path(name: &str) -> DocumentPath {
    DocumentPath::new("folder", &format!("{name}.json")).unwrap()
}

fn document(name: &str, now: DateTime<Utc>) -> Document {
    Document {
        id: DocumentId::random(),
        path: path(name),
        title: String::new(),
        url: String::new(),
        author: String::new(),
        description: String::new(),
        source: String::new(),
        chunk_source: String::new(),
        published: Published(None),
        words: 0,
        tokens: 0,
        digest: [0; 32],
        created_at: now,
    }
}

fn embedded(workspace: WorkspaceId) -> Embedded {
    let passage = NewPassage { text: "text".into(), vector: vec![1.0] };
    Embedded { workspace, recipe: String::new(), passages: vec![passage] }
}

fn key(now: DateTime<Utc>) -> NewApiKey {
    NewApiKey {
        name: None,
        digest: KeyDigest([1; 32]),
        prefix: String::new(),
        origin: Origin::Environment,
        scopes: Vec::new(),
        created_by: None,
        expires_at: None,
        created_at: now,
    }
}

/// Calls every method of every port, in every way that makes another query of it.
async fn use_everything(db: &Database) {
    let now = Utc::now();
    let settings = WorkspaceSettings::named("Here");
    let slug = Slug::of("here");
    let new = NewWorkspace { slug, settings: settings.clone(), created_at: now };
    let here = Workspaces::create(db, new).await.unwrap().id;
    Workspaces::list(db).await.unwrap();
    db.by_slug("here").await.unwrap();
    db.update(here, settings, now).await.unwrap();

    db.expect_file(&path("a"), now).await.unwrap();
    Documents::create(db, document("a", now), vec![embedded(here)]).await.unwrap();
    Documents::create(db, document("b", now), vec![embedded(here)]).await.unwrap();
    db.by_path(&path("a")).await.unwrap();
    db.unsettled(now).await.unwrap();
    Documents::settle(db, &path("a")).await.unwrap();
    db.place(&path("a"), embedded(here), now).await.unwrap();
    db.in_workspace(here).await.unwrap();
    db.passages(here, &[ChunkId(1), ChunkId(2)]).await.unwrap();

    db.version(here).await.unwrap();
    db.codes(here, None, 10).await.unwrap();
    db.vectors(&[ChunkId(1), ChunkId(2)]).await.unwrap();
    db.count(Some(here)).await.unwrap();
    db.count(None).await.unwrap();
    db.withdraw(here, &[path("a")]).await.unwrap();
    db.remove(&[path("a"), path("b")], now).await.unwrap();

    let conversation = Conversation { workspace: here, user: None, thread: None, session: None };
    db.append(NewChat {
        conversation: conversation.clone(),
        prompt: String::new(),
        response: String::new(),
        include: true,
        created_at: now,
    })
    .await
    .unwrap();
    for (user, thread, session) in [
        (None, None, None),
        (Some(UserId(1)), None, None),
        (None, Some(ThreadId(1)), None),
        (None, None, Some("s".to_owned())),
        (Some(UserId(1)), Some(ThreadId(1)), Some("s".to_owned())),
    ] {
        let of = Conversation { user, thread, session, ..conversation.clone() };
        db.history(&of, 20).await.unwrap();
    }

    ApiKeys::create(db, NewApiKey { digest: KeyDigest([2; 32]), ..key(now) }).await.unwrap();
    db.by_digest(KeyDigest([1; 32])).await.unwrap();
    ApiKeys::list(db).await.unwrap();
    db.set_environment_key(Some(key(now)), now).await.unwrap();
    db.used(vec![(ApiKeyId(1), now)]).await.unwrap();
    db.revoke(ApiKeyId(1), now).await.unwrap();

    let user = |name: &str| NewUser {
        username: Username::parse(name).unwrap(),
        password: PasswordHash(String::new()),
        role: Role::Default,
        created_at: now,
    };
    Users::create(db, user("somebody")).await.unwrap();
    db.enable_multi_user(user("admin")).await.unwrap();
    db.is_multi_user().await.unwrap();
    db.all().await.unwrap();
    let values = [("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), None)];
    db.set(BTreeMap::from(values)).await.unwrap();
    Workspaces::delete(db, here).await.unwrap();
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Tables that are read whole on purpose: when all of them is what was asked for.
fn is_asked_for_whole(statement: &str) -> bool {
    let whole = ["api_keys", "workspaces", "settings", "namespaces"];
    whole
        .iter()
        .any(|table| statement.contains(&format!("FROM `{table}`")) && !statement.contains("WHERE"))
}

#[tokio::test]
async fn no_query_reads_a_whole_table() {
    set_default_instrumentation(recorder).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("carrel.db");
    let db = Database::open(&format!("sqlite://{}", file.display())).unwrap();
    STATEMENTS.lock().unwrap().clear();
    use_everything(&db).await;
    let statements = std::mem::take(&mut *STATEMENTS.lock().unwrap());

    let mut conn = SqliteConnection::establish(&file.display().to_string()).unwrap();
    let (mut explained, mut complaints) = (0, Vec::new());
    for statement in statements {
        let verb = statement.split_whitespace().next().unwrap_or_default().to_uppercase();
        if !["SELECT", "INSERT", "UPDATE", "DELETE"].contains(&verb.as_str()) {
            continue;
        }
        explained += 1;
        let plan: Vec<Step> =
            diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(&mut conn).unwrap();
        let slow: Vec<String> = plan
            .into_iter()
            .map(|step| step.detail)
            .filter(|step| {
                (step.starts_with("SCAN ") && step != "SCAN CONSTANT ROW")
                    || step.contains("TEMP B-TREE")
                    || step.contains("AUTOMATIC")
            })
            .collect();
        if !slow.is_empty() && !is_asked_for_whole(&statement) {
            complaints.push(format!("{statement}\n    {}", slow.join("\n    ")));
        }
    }
    assert!(explained > 40, "only {explained} statements were seen");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
