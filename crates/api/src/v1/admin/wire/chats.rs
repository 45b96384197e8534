//! The log of exchanges on the native wire, and what of it is exported.
use carrel_domain::chat_log::{ChatFilter, LoggedChat};
use carrel_domain::{ChatId, Error, Result, ThreadId, UserId};
use carrel_services::bulk_delete::BulkDeleteResult;
use carrel_services::record;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::admin::wire::invites::parse_time;
use crate::wire::time;

/// Which exchanges are listed; every part is optional.
#[derive(Deserialize, ToSchema)]
pub struct ChatQuery {
    /// The number of the page, from 0; 20 exchanges a page.
    #[serde(default)]
    #[schema(example = 0)]
    offset: u32,
    /// The slug of a workspace.
    pub workspace: Option<String>,
    #[serde(alias = "userId")]
    user_id: Option<i32>,
    #[serde(alias = "threadId")]
    thread_id: Option<i32>,
    #[serde(alias = "apiSessionId", alias = "session")]
    api_session_id: Option<String>,
    /// Not before this time (RFC 3339, or a date).
    from: Option<String>,
    /// Before this time.
    to: Option<String>,
    /// Older than the exchange with this id: how to go on where `has_more` says so.
    before: Option<i64>,
}

/// How many exchanges make a page.
pub const PAGE: u32 = 20;

impl ChatQuery {
    /// How many exchanges come before the page.
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
    /// Whether more follow.
    pub has_pages: bool,
    /// `true` where the exchanges of the page exceed 16 MiB, so that some are left out: they follow
    /// with `before`, the id of the last that is here. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub has_more: bool,
}

/// An exchange of question and answer.
#[derive(Serialize, ToSchema)]
pub struct ChatRow {
    id: i64,
    workspace_id: i32,
    prompt: String,
    /// The answer's text.
    response: String,
    /// Whether later answers may see it.
    include: bool,
    user_id: Option<i32>,
    thread_id: Option<i32>,
    api_session_id: Option<String>,
    created_at: String,
    /// Thumbs up or down.
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

/// What is exported, and how.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `jsonl`, `json`, `csv` or `jsonAlpaca`.
    pub r#type: Option<String>,
    /// The slug of a workspace.
    pub workspace: Option<String>,
    /// Not before this time (RFC 3339, or a date).
    from: Option<String>,
    /// Before this time.
    to: Option<String>,
    /// `up` or `down`.
    rating: Option<String>,
    /// `thread`: a conversation is a line of `jsonl`; `workspace`: all of a workspace is.
    group_by: Option<String>,
    /// Whether names, addresses, numbers and keys of people are taken out.
    #[serde(default)]
    pub redact: bool,
    /// Whether cells of `csv` that a spreadsheet would run as formulas are defused.
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

/// Which exchanges are deleted. Whatever else is asked for is refused, so that a slip of the pen
/// does not delete more than was meant.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClearQuery {
    /// The slug of a workspace.
    pub workspace: Option<String>,
    #[serde(alias = "userId", alias = "user")]
    user_id: Option<i32>,
    #[serde(alias = "threadId", alias = "thread")]
    thread_id: Option<i32>,
    #[serde(alias = "apiSessionId", alias = "session")]
    api_session_id: Option<String>,
    /// Not before this time (RFC 3339, or a date).
    from: Option<String>,
    /// Before this time.
    to: Option<String>,
    /// `up` or `down`.
    rating: Option<String>,
    /// Whether every exchange is meant, in place of the other parts.
    #[serde(default)]
    all: bool,
}

impl ClearQuery {
    /// What restricts the exchanges, besides the workspace.
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
            (false, false) => Err(Error::invalid("query", "must say which exchanges, or all=true")),
            (true, true) => Err(Error::invalid("all", "cannot be true beside a filter")),
            _ => Ok(filter),
        }
    }
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
pub struct ChatsCleared {
    /// How many exchanges.
    deleted: u64,
    /// Whether there may be more: 100,000 are deleted at a time.
    has_more: bool,
    error: Option<String>,
}

impl From<BulkDeleteResult> for ChatsCleared {
    fn from(BulkDeleteResult { deleted, has_more }: BulkDeleteResult) -> Self {
        Self { deleted, has_more, error: None }
    }
}

/// A bound of time, if there is one.
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
