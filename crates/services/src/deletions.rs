//! Deletion of conversations and exchanges with a limited time to restore them.
use carrel_domain::audit::{Actor, By};
use carrel_domain::deletion::{Deletable, Deletion, Deletions};
use carrel_domain::{Error, Result, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

/// How long a deletion can be restored.
pub const RETENTION: TimeDelta = TimeDelta::days(30);

/// Deletes an item of a user. Returns the id with which it can be restored, or `None` if there was
/// nothing to delete.
pub async fn delete(
    deletions: &dyn Deletions,
    target: &Deletable,
    user: Option<UserId>,
    by: &By,
) -> Result<Option<i64>> {
    let (name, details) = match target {
        Deletable::Thread(thread) => ("thread_deleted", json!({ "threadId": thread.0 })),
        Deletable::Exchange(workspace, chat) => {
            ("chat_deleted", json!({ "workspaceId": workspace.0, "chatId": chat.0 }))
        }
        Deletable::Conversation(conversation) => {
            ("conversation_cleared", json!({ "workspaceId": conversation.workspace.0 }))
        }
    };
    deletions.delete(target, user, by.event(name, details.to_string())).await
}

/// Restores a user's deletion.
pub async fn restore(
    deletions: &dyn Deletions,
    id: i64,
    user: Option<UserId>,
    by: &By,
) -> Result<Deletion> {
    let event = by.event("deletion_restored", json!({ "deletionId": id }).to_string());
    let restored = deletions.restore(id, user, event).await?;
    restored.ok_or_else(|| Error::not_found("deletion", id))
}

/// Permanently removes items deleted more than [`RETENTION`] ago and returns the number of
/// deletions.
pub async fn purge(deletions: &dyn Deletions, now: DateTime<Utc>) -> Result<u64> {
    let by = By { actor: Actor::Server, address: None, at: now };
    deletions.purge(now - RETENTION, by.event("deletions_purged", "{}")).await
}
