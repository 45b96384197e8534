//! JSON of the usage report.
use carrel_domain::usage::{UsageBy, UsageOf, UsageQuery, Used};
use carrel_domain::{Error, Result};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::admin::wire::chats::moment;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageParams {
    /// `user`, `workspace` or `day`; `user` if absent.
    by: Option<String>,
    /// Earliest time, inclusive (RFC 3339, or a date).
    from: Option<String>,
    /// Latest time, exclusive.
    to: Option<String>,
    /// Number of rows to skip.
    #[serde(default)]
    offset: u32,
    /// Number of rows, 1 to 500; 100 if absent.
    limit: Option<u32>,
}

impl UsageParams {
    pub fn read(&self) -> Result<UsageQuery> {
        Ok(UsageQuery {
            by: match self.by.as_deref() {
                None | Some("user") => UsageBy::User,
                Some("workspace") => UsageBy::Workspace,
                Some("day") => UsageBy::Day,
                Some(_) => return Err(Error::invalid("by", "must be user, workspace or day")),
            },
            from: moment(self.from.as_deref(), "from")?,
            to: moment(self.to.as_deref(), "to")?,
            offset: self.offset.into(),
            limit: match self.limit.unwrap_or(100) {
                limit @ 1..=500 => limit,
                _ => return Err(Error::invalid("limit", "must be a whole number from 1 to 500")),
            },
        })
    }
}

/// Tokens used by answers.
#[derive(Serialize, ToSchema)]
pub struct UsagePage {
    pub usage: Vec<UsageRow>,
    /// True if more rows follow.
    pub has_more: bool,
}

/// Tokens used by the answers to one user, in one workspace or on one day.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageRow {
    #[serde(flatten)]
    of: Whose,
    exchanges: u64,
    /// Exchanges without usage data; the tokens are those of the other exchanges. The model
    /// reported none, the answer broke off, or an earlier version stored the exchange.
    unknown_exchanges: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Whose {
    /// Null for API keys without a user and for visitors of chat widgets.
    User { user_id: Option<i32>, username: Option<String> },
    /// Null if the workspace was deleted.
    Workspace { workspace_id: i32, name: Option<String>, slug: Option<String> },
    Day {
        #[schema(example = "2026-02-03")]
        day: String,
    },
}

impl From<UsageOf> for Whose {
    fn from(of: UsageOf) -> Self {
        match of {
            UsageOf::User(user) => {
                let (user_id, username) = user.map(|(id, name)| (id.0, name)).unzip();
                Self::User { user_id, username }
            }
            UsageOf::Workspace(id, names) => {
                let (name, slug) = names.unzip();
                Self::Workspace { workspace_id: id.0, name, slug }
            }
            UsageOf::Day(day) => Self::Day { day: day.to_string() },
        }
    }
}

impl From<Used> for UsageRow {
    fn from(used: Used) -> Self {
        let Used { of, exchanges, unknown, prompt_tokens, completion_tokens } = used;
        Self {
            of: of.into(),
            exchanges,
            unknown_exchanges: unknown,
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
        }
    }
}
