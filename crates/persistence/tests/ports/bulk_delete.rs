use carrel_domain::audit::{AuditLog, By};
use carrel_domain::chat_log::{ChatFilter, ChatLog, DeletedChats, DeletionEvent};
use carrel_domain::{ChatId, WorkspaceId};
use carrel_persistence::Database;

use crate::chat_log::{admits, everything, fill, filters, ids};
use crate::support::{Scratch, at, user, workspace};

on_both_databases! {
    a_deletion_removes_exactly_the_filtered_exchanges,
    each_step_records_what_it_removed,
}

fn deletion_event() -> DeletionEvent {
    Box::new(|chats| By::operator(at(1)).event("cleared", format!("{{\"deleted\":{chats}}}")))
}

async fn step(
    db: &Database,
    filter: &ChatFilter,
    after: Option<ChatId>,
    at_most: u32,
) -> DeletedChats {
    db.clear(filter, after, at_most, deletion_event()).await.unwrap()
}

async fn a_deletion_removes_exactly_the_filtered_exchanges(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    // The filter that matches everything comes last.
    let filters = filters(here, users, 300);
    for filter in filters[1..].iter().chain(&filters[..1]) {
        scratch.execute("DELETE FROM chats; DELETE FROM threads");
        fill(&scratch, here, users, 300);
        let all = everything(&db).await;
        let remaining: Vec<_> = all.iter().filter(|chat| !admits(filter, chat)).cloned().collect();
        let (mut removed, mut after) = (0, None);
        loop {
            let DeletedChats { chats, last } = step(&db, filter, after, 40).await;
            removed += chats;
            assert!(chats <= 40 && last.is_some() == (chats > 0));
            if chats < 40 {
                break;
            }
            assert!(last > after);
            after = last;
        }
        assert_eq!(removed as usize, all.len() - remaining.len(), "{filter:?}");
        assert_eq!(ids(&everything(&db).await), ids(&remaining), "{filter:?}");
        assert_eq!(scratch.miscounted_blocks(), 0, "{filter:?}");
    }
    assert_eq!(scratch.rows_in("chat_blocks"), 0);
}

async fn each_step_records_what_it_removed(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let users = [user(&db, "aa").await.id, user(&db, "bb").await.id];
    fill(&scratch, here, users, 12);
    let before = AuditLog::count(&db).await.unwrap();
    let nowhere = ChatFilter { workspace: Some(WorkspaceId(-1)), ..ChatFilter::default() };
    assert_eq!(step(&db, &nowhere, None, 5).await, DeletedChats { chats: 0, last: None });
    let all = ChatFilter::default();
    let first = step(&db, &all, None, 5).await;
    assert_eq!(first.chats, 5);
    let second = step(&db, &all, first.last, 500).await;
    assert_eq!(second.chats, 7);
    assert_eq!(step(&db, &all, second.last, 500).await.chats, 0);
    let events = AuditLog::page(&db, None, 0, 9).await.unwrap();
    assert_eq!(AuditLog::count(&db).await.unwrap(), before + 2, "nothing is told of nothing");
    assert_eq!(events[0].details, r#"{"deleted":7}"#);
    assert_eq!(events[1].details, r#"{"deleted":5}"#);
}
