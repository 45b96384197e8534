//! No query scans a whole table unless all rows were requested.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests; clippy sees it only of `#[test]` functions"
)]

#[path = "query_plans/catalogue.rs"]
mod catalogue;
#[path = "query_plans/jobs.rs"]
mod jobs;

#[path = "query_plans/embeds.rs"]
mod embeds;
#[path = "query_plans/log.rs"]
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use carrel_domain::api_key::{ApiKeys, KeyDigest, KeyOrigin, NewApiKey};
use carrel_domain::audit::{AuditLog, By};
use carrel_domain::chat::{ChatRange, ChatScope, Chats, Conversation, NewChat};
use carrel_domain::chat_edit::ChatEdits;
use carrel_domain::document::{self, Document, NO_METADATA, Published};
use carrel_domain::filter::{FilterHint, FilterRows};
use carrel_domain::idempotency::{IdempotencyKeys, IdempotentRequest};
use carrel_domain::invite::{Invites, NewInvite, UnknownWorkspaces};
use carrel_domain::lexical::{Lexical, PostingsQuery};
use carrel_domain::library::{Documents, IndexedDocument, NewPassage, WorkspaceDocuments};
use carrel_domain::member::Members;
use carrel_domain::pin::Pins;
use carrel_domain::provenance::Provenance;
use carrel_domain::settings::Settings;
use carrel_domain::thread::{NewThread, Threads};
use carrel_domain::user::{
    MessageQuota, MultiUser, NewSession, NewUser, PasswordHash, Role, Sessions, UserPatch,
    Username, Users,
};
use carrel_domain::vector::VectorRows;
use carrel_domain::workspace::{NewWorkspace, WorkspaceSettings, Workspaces};
use carrel_domain::{
    ApiKeyId, ChatId, ChunkId, DocumentId, DocumentPath, DocumentSelection, Slug, ThreadId, UserId,
    Warnings, WorkspaceId,
};
use carrel_persistence::Database;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_types::Text;

/// Every statement that this process has run.
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
        metadata: NO_METADATA.into(),
        origin: document::DocumentOrigin::default(),
        warnings: Warnings::default(),
    }
}

fn embedded(workspace: WorkspaceId) -> IndexedDocument {
    let passage = NewPassage {
        text: "text".into(),
        span: None,
        provenance: Provenance::default(),
        vector: vec![1.0],
    };
    IndexedDocument { workspace, recipe: String::new(), passages: vec![passage] }
}

fn key(now: DateTime<Utc>) -> NewApiKey {
    NewApiKey {
        name: None,
        digest: KeyDigest([1; 32]),
        prefix: String::new(),
        origin: KeyOrigin::Environment,
        scopes: Vec::new(),
        workspaces: Vec::new(),
        rate_limit: None,
        created_by: None,
        expires_at: None,
        created_at: now,
    }
}

/// Calls every method of every port, with arguments for each of its queries.
async fn use_everything(db: &Database) {
    let now = Utc::now();
    let done = |now| By::operator(now).event("test", "{}");
    let settings = WorkspaceSettings::named("Here");
    let slug = Slug::of("here");
    let new = NewWorkspace { slug, settings: settings.clone(), created_at: now };
    let here = Workspaces::create(db, new, done(now)).await.unwrap().id;
    Workspaces::list(db).await.unwrap();
    Workspaces::by_slug(db, "here").await.unwrap();
    Workspaces::update(db, here, settings, done(now)).await.unwrap();

    db.record_intent(&[path("a")], now).await.unwrap();
    Documents::create(db, document("a", now), vec![embedded(here)], done(now)).await.unwrap();
    Documents::create(db, document("b", now), vec![embedded(here)], done(now)).await.unwrap();
    db.by_path(&path("a")).await.unwrap();
    catalogue::use_all(db, here, now).await;
    db.pending_files(now).await.unwrap();
    Documents::reconcile(db, &path("a")).await.unwrap();
    let places = db.in_workspace(here).await.unwrap();
    WorkspaceDocuments::counts(db).await.unwrap();
    jobs::use_all(db, here).await;
    db.pinned(here, 10).await.unwrap();
    db.pin(here, &path("a"), true, done(now)).await.unwrap();
    db.sessions(here, None, 10).await.unwrap();
    db.sessions(here, Some("a"), 10).await.unwrap();
    db.chat(here, ChatId(1)).await.unwrap();
    db.passages(here, &[ChunkId(1), ChunkId(2)]).await.unwrap();

    db.version(here).await.unwrap();
    db.codes(here, None, 10).await.unwrap();
    db.vectors(&[ChunkId(1), ChunkId(2)]).await.unwrap();
    VectorRows::count(db, Some(here)).await.unwrap();
    VectorRows::count(db, None).await.unwrap();
    let groups = [vec!["text".to_owned()], vec!["text".to_owned(), "a".to_owned()]];
    let named = [path("a").to_string(), "another".to_owned()];
    let first = [places[0].id];
    for among in [
        DocumentSelection::All,
        DocumentSelection::Only(&first[..]),
        DocumentSelection::Except(&first),
    ] {
        let query = PostingsQuery { workspace: here, groups: &groups, most: 10, among };
        db.postings(query).await.unwrap();
    }
    let keys = ["year".to_owned()];
    for hint in [FilterHint::default(), FilterHint { named: Some(&named), keys: &keys }] {
        db.filter_rows(here, hint, Some(first[0]), 10).await.unwrap();
    }
    db.withdraw(here, &[path("a")], done(now)).await.unwrap();
    db.remove(&[path("a"), path("b")], done(now)).await.unwrap();

    let conversation = Conversation { workspace: here, user: None, thread: None, session: None };
    db.append(
        NewChat {
            conversation: conversation.clone(),
            prompt: String::new(),
            response: String::new(),
            images: Vec::new(),
            include: true,
            created_at: now,
            usage: None,
        },
        done(now),
    )
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
        db.reset(&of, done(now)).await.unwrap();
    }
    for newest_first in [true, false] {
        for of in [
            ChatScope::Workspace(here),
            ChatScope::Session(here, "s".to_owned()),
            ChatScope::Thread(ThreadId(1)),
        ] {
            db.history_page(&of, ChatRange { newest_first, offset: 1, limit: 20 }).await.unwrap();
        }
    }
    let (slug, name) = (Slug::random(), String::new());
    let new = NewThread { slug, name, workspace: here, user: None, created_at: now };
    let thread = Threads::create(db, new, done(now)).await.unwrap();
    Threads::by_slug(db, here, thread.slug.as_str()).await.unwrap();
    Threads::all(db).await.unwrap();
    Threads::page(db, here, "", None, 20).await.unwrap();
    Threads::page(db, here, "some", Some(ThreadId(1)), 20).await.unwrap();
    db.rename(thread.id, String::new(), done(now)).await.unwrap();
    Threads::delete(db, &[thread.id], done(now)).await.unwrap();

    ApiKeys::create(db, NewApiKey { digest: KeyDigest([2; 32]), ..key(now) }, done(now))
        .await
        .unwrap();
    db.by_digest(KeyDigest([1; 32])).await.unwrap();
    ApiKeys::list(db).await.unwrap();
    db.set_environment_key(Some(key(now)), done(now)).await.unwrap();
    let request = IdempotentRequest { name: [1; 32], by: ApiKeyId(1), content: [2; 32] };
    for _ in 0..2 {
        db.begin(request, now).await.unwrap();
    }
    db.answered(request.name, String::new()).await.unwrap();
    db.failed(request.name).await.unwrap();
    db.used(vec![(ApiKeyId(1), now)]).await.unwrap();
    db.revoke(ApiKeyId(1), done(now)).await.unwrap();

    let user = |name: &str| NewUser {
        username: Username::parse(name).unwrap(),
        password: PasswordHash(String::new()),
        role: Role::Default,
        daily_message_limit: None,
        bio: String::new(),
        created_at: now,
    };
    let creator = Users::create(db, user("somebody"), done(now)).await.unwrap().id;
    let admin = db.enable(user("admin"), done(now)).await.unwrap().id;
    db.is_on().await.unwrap();
    Users::list(db).await.unwrap();
    Users::by_id(db, creator).await.unwrap();
    for suspended in [true, false] {
        let patch = UserPatch { suspended: Some(suspended), ..UserPatch::default() };
        Users::update(db, creator, patch, done(now)).await.unwrap();
    }
    let demoted = UserPatch { role: Some(Role::Default), ..UserPatch::default() };
    Users::update(db, admin, demoted, done(now)).await.unwrap_err();

    db.credentials("somebody").await.unwrap();
    let hash = PasswordHash(String::new());
    db.rehash_password(creator, &hash, hash.clone()).await.unwrap();
    for (number, expires_at) in [(1, now), (2, now + TimeDelta::days(1))] {
        let digest = KeyDigest([number; 32]);
        let session =
            NewSession { digest, user: creator, issued_by: None, expires_at, created_at: now };
        Sessions::open(db, session, done(now)).await.unwrap();
    }
    db.user_of(KeyDigest([2; 32]), now).await.unwrap();
    db.close(KeyDigest([2; 32]), done(now)).await.unwrap();
    db.consume_message(creator, 1, now).await.unwrap();

    Members::add(db, here, &[creator], done(now)).await.unwrap();
    Members::replace(db, here, &[], done(now)).await.unwrap();
    Members::of(db, here).await.unwrap();
    db.existing_users(&[creator]).await.unwrap();
    let invite = |code: &str| NewInvite {
        code: code.into(),
        workspaces: vec![here],
        expires_at: None,
        created_at: now,
    };
    let one = Invites::create(db, invite("one"), UnknownWorkspaces::Refuse, done(now)).await;
    Invites::create(db, invite("two"), UnknownWorkspaces::Keep, done(now)).await.unwrap();
    db.disable(one.unwrap().id, done(now)).await.unwrap();
    db.redeem("two", user("guest"), done(now)).await.unwrap();
    db.by_code("two").await.unwrap();
    Invites::list(db).await.unwrap();
    log::use_the_log(db, here).await;
    embeds::use_embeds(db, here).await;
    Users::delete(db, creator, done(now)).await.unwrap();

    AuditLog::add(db, done(now)).await.unwrap();
    AuditLog::page(db, None, 0, 20).await.unwrap();
    AuditLog::page(db, Some(5), 1, 20).await.unwrap();
    AuditLog::count(db).await.unwrap();
    db.since(0, 20).await.unwrap();

    Settings::all(db).await.unwrap();
    let values = [("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), None)];
    db.set(BTreeMap::from(values), done(now)).await.unwrap();
    Workspaces::delete(db, here, done(now)).await.unwrap();
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Returns whether the statement reads a table completely on purpose, because all rows were
/// requested.
fn is_asked_for_whole(statement: &str) -> bool {
    // Counted in index order.
    let counted = ["workspace_documents", "embed_chats"];
    if counted.iter().any(|table| statement.contains(&format!("FROM `{table}` GROUP BY"))) {
        return true;
    }
    let whole = [
        "api_keys",
        "folders",
        "invites",
        "users",
        "workspaces",
        "threads",
        "settings",
        "namespaces",
        "embeds",
    ];
    let is_from = |table: &str| {
        statement.contains(&format!("FROM `{table}`"))
            || statement.contains(&format!("FROM (`{table}`"))
    };
    // Few threads are deleted, so this condition excludes only a small part of the table.
    let statement_without = statement.replace("WHERE (`threads`.`deleted_at` IS NULL)", "");
    whole.into_iter().any(is_from) && !statement_without.contains("WHERE")
}

/// Returns whether the step reads the first page of the log, which takes as many entries of an
/// index as the page has rows.
fn is_beginning_of_log(statement: &str, step: &str) -> bool {
    let by_index = [
        "chats",
        "chats USING INDEX chats_by_workspace",
        "chats USING INDEX chats_by_conversation",
    ];
    statement.contains("ORDER BY")
        && statement.contains("LIMIT")
        && by_index.iter().any(|index| step == format!("SCAN {index}"))
}

/// Returns whether the step sums the log. A covering index holds the columns, and one sum per user,
/// workspace or day is kept.
fn is_sum_of_log(statement: &str, step: &str) -> bool {
    let is_kept = step.contains("TEMP B-TREE") || ["SCAN spent", "SCAN asked"].contains(&step);
    statement.contains("SUM(prompt_tokens)") && is_kept
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
                (step.starts_with("SCAN ")
                    && step != "SCAN CONSTANT ROW"
                    // A lookup in the word index, or a list bound to the statement.
                    && !step.contains("VIRTUAL TABLE INDEX")
                    && !is_beginning_of_log(&statement, step))
                    || step.contains("TEMP B-TREE")
                    || step.contains("AUTOMATIC")
            })
            .filter(|step| !is_sum_of_log(&statement, step))
            .collect();
        if !slow.is_empty() && !is_asked_for_whole(&statement) {
            complaints.push(format!("{statement}\n    {}", slow.join("\n    ")));
        }
    }
    assert!(explained > 40, "only {explained} statements were seen");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
