use carrel_domain::audit::AuditLog;
use carrel_domain::chat::{Chats, Conversation, NewChat};
use carrel_domain::chat_log::{
    ChatFilter, ChatLog, ChatWorkspace, ExportOrder, LoggedChat, Portion,
};
use carrel_domain::user::Users;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{ChatId, ThreadId, UserId, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, admin, at, done, user, workspace};

on_both_databases! {
    exchanges_are_listed_with_their_workspace_and_user,
    pages_agree_with_the_log_however_it_is_filtered,
    pages_of_a_long_log_with_gaps_start_at_the_right_exchange,
    blocks_stay_counted_through_every_kind_of_deletion,
    an_exchange_is_deleted_once,
}

/// Fills the log with exchanges of three workspaces (of which one does not exist), two users, two
/// threads and several sessions, at times that do not always increase.
pub fn fill(scratch: &Scratch, here: WorkspaceId, users: [UserId; 2], number: usize) {
    scratch.execute(&format!(
        "INSERT INTO threads (id, slug, name, workspace_id, created_at, updated_at)
         VALUES (5, 't5', 'T', {here}, '2026-01-01 00:00:00', '2026-01-01 00:00:00'),
                (6, 't6', 'T', {here}, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
    ));
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    let rows: Vec<String> = (0..number)
        .map(|n| {
            let workspace = [here.0, here.0 + 1, 9999][n % 3];
            let thread = (n % 5 == 0).then(|| (5 + n / 5 % 2).to_string());
            let user = (n % 4 < 2).then(|| users[n % 2].to_string());
            let session = (n % 7 == 0).then(|| format!("'s{}'", n / 7 % 3));
            let feedback = (n % 11 == 0).then(|| ["TRUE", "FALSE"][n % 2].to_owned());
            let seconds = if n % 100 == 50 { 0 } else { n };
            format!(
                "({workspace}, {}, {}, {}, {}, '{}', '{}', 'prompt {n}', 'answer {n}')",
                or_null(thread),
                or_null(user),
                or_null(session),
                or_null(feedback),
                at(seconds as i64).naive_utc(),
                at(seconds as i64).naive_utc(),
            )
        })
        .collect();
    for rows in rows.chunks(500) {
        scratch.execute(&format!(
            "INSERT INTO chats (workspace_id, thread_id, user_id, session, feedback, created_at,
                 updated_at, prompt, response)
             VALUES {}",
            rows.join(", ")
        ));
    }
}

/// Filters by each field, alone and combined.
pub fn filters(here: WorkspaceId, users: [UserId; 2], number: i64) -> Vec<ChatFilter> {
    let all = ChatFilter::default;
    let later = Some(at(number / 3));
    let until = Some(at(number / 2));
    vec![
        all(),
        ChatFilter { workspace: Some(here), ..all() },
        ChatFilter { workspace: Some(WorkspaceId(9999)), ..all() },
        ChatFilter { workspace: Some(WorkspaceId(-1)), ..all() },
        ChatFilter { user: Some(users[1]), ..all() },
        ChatFilter { thread: Some(ThreadId(5)), ..all() },
        ChatFilter { session: Some("s1".into()), ..all() },
        ChatFilter { session: Some(String::new()), ..all() },
        ChatFilter { feedback: Some(true), ..all() },
        ChatFilter { feedback: Some(false), ..all() },
        ChatFilter { from: later, ..all() },
        ChatFilter { to: until, ..all() },
        ChatFilter { from: later, to: until, ..all() },
        ChatFilter { from: until, to: later, ..all() },
        ChatFilter { from: Some(at(number + 1)), ..all() },
        ChatFilter { to: Some(at(-1)), ..all() },
        ChatFilter { workspace: Some(here), from: later, to: until, ..all() },
        ChatFilter { workspace: Some(here), user: Some(users[0]), feedback: Some(true), ..all() },
        ChatFilter { user: Some(users[0]), thread: Some(ThreadId(6)), to: until, ..all() },
        ChatFilter {
            workspace: Some(here),
            user: Some(users[0]),
            thread: Some(ThreadId(5)),
            session: Some("s0".into()),
            from: Some(at(0)),
            to: Some(at(number)),
            feedback: None,
            before: None,
        },
        ChatFilter { before: Some(ChatId(number / 2)), ..all() },
        ChatFilter { before: Some(ChatId(number / 2)), from: later, feedback: Some(true), ..all() },
    ]
}

/// A second, independent implementation of filters.
pub fn admits(filter: &ChatFilter, logged: &LoggedChat) -> bool {
    fn is<T: PartialEq>(expected: &Option<T>, has: Option<&T>) -> bool {
        expected.is_none() || expected.as_ref() == has
    }
    let ChatFilter { workspace, user, thread, session, from, to, feedback, before } = filter;
    let (chat, of) = (&logged.chat, &logged.chat.conversation);
    is(workspace, Some(&of.workspace))
        && is(user, of.user.as_ref())
        && is(thread, of.thread.as_ref())
        && is(session, of.session.as_ref())
        && is(feedback, chat.feedback.as_ref())
        && before.is_none_or(|before| chat.id < before)
        && from.is_none_or(|from| from <= chat.created_at)
        && to.is_none_or(|to| chat.created_at < to)
}

/// Returns the whole log, oldest first.
pub async fn everything(db: &Database) -> Vec<LoggedChat> {
    let all = ChatFilter::default();
    let at_most = Portion { exchanges: u32::MAX, bytes: usize::MAX, images: false };
    db.export(&all, ExportOrder::ByTime, None, at_most).await.unwrap()
}

pub fn ids(chats: &[LoggedChat]) -> Vec<i64> {
    chats.iter().map(|logged| logged.chat.id.0).collect()
}

fn chat(conversation: &Conversation) -> NewChat {
    NewChat {
        conversation: conversation.clone(),
        prompt: "?".into(),
        response: "!".into(),
        images: Vec::new(),
        include: true,
        created_at: at(3),
        usage: None,
    }
}

async fn exchanges_are_listed_with_their_workspace_and_user(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here & there").await;
    let user = user(&db, "somebody").await.id;
    let conversation = Conversation {
        workspace: here.id,
        user: Some(user),
        thread: None,
        session: Some("s".into()),
    };
    let id = db.append(chat(&conversation), done(0)).await.unwrap();
    scratch.execute(
        "INSERT INTO chats (id, workspace_id, created_at, updated_at, prompt, response)
         VALUES (500, 9999, '2026-01-01 00:00:00', '2026-01-01 00:00:00', 'p', 'not json')",
    );
    let page = ChatLog::page(&db, &ChatFilter::default(), 0, Portion::of(20)).await.unwrap().items;
    assert_eq!(ids(&page), [500, id.0]);
    assert_eq!((page[0].workspace.as_ref(), page[0].username.as_ref()), (None, None));
    assert_eq!(page[0].chat.response, "not json");
    let named = ChatWorkspace {
        name: "Here & there".into(),
        slug: here.slug.to_string(),
        prompt: here.settings.prompt,
    };
    assert_eq!(page[1].workspace, Some(named));
    assert_eq!(page[1].username.as_deref(), Some("somebody"));
    assert_eq!((&page[1].chat.conversation, page[1].chat.created_at), (&conversation, at(3)));
    let mut oldest_first = everything(&db).await;
    oldest_first.reverse();
    assert_eq!(oldest_first, page);
}

async fn pages_agree_with_the_log_however_it_is_filtered(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 400);
    scratch.execute("DELETE FROM chats WHERE id > 120 AND id < 260");
    let mut all = everything(&db).await;
    all.reverse();
    assert_eq!(all.len(), 261);
    for filter in filters(here, users, 400) {
        let expected: Vec<i64> =
            ids(&all.iter().filter(|chat| admits(&filter, chat)).cloned().collect::<Vec<_>>());
        for offset in (0..expected.len() + 9).step_by(9) {
            let page =
                ChatLog::page(&db, &filter, offset as u64, Portion::of(9)).await.unwrap().items;
            let end = (offset + 9).min(expected.len());
            assert_eq!(ids(&page), expected[offset.min(end)..end], "{filter:?} from {offset}");
        }
        assert_eq!(ChatLog::page(&db, &filter, 0, Portion::of(0)).await.unwrap().items, []);
        assert_eq!(ChatLog::page(&db, &filter, u64::MAX, Portion::of(9)).await.unwrap().items, []);
    }
}

async fn pages_of_a_long_log_with_gaps_start_at_the_right_exchange(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 10_000);
    // Gaps that start and end at, before and after the boundaries of blocks.
    for gap in [
        "id = 1",
        "id BETWEEN 63 AND 64",
        "id BETWEEN 128 AND 191",
        "id BETWEEN 4000 AND 4095",
        "id = 8192",
        "id BETWEEN 5000 AND 7000 AND id % 3 = 0",
        "id > 9990",
    ] {
        scratch.execute(&format!("DELETE FROM chats WHERE {gap}"));
        assert_eq!(scratch.miscounted_blocks(), 0, "{gap}");
    }
    let mut all = everything(&db).await;
    all.reverse();
    let spans = [
        ChatFilter::default(),
        ChatFilter { from: Some(at(130)), to: Some(at(9000)), ..ChatFilter::default() },
        ChatFilter { to: Some(at(4096)), ..ChatFilter::default() },
    ];
    for filter in spans {
        let expected: Vec<i64> =
            ids(&all.iter().filter(|chat| admits(&filter, chat)).cloned().collect::<Vec<_>>());
        let edges = (0..40).flat_map(|n| [n * 16, n * 16 + 1, n * 16 + 15]);
        let far = (0..expected.len() + 400).step_by(397);
        let last = [expected.len() - 1, expected.len(), expected.len() + 1];
        for offset in edges.chain(far).chain(last) {
            let page =
                ChatLog::page(&db, &filter, offset as u64, Portion::of(5)).await.unwrap().items;
            let end = (offset + 5).min(expected.len());
            assert_eq!(ids(&page), expected[offset.min(end)..end], "{filter:?} from {offset}");
        }
    }
}

async fn blocks_stay_counted_through_every_kind_of_deletion(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let next = workspace(&db, "Next").await.id;
    admin(&db, "admin").await;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 5000);
    assert_eq!(next.0, here.0 + 1);
    assert_eq!(scratch.miscounted_blocks(), 0);
    assert_eq!(scratch.rows_in("chat_blocks"), 313 + 20 + 2);
    scratch.execute("DELETE FROM threads WHERE id = 5");
    assert_eq!(scratch.miscounted_blocks(), 0);
    Users::delete(&db, users[0], done(1)).await.unwrap();
    assert_eq!(scratch.miscounted_blocks(), 0);
    Workspaces::delete(&db, next, done(1)).await.unwrap();
    assert_eq!(scratch.miscounted_blocks(), 0);
    let left = everything(&db).await;
    assert!(left.iter().all(|logged| logged.chat.conversation.workspace != next));
    ChatLog::delete(&db, left[7].chat.id, done(1)).await.unwrap();
    assert_eq!(scratch.miscounted_blocks(), 0);
    assert_eq!(everything(&db).await.len(), left.len() - 1);
    scratch.execute("DELETE FROM chats");
    assert_eq!(scratch.rows_in("chat_blocks"), 0);
}

async fn an_exchange_is_deleted_once(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let talk = Conversation { workspace: here, user: None, thread: None, session: None };
    let first = db.append(chat(&talk), done(0)).await.unwrap();
    let second = db.append(chat(&talk), done(0)).await.unwrap();
    let events = AuditLog::count(&db).await.unwrap();
    assert!(ChatLog::delete(&db, first, done(1)).await.unwrap());
    assert!(!ChatLog::delete(&db, first, done(1)).await.unwrap());
    assert!(!ChatLog::delete(&db, ChatId(i64::MAX), done(1)).await.unwrap());
    assert_eq!(AuditLog::count(&db).await.unwrap(), events + 1);
    assert_eq!(ids(&everything(&db).await), [second.0]);
}
