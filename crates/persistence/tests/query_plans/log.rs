//! The log of exchanges, with arguments for each of its queries.
use carrel_domain::audit::By;
use carrel_domain::chat::Conversation;
use carrel_domain::chat_log::{ChatFilter, ChatLog, ExportCursor, ExportOrder, Portion};
use carrel_domain::usage::{UsageBy, UsageQuery, Usages};
use carrel_domain::{ChatId, ThreadId, UserId, WorkspaceId};
use carrel_persistence::Database;
use chrono::{DateTime, Utc};

/// Reads the log with all filters and orders.
pub async fn use_the_log(db: &Database, here: WorkspaceId) {
    let now = Utc::now();
    let mut filters = vec![ChatFilter::default()];
    // Every combination of filters.
    for bits in 1..128 {
        let has = |bit: i32| bits & (1 << bit) != 0;
        filters.push(ChatFilter {
            workspace: has(0).then_some(here),
            user: has(1).then_some(UserId(1)),
            thread: has(2).then_some(ThreadId(1)),
            session: has(3).then(|| "s".to_owned()),
            from: has(4).then_some(DateTime::UNIX_EPOCH),
            to: has(5).then_some(now),
            feedback: has(6).then_some(true),
            before: has(6).then_some(ChatId(1)),
        });
    }
    let logged = ChatLog::page(db, &ChatFilter::default(), 0, Portion::of(1)).await.unwrap().items;
    let mut cursors = vec![None, Some(ExportCursor { last: logged[0].chat.clone() })];
    let mut last = logged[0].chat.clone();
    last.conversation = Conversation {
        workspace: here,
        user: Some(UserId(1)),
        thread: Some(ThreadId(1)),
        session: Some("s".into()),
    };
    cursors.push(Some(ExportCursor { last }));
    for filter in filters {
        for offset in [0, 1] {
            ChatLog::page(db, &filter, offset, Portion::of(20)).await.unwrap();
        }
        for after in [None, Some(ChatId(77))] {
            let event = move |_| By::operator(now).event("test", "{}");
            let none = ChatFilter { workspace: Some(WorkspaceId(-1)), ..filter.clone() };
            db.clear(&none, after, 20, Box::new(event)).await.unwrap();
            let event = move |_| By::operator(now).event("test", "{}");
            db.clear(&filter, after.or(Some(ChatId(78))), 20, Box::new(event)).await.unwrap();
        }
        for order in [ExportOrder::ByTime, ExportOrder::ByWorkspace, ExportOrder::ByConversation] {
            for cursor in &cursors {
                let at_most = Portion { exchanges: 500, bytes: usize::MAX, images: false };
                db.export(&filter, order, cursor.as_ref(), at_most).await.unwrap();
            }
        }
    }
    ChatLog::delete(db, ChatId(77), By::operator(now).event("test", "{}")).await.unwrap();
    for by in [UsageBy::User, UsageBy::Workspace, UsageBy::Day] {
        let query = UsageQuery { by, from: None, to: Some(now), offset: 0, limit: 20 };
        db.sums(&query).await.unwrap();
    }
}
