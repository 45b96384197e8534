//! JSON of the chat log, and the parameters of exports and deletions.
use carrel_domain::chat_log::{ChatFilter, LoggedChat};
use carrel_domain::{ChatId, Error, Result, ThreadId, UserId};
use carrel_services::bulk_delete::BulkDeleteResult;
use carrel_services::record;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::admin::wire::invites::parse_time;
use crate::wire::time;

/// Filters of the chat log; all are optional.
#[derive(Deserialize, ToSchema)]
pub struct ChatQuery {
    /// Page number, from 0. A page has 20 exchanges.
    #[serde(default)]
    #[schema(example = 0)]
    offset: u32,
    /// Slug of a workspace.
    pub workspace: Option<String>,
    #[serde(alias = "userId")]
    user_id: Option<i32>,
    #[serde(alias = "threadId")]
    thread_id: Option<i32>,
    #[serde(alias = "apiSessionId", alias = "session")]
    api_session_id: Option<String>,
    /// Earliest time, inclusive (RFC 3339, or a date).
    from: Option<String>,
    /// Latest time, exclusive.
    to: Option<String>,
    /// Return only exchanges older than the one with this id. Use it to continue when `has_more` is
    /// true.
    before: Option<i64>,
}

/// Exchanges per page.
pub const PAGE: u32 = 20;

impl ChatQuery {
    /// Returns how many exchanges precede the page.
    pub fn offset(&self) -> u64 {
        u64::from(self.offset) * u64::from(PAGE)
    }

    pub fn filter(&self) -> Result<ChatFilter> {
        Ok(ChatFilter {
            workspace: None,
            user: self.user_id.map(UserId),
            thread: self.thread_id.map(ThreadId),
            session: self.api_session_id.clone(),
            from: moment(self.from.as_deref(), "from")?,
            to: moment(self.to.as_deref(), "to")?,
            feedback: None,
            before: self.before.map(ChatId),
        })
    }
}

#[derive(Serialize, ToSchema)]
pub struct ChatPage {
    pub chats: Vec<ChatRow>,
    /// True if more pages follow.
    pub has_pages: bool,
    /// True if the page exceeded 16 MiB and was cut off. Request the rest with `before` set to the
    /// last id of this page. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub has_more: bool,
}

/// A question and its answer.
#[derive(Serialize, ToSchema)]
pub struct ChatRow {
    id: i64,
    workspace_id: i32,
    prompt: String,
    /// Text of the answer.
    response: String,
    /// True if later questions see this exchange.
    include: bool,
    user_id: Option<i32>,
    thread_id: Option<i32>,
    api_session_id: Option<String>,
    created_at: String,
    /// True for thumbs up, false for thumbs down, null for no rating.
    feedback_score: Option<bool>,
}

impl From<LoggedChat> for ChatRow {
    fn from(logged: LoggedChat) -> Self {
        let chat = logged.chat;
        Self {
            id: chat.id.0,
            workspace_id: chat.conversation.workspace.0,
            prompt: chat.prompt,
            response: record::text_of(&chat.response).unwrap_or(chat.response),
            include: chat.include,
            user_id: chat.conversation.user.map(|user| user.0),
            thread_id: chat.conversation.thread.map(|thread| thread.0),
            api_session_id: chat.conversation.session,
            created_at: time(chat.created_at),
            feedback_score: chat.feedback,
        }
    }
}

/// The exchanges to export, and the format.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `jsonl`, `json`, `csv` or `jsonAlpaca`.
    pub r#type: Option<String>,
    /// Slug of a workspace.
    pub workspace: Option<String>,
    /// Earliest time, inclusive (RFC 3339, or a date).
    from: Option<String>,
    /// Latest time, exclusive.
    to: Option<String>,
    /// `up` or `down`.
    rating: Option<String>,
    /// `thread` writes one line of `jsonl` per conversation, `workspace` one line per workspace.
    group_by: Option<String>,
    /// True to remove people's names, addresses, numbers and keys.
    #[serde(default)]
    pub redact: bool,
    /// True to escape `csv` cells that a spreadsheet would run as formulas.
    #[serde(default)]
    pub csv_safe: bool,
}

impl ExportQuery {
    pub fn filter(&self) -> Result<ChatFilter> {
        Ok(ChatFilter {
            from: moment(self.from.as_deref(), "from")?,
            to: moment(self.to.as_deref(), "to")?,
            feedback: feedback(self.rating.as_deref())?,
            ..ChatFilter::default()
        })
    }

    pub fn by_thread(&self) -> Result<bool> {
        match self.group_by.as_deref() {
            None | Some("thread") => Ok(true),
            Some("workspace") => Ok(false),
            Some(_) => Err(Error::invalid("group_by", "must be thread or workspace")),
        }
    }
}

/// The exchanges to delete. Unknown parameters are refused, so that a typing error does not delete
/// more than intended.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClearQuery {
    /// Slug of a workspace.
    pub workspace: Option<String>,
    #[serde(alias = "userId", alias = "user")]
    user_id: Option<i32>,
    #[serde(alias = "threadId", alias = "thread")]
    thread_id: Option<i32>,
    #[serde(alias = "apiSessionId", alias = "session")]
    api_session_id: Option<String>,
    /// Earliest time, inclusive (RFC 3339, or a date).
    from: Option<String>,
    /// Latest time, exclusive.
    to: Option<String>,
    /// `up` or `down`.
    rating: Option<String>,
    /// True to delete every exchange, instead of other filters.
    #[serde(default)]
    all: bool,
}

impl ClearQuery {
    /// Returns the filter, without the workspace.
    pub fn filter(&self) -> Result<ChatFilter> {
        let filter = ChatFilter {
            before: None,
            workspace: None,
            user: self.user_id.map(UserId),
            thread: self.thread_id.map(ThreadId),
            session: self.api_session_id.clone(),
            from: moment(self.from.as_deref(), "from")?,
            to: moment(self.to.as_deref(), "to")?,
            feedback: feedback(self.rating.as_deref())?,
        };
        let is_restricted = self.workspace.is_some() || filter != ChatFilter::default();
        match (is_restricted, self.all) {
            (false, false) => Err(Error::invalid("query", "must select exchanges, or be all=true")),
            (true, true) => Err(Error::invalid("all", "cannot be true together with a filter")),
            _ => Ok(filter),
        }
    }
}

/// The result of a deletion.
#[derive(Serialize, ToSchema)]
pub struct ChatsCleared {
    /// Number of deleted exchanges.
    deleted: u64,
    /// True if more may match: one request deletes at most 100,000.
    has_more: bool,
    error: Option<String>,
}

impl From<BulkDeleteResult> for ChatsCleared {
    fn from(BulkDeleteResult { deleted, has_more }: BulkDeleteResult) -> Self {
        Self { deleted, has_more, error: None }
    }
}

/// Parses a time limit, if there is one.
pub fn moment(at: Option<&str>, field: &'static str) -> Result<Option<DateTime<Utc>>> {
    at.map(|at| parse_time(at, field)).transpose()
}

fn feedback(rating: Option<&str>) -> Result<Option<bool>> {
    match rating {
        None => Ok(None),
        Some("up") => Ok(Some(true)),
        Some("down") => Ok(Some(false)),
        Some(_) => Err(Error::invalid("rating", "must be up or down")),
    }
}
