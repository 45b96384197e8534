//! Bulk deletion of exchanges from the log.
use carrel_domain::audit::By;
use carrel_domain::chat_log::{ChatFilter, ChatLog, DeletedChats};
use carrel_domain::{ChatId, Result, ThreadId, UserId, WorkspaceId};
use serde_json::{Value, json};

/// The number of exchanges deleted per transaction, which bounds how long other writers wait.
const BATCH_SIZE: u32 = 500;

/// The maximum number of transactions per call: 100,000 exchanges.
const MAX_BATCHES: u32 = 200;

/// The result of a bulk deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkDeleteResult {
    /// The number of exchanges deleted.
    pub deleted: u64,
    /// Whether more exchanges may match the filter.
    pub has_more: bool,
}

/// Deletes at most 100,000 exchanges that match a filter, oldest first. Each step of 500 is one
/// transaction with its own event, which holds the filter and the number. If a later step fails,
/// the completed steps are therefore recorded.
pub async fn clear(log: &dyn ChatLog, filter: &ChatFilter, by: &By) -> Result<BulkDeleteResult> {
    let (mut deleted, mut cursor) = (0, None);
    for _ in 0..MAX_BATCHES {
        let (by, mut details) = (by.clone(), filter_details(filter));
        let event = move |chats: u64| {
            details["deleted"] = json!(chats);
            by.event("api_chats_deleted", details.to_string())
        };
        let DeletedChats { chats, last } =
            log.clear(filter, cursor, BATCH_SIZE, Box::new(event)).await?;
        deleted += chats;
        if chats < u64::from(BATCH_SIZE) {
            return Ok(BulkDeleteResult { deleted, has_more: false });
        }
        cursor = last;
    }
    Ok(BulkDeleteResult { deleted, has_more: true })
}

/// Returns the restricting parts of the filter, for the audit event.
fn filter_details(filter: &ChatFilter) -> Value {
    let ChatFilter { workspace, user, thread, session, from, to, feedback, before } = filter;
    let parts = [
        ("workspaceId", workspace.map(|WorkspaceId(id)| json!(id))),
        ("userId", user.map(|UserId(id)| json!(id))),
        ("threadId", thread.map(|ThreadId(id)| json!(id))),
        ("session", session.as_ref().map(|session| json!(session))),
        ("from", from.map(|from| json!(from.to_rfc3339()))),
        ("to", to.map(|to| json!(to.to_rfc3339()))),
        ("before", before.map(|ChatId(id)| json!(id))),
        ("rating", feedback.map(|is_up| json!(if is_up { "up" } else { "down" }))),
    ];
    let parts = parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(parts.collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use carrel_domain::Error;
    use carrel_domain::audit::Event;
    use carrel_domain::chat::{Bounded, ImageSplitter};
    use carrel_domain::chat_log::{DeletionEvent, ExportCursor, ExportOrder, LoggedChat, Portion};
    use chrono::DateTime;

    use super::*;

    /// A log with a number of exchanges that records the details of deletion events.
    #[derive(Default)]
    struct Log {
        chats: i64,
        events: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl ChatLog for Log {
        async fn page(&self, _: &ChatFilter, _: u64, _: Portion) -> Result<Bounded<LoggedChat>> {
            Err(Error::internal("nobody asks for it"))
        }

        async fn export(
            &self,
            _: &ChatFilter,
            _: ExportOrder,
            _: Option<&ExportCursor>,
            _: Portion,
        ) -> Result<Vec<LoggedChat>> {
            Err(Error::internal("nobody asks for it"))
        }

        async fn move_images(&self, _: ImageSplitter) -> Result<bool> {
            Err(Error::internal("nobody asks for it"))
        }

        async fn delete(&self, _: ChatId, _: Event) -> Result<bool> {
            Err(Error::internal("nobody asks for it"))
        }

        async fn clear(
            &self,
            _: &ChatFilter,
            after: Option<ChatId>,
            at_most: u32,
            event: DeletionEvent,
        ) -> Result<DeletedChats> {
            let deleted_before = after.map_or(0, |after| after.0);
            let chats = i64::from(at_most).min(self.chats - deleted_before);
            self.events.lock().unwrap().push(event(chats as u64).details);
            Ok(DeletedChats { chats: chats as u64, last: Some(ChatId(deleted_before + chats)) })
        }
    }

    async fn run_clear(chats: i64) -> (BulkDeleteResult, Vec<String>) {
        let log = Log { chats, ..Log::default() };
        let filter = ChatFilter {
            user: Some(UserId(7)),
            from: Some(DateTime::UNIX_EPOCH),
            feedback: Some(false),
            ..ChatFilter::default()
        };
        let by = By::operator(DateTime::UNIX_EPOCH);
        let outcome = clear(&log, &filter, &by).await.unwrap();
        (outcome, log.events.into_inner().unwrap())
    }

    #[tokio::test]
    async fn every_step_is_logged_with_its_filter_and_number() {
        let (outcome, events) = run_clear(501).await;
        assert_eq!(outcome, BulkDeleteResult { deleted: 501, has_more: false });
        let details: Vec<Value> =
            events.iter().map(|details| serde_json::from_str(details).unwrap()).collect();
        let event = |deleted: u64| json!({ "userId": 7, "from": "1970-01-01T00:00:00+00:00", "rating": "down", "deleted": deleted });
        assert_eq!(details, [event(500), event(1)]);
    }

    #[tokio::test]
    async fn a_call_deletes_a_bounded_number_and_reports_more() {
        let limit = u64::from(BATCH_SIZE * MAX_BATCHES);
        let (outcome, events) = run_clear(1_000_000).await;
        assert_eq!(outcome, BulkDeleteResult { deleted: limit, has_more: true });
        assert_eq!(events.len(), MAX_BATCHES as usize);
    }
}
