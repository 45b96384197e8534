//! Share links, with which people without an account read a conversation. Users create them if an
//! administrator allows it, for a limited time.
use carrel_domain::audit::By;
use carrel_domain::chat::{Chat, Chats, Conversation};
use carrel_domain::settings::{Settings, names};
use carrel_domain::share::{NewShare, Share, Shares};
use carrel_domain::{Error, Result, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::token::{self, Secret};

/// The maximum lifetime of a link, in days.
pub const MAX_DAYS: u32 = 365;
/// The maximum number of exchanges shown, newest first.
pub const MAX_EXCHANGES: u32 = 200;
/// The maximum number of links per user.
const MAX_SHARES: usize = 200;

/// Returns whether sharing is enabled on this server.
pub async fn are_allowed(settings: &dyn Settings) -> Result<bool> {
    Ok(settings.all().await?.get(names::SHARING).is_some_and(|value| value == "on"))
}

/// Creates a link to a conversation in its current state. Later exchanges are not shown.
pub async fn create(
    shares: &dyn Shares,
    chats: &dyn Chats,
    conversation: Conversation,
    days: u32,
    by: &By,
) -> Result<(Secret, Share)> {
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Error::invalid("days", format!("must be from 1 to {MAX_DAYS}")));
    }
    if shares.of(conversation.user, None).await?.len() >= MAX_SHARES {
        let reason = format!("There are {MAX_SHARES} shared links already. Revoke some first.");
        return Err(Error::exhausted(reason));
    }
    let last_chat = chats.history(&conversation, 1).await?.pop();
    let last_chat =
        last_chat.ok_or_else(|| Error::unprocessable("There is nothing to share yet."))?;
    let secret = Secret::random();
    let details = json!({ "workspaceId": conversation.workspace.0, "days": days }).to_string();
    let share = NewShare {
        conversation,
        digest: secret.digest(),
        last: last_chat.id,
        created_at: by.at,
        expires_at: by.at + TimeDelta::days(i64::from(days)),
    };
    let share = shares.create(share, by.event("conversation_shared", details)).await?;
    Ok((secret, share))
}

/// Returns the conversation of a valid link.
pub async fn open(
    shares: &dyn Shares,
    chats: &dyn Chats,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<Option<(Share, Vec<Chat>)>> {
    let Some(share) = shares.by_digest(token::digest(secret), now).await? else { return Ok(None) };
    let mut exchanges = chats.history(&share.conversation, MAX_EXCHANGES).await?;
    exchanges.retain(|chat| chat.id <= share.last);
    Ok(Some((share, exchanges)))
}

/// Deletes a link; with `user`, only one of that user. [`Error::NotFound`] if it does not exist.
pub async fn revoke(shares: &dyn Shares, id: i64, user: Option<UserId>, by: &By) -> Result<()> {
    let event = by.event("share_revoked", json!({ "shareId": id }).to_string());
    match shares.revoke(id, user, event).await? {
        true => Ok(()),
        false => Err(Error::not_found("shared link", id)),
    }
}
