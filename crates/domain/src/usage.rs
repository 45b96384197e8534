//! Tokens used by answers, by user, workspace or day.
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::{Result, UserId, WorkspaceId};

/// What is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// A row for each user.
    User,
    /// A row for each workspace.
    Workspace,
    /// In UTC.
    Day,
}

/// Which exchanges are added up, and how much of the result is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageQuery {
    /// What a row stands for.
    pub by: UsageBy,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// How many sums are passed over.
    pub offset: u64,
    /// The most rows to return.
    pub limit: u32,
}

/// Whose sum it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageOf {
    /// Nobody where programs asked on their own account, or visitors of an embed.
    User(Option<(UserId, String)>),
    /// Name and slug are absent when the workspace has gone.
    Workspace(WorkspaceId, Option<(String, String)>),
    /// A day, in UTC.
    Day(NaiveDate),
}

/// A sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// What the row stands for.
    pub of: UsageOf,
    /// How many exchanges there were.
    pub exchanges: u64,
    /// Those of which nobody knows what they cost: the model did not say, the answer broke off before
    /// it could, or an earlier version has kept them. They are not in the sums of tokens.
    pub unknown: u64,
    /// Tokens of their prompts, as far as models told.
    pub prompt_tokens: u64,
    /// Tokens of their answers, as far as models told.
    pub completion_tokens: u64,
}

/// Where it is known what answers have cost. Exchanges that were deleted are not in it any more.
#[async_trait]
pub trait Usages: Send + Sync {
    /// By user and by workspace: those with the most tokens first. By day: the latest first, without
    /// days on which nothing was asked. The exchanges of embeds are those of their workspaces.
    async fn sums(&self, query: &UsageQuery) -> Result<Vec<Used>>;
}
