use std::collections::BTreeSet;

use carrel_domain::chat::Conversation;
use carrel_domain::chat_log::{
    ChatFilter, ChatLog, ExportCursor, ExportOrder, LoggedChat, Portion,
};
use carrel_persistence::Database;

use crate::chat_log::{admits, everything, fill, filters, ids};
use crate::support::{Scratch, at, done, user, workspace};

on_both_databases! {
    an_export_reads_each_exchange_once_in_every_order,
    a_portion_ends_with_the_exchange_that_reaches_the_limit,
    exchanges_with_equal_times_are_all_exported,
    an_export_continues_after_a_removed_exchange,
    exchanges_added_during_an_export_come_last,
}

const ORDERS: [ExportOrder; 3] =
    [ExportOrder::ByTime, ExportOrder::ByWorkspace, ExportOrder::ByConversation];

async fn next(
    db: &Database,
    filter: &ChatFilter,
    order: ExportOrder,
    last: Option<&LoggedChat>,
    limit: u32,
) -> Vec<LoggedChat> {
    let cursor = last.map(|last| ExportCursor { last: last.chat.clone() });
    let at_most = Portion { exchanges: limit, bytes: usize::MAX, images: false };
    db.export(filter, order, cursor.as_ref(), at_most).await.unwrap()
}

async fn export(
    db: &Database,
    filter: &ChatFilter,
    order: ExportOrder,
    limit: u32,
) -> Vec<LoggedChat> {
    let mut whole: Vec<LoggedChat> = Vec::new();
    loop {
        let some = next(db, filter, order, whole.last(), limit).await;
        assert!(some.len() <= limit as usize);
        if some.is_empty() {
            return whole;
        }
        whole.extend(some);
    }
}

/// Exchanges with equal results must be adjacent.
fn group(order: ExportOrder, of: &Conversation) -> String {
    match order {
        ExportOrder::ByTime => String::new(),
        ExportOrder::ByWorkspace => of.workspace.to_string(),
        ExportOrder::ByConversation => format!("{of:?}"),
    }
}

/// Asserts that each group appears once, oldest first, and that the groups of a workspace are
/// adjacent.
fn assert_in_order(order: ExportOrder, chats: &[LoggedChat]) {
    let mut closed = BTreeSet::new();
    for pair in chats.windows(2) {
        let (one, two) = (&pair[0].chat, &pair[1].chat);
        let (before, after) = (group(order, &one.conversation), group(order, &two.conversation));
        if before == after {
            assert!(one.id < two.id);
        } else {
            assert!(closed.insert(before) && !closed.contains(&after), "{after} comes twice");
            assert!(one.conversation.workspace <= two.conversation.workspace);
        }
    }
}

async fn an_export_reads_each_exchange_once_in_every_order(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 450);
    scratch.execute("DELETE FROM chats WHERE id > 120 AND id < 210");
    let all = everything(&db).await;
    for filter in filters(here, users, 450) {
        let expected: Vec<LoggedChat> =
            all.iter().filter(|chat| admits(&filter, chat)).cloned().collect();
        for order in ORDERS {
            for limit in [7, 1000] {
                let mut found = export(&db, &filter, order, limit).await;
                assert_in_order(order, &found);
                found.sort_by_key(|logged| logged.chat.id);
                assert_eq!(found, expected, "{order:?} {limit} {filter:?}");
            }
        }
    }
    for order in ORDERS {
        assert_eq!(next(&db, &ChatFilter::default(), order, None, 0).await, []);
    }
}

async fn a_portion_ends_with_the_exchange_that_reaches_the_limit(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 30);
    let all = everything(&db).await;
    let texts = |logged: &LoggedChat| logged.chat.prompt.len() + logged.chat.response.len();
    let bytes = texts(&all[0]) + 1;
    for order in ORDERS {
        let (mut cursor, mut read) = (None, 0);
        loop {
            let at_most = Portion { exchanges: 20, bytes, images: false };
            let some = db.export(&ChatFilter::default(), order, cursor.as_ref(), at_most).await;
            let some = some.unwrap();
            let Some((last, before)) = some.split_last() else { break };
            assert!(before.iter().map(texts).sum::<usize>() < bytes, "{order:?}");
            assert!(some.len() < 20);
            read += some.len();
            cursor = Some(ExportCursor { last: last.chat.clone() });
        }
        assert_eq!(read, all.len(), "{order:?}");
    }
}

async fn exchanges_with_equal_times_are_all_exported(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 200);
    scratch.execute(
        "INSERT INTO chats (workspace_id, thread_id, user_id, session, created_at, updated_at,
             prompt, response)
         SELECT workspace_id, thread_id, user_id, session, (SELECT MIN(created_at) FROM chats),
             updated_at, prompt, response
         FROM chats;
         DELETE FROM chats WHERE id <= 200;",
    );
    let now = ChatFilter { from: Some(at(0)), to: Some(at(1)), ..ChatFilter::default() };
    for order in ORDERS {
        for filter in [&ChatFilter::default(), &now] {
            let found = export(&db, filter, order, 3).await;
            assert_in_order(order, &found);
            let unique: BTreeSet<i64> = ids(&found).into_iter().collect();
            assert_eq!((found.len(), unique.len()), (200, 200));
        }
    }
}

async fn an_export_continues_after_a_removed_exchange(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 120);
    for order in ORDERS {
        let all = ChatFilter::default();
        let whole = export(&db, &all, order, 1000).await;
        let mut found = next(&db, &all, order, None, 10).await;
        while let Some(last) = found.last().cloned() {
            if found.len() % 20 == 0 {
                ChatLog::delete(&db, last.chat.id, done(0)).await.unwrap();
            }
            let some = next(&db, &all, order, Some(&last), 10).await;
            if some.is_empty() {
                break;
            }
            found.extend(some);
        }
        assert_eq!(found, whole);
    }
}

async fn exchanges_added_during_an_export_come_last(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 50);
    let all = ChatFilter::default();
    let first = next(&db, &all, ExportOrder::ByTime, None, 50).await;
    let last = first.last();
    assert_eq!(next(&db, &all, ExportOrder::ByTime, last, 50).await, []);
    scratch.execute(
        "INSERT INTO chats (workspace_id, created_at, updated_at, prompt, response)
         VALUES (9999, '1999-01-01 00:00:00', '1999-01-01 00:00:00', 'old', 'old')",
    );
    let added = next(&db, &all, ExportOrder::ByTime, last, 50).await;
    assert_eq!(added.len(), 1);
    assert_eq!(added[0].chat.prompt, "old");
    let old = ChatFilter { to: Some(at(-1)), ..ChatFilter::default() };
    assert_eq!(export(&db, &old, ExportOrder::ByConversation, 50).await, added);
}
