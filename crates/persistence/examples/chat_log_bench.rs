//! Measures the log of exchanges and the list of users on SQLite and prints one JSON line per
//! figure: CPU milliseconds to load first and later pages of 1,000,000 exchanges, and CPU seconds
//! to read 100,000 exchanges of 4.5 kB for an export.
//!
//! `cargo run --release -p carrel-persistence --example chat_log_bench [-- directory]`
//!
//! Needs about 2 GB of disk space in the directory, a temporary one by default.
#![expect(clippy::unwrap_used, reason = "a program that prints its results")]

use std::collections::BTreeMap;
use std::path::Path;

use carrel_domain::audit::{AuditLog, By, Event};
use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::chat_log::{ChatFilter, ChatLog, ExportCursor, ExportOrder, Portion};
use carrel_domain::user::{NewUser, PasswordHash, Role, Username, Users};
use carrel_domain::workspace::{NewWorkspace, WorkspaceSettings, Workspaces};
use carrel_domain::{Slug, WorkspaceId};
use carrel_persistence::Database;
use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use rustix::time::{ClockId, clock_gettime};

const PAGE: u32 = 20;
/// The number of repetitions of each short measurement.
const TIMES: u32 = 500;
/// The size of one read of an export.
const AT_ONCE: Portion = Portion { exchanges: 500, bytes: usize::MAX, images: false };

#[tokio::main]
async fn main() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = std::env::args().nth(1).unwrap_or(temporary.path().display().to_string());
    pages(&Path::new(&directory).join("pages.db"), 10_000, false).await;
    pages(&Path::new(&directory).join("log.db"), 1_000_000, true).await;
    exports(&Path::new(&directory).join("export.db"), 100_000).await;
}

fn report(figure: &str, value: f64, unit: &str, at_most: Option<f64>) {
    let at_most = at_most.map_or("null".to_owned(), |limit| limit.to_string());
    println!(
        r#"{{"figure": "{figure}", "value": {value:.4}, "unit": "{unit}", "at_most": {at_most}}}"#
    );
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Returns the average CPU milliseconds of one call.
async fn milliseconds<T>(work: impl AsyncFn() -> T) -> f64 {
    for _ in 0..TIMES / 10 {
        work().await;
    }
    let start = cpu_seconds();
    for _ in 0..TIMES {
        work().await;
    }
    (cpu_seconds() - start) * 1e3 / f64::from(TIMES)
}

fn done() -> Event {
    By::operator(Utc::now()).event("test", "{}")
}

/// Returns a database with 100 users and four workspaces that share `chats` exchanges with answers
/// of about `size` bytes.
async fn filled(file: &Path, chats: u32, size: usize) -> (Database, WorkspaceId) {
    let db = Database::open(&format!("sqlite://{}", file.display())).unwrap();
    for number in 0..100 {
        let user = NewUser {
            username: Username::parse(&format!("user-{number}")).unwrap(),
            password: PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into()),
            role: Role::Default,
            daily_message_limit: None,
            bio: "Reads a lot, writes little.".into(),
            created_at: Utc::now(),
        };
        Users::create(&db, user, done()).await.unwrap();
    }
    let mut workspaces = Vec::new();
    for number in 0..4 {
        let name = format!("Workspace {number}");
        let new = NewWorkspace {
            slug: Slug::of(&name),
            settings: WorkspaceSettings::named(&name),
            created_at: Utc::now(),
        };
        workspaces.push(Workspaces::create(&db, new, done()).await.unwrap().id);
    }
    let first = Utc::now().naive_utc() - TimeDelta::seconds(i64::from(chats));
    let words = "the log of what was asked and answered ".repeat(size / 38 + 1);
    let mut conn = SqliteConnection::establish(&file.display().to_string()).unwrap();
    let start = cpu_seconds();
    conn.batch_execute(&format!(
        "PRAGMA synchronous = OFF;
         WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers LIMIT {chats})
         INSERT INTO chats (workspace_id, user_id, session, include, created_at, updated_at,
             prompt, response)
         SELECT 1 + n % 4, 1 + n % 100, NULL, TRUE, datetime('{first}', n || ' seconds'),
             datetime('{first}', n || ' seconds'), 'What was question ' || n || ' about?',
             '{{\"text\":\"{} ' || n || '\",\"sources\":[]}}'
         FROM numbers;
         PRAGMA wal_checkpoint(TRUNCATE);",
        &words[..size],
    ))
    .unwrap();
    let each = (cpu_seconds() - start) * 1e6 / f64::from(chats);
    report(&format!("an exchange inserted among {chats} others"), each, "CPU us", None);
    (db, workspaces[1])
}

async fn pages(file: &Path, chats: u32, is_long: bool) {
    let (db, workspace) = filled(file, chats, 120).await;
    let page = async |number: u32, filter: ChatFilter| {
        let offset = u64::from(number - 1) * u64::from(PAGE);
        let page = ChatLog::page(&db, &filter, offset, Portion::of(PAGE)).await.unwrap().items;
        assert_eq!(page.len(), PAGE as usize);
    };
    let all = ChatFilter::default;
    let of_workspace = || ChatFilter { workspace: Some(workspace), ..all() };
    let of_time = || ChatFilter {
        from: Some(Utc::now() - TimeDelta::seconds(i64::from(chats) * 3 / 4)),
        to: Some(Utc::now() - TimeDelta::seconds(i64::from(chats) / 4)),
        ..all()
    };
    let name = |what: &str| format!("{what} of {chats} exchanges");
    let first = milliseconds(async || page(1, all()).await).await;
    report(&name("page 1"), first, "CPU ms", (!is_long).then_some(0.35));
    let mut deep = vec![("the last page", chats / PAGE)];
    if is_long {
        deep.push(("page 5,000", 5000));
    }
    for (what, number) in deep {
        let cost = milliseconds(async || page(number, all()).await).await;
        report(&name(what), cost, "CPU ms", None);
        let limit = (number == 5000).then_some(1.5);
        report(&format!("{}, times page 1", name(what)), cost / first, "", limit);
    }
    let cost = milliseconds(async || page(1, of_workspace()).await).await;
    report(&format!("{} in one workspace", name("page 1")), cost, "CPU ms", None);
    let cost = milliseconds(async || page(chats / PAGE / 8, of_workspace()).await).await;
    report(&format!("{} in one workspace", name("the middle page")), cost, "CPU ms", None);
    for (what, number) in [("page 1", 1), ("the middle page", chats / PAGE / 4)] {
        let cost = milliseconds(async || page(number, of_time()).await).await;
        report(&format!("{} in half of the time", name(what)), cost, "CPU ms", None);
    }
    let users = milliseconds(async || Users::list(&db).await.unwrap()).await;
    report("the list of 100 users", users, "CPU ms", Some(0.1));
    let event = milliseconds(async || AuditLog::add(&db, done()).await.unwrap()).await;
    report("an event", event, "CPU ms", None);
    let conversation = Conversation { workspace, user: None, thread: None, session: None };
    let append = milliseconds(async || {
        let new = NewChat {
            conversation: conversation.clone(),
            prompt: "What was it about?".into(),
            response: "{\"text\":\"This.\"}".into(),
            images: Vec::new(),
            include: true,
            created_at: Utc::now(),
            usage: None,
        };
        db.append(new, done()).await.unwrap()
    })
    .await;
    report(&format!("an exchange with its event added to {chats}"), append, "CPU ms", None);
}

async fn exports(file: &Path, chats: u32) {
    let (db, _) = filled(file, chats, 4400).await;
    let orders = BTreeMap::from([
        ("by time", ExportOrder::ByTime),
        ("by workspace", ExportOrder::ByWorkspace),
        ("by conversation", ExportOrder::ByConversation),
    ]);
    for (name, order) in orders {
        let start = cpu_seconds();
        let (mut cursor, mut read) = (None, 0);
        loop {
            let filter = ChatFilter::default();
            let some = db.export(&filter, order, cursor.as_ref(), AT_ONCE).await.unwrap();
            read += some.len();
            let Some(last) = some.into_iter().last() else { break };
            cursor = Some(ExportCursor { last: last.chat });
        }
        assert_eq!(read, chats as usize);
        let figure = format!("{chats} exchanges of 4.5 kB read {name}");
        report(&figure, cpu_seconds() - start, "CPU s", None);
    }
}
