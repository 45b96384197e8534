//! Tokens used by answers, summed by user, workspace or day.
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::{Result, UserId, WorkspaceId};

/// The grouping of usage sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// One row per user.
    User,
    /// One row per workspace.
    Workspace,
    /// One row per day, in UTC.
    Day,
}

/// A query for usage sums.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageQuery {
    /// The grouping.
    pub by: UsageBy,
    /// Only exchanges at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Only exchanges before this time.
    pub to: Option<DateTime<Utc>>,
    /// The number of rows to skip.
    pub offset: u64,
    /// The maximum number of rows.
    pub limit: u32,
}

/// The group of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageOf {
    /// A user's id and name. Absent for API keys acting on their own and visitors of widgets.
    User(Option<(UserId, String)>),
    /// A workspace with its name and slug, which are absent if it was deleted.
    Workspace(WorkspaceId, Option<(String, String)>),
    /// A day, in UTC.
    Day(NaiveDate),
}

/// The sums of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The group.
    pub of: UsageOf,
    /// The number of exchanges.
    pub exchanges: u64,
    /// The number of exchanges with unknown token counts: the model did not report them, the answer
    /// was aborted, or an earlier version stored it. The token sums exclude them.
    pub unknown: u64,
    /// Prompt tokens, as reported by models.
    pub prompt_tokens: u64,
    /// Completion tokens, as reported by models.
    pub completion_tokens: u64,
}

/// Sums token usage. Deleted exchanges are not included.
#[async_trait]
pub trait Usages: Send + Sync {
    /// Returns usage sums. By user and workspace: highest usage first. By day: latest first,
    /// without days that had no questions. Exchanges of widgets count for their workspaces.
    async fn sums(&self, query: &UsageQuery) -> Result<Vec<Used>>;
}
