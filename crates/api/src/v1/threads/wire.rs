//! JSON of threads.
use std::collections::BTreeSet;

use carrel_domain::document_list::LONGEST_TITLE_QUERY;
use carrel_domain::thread::Thread;
use carrel_domain::{Error, Result, ThreadId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::wire::{sent, time};

/// Longest name and longest slug of a thread, in bytes.
const MAX_NAME_CHARS: usize = 1000;

/// Most threads that one request deletes, in one transaction.
const MAX_DELETED: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewThreadBody {
    /// `Thread` if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub name: Option<Value>,
    /// The slug is made of these words, joined by dashes; random if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub slug: Option<Value>,
    /// Owner of the thread. Multi-user mode only.
    #[serde(default, alias = "user_id")]
    #[schema(value_type = Option<i32>)]
    pub user_id: Option<Value>,
}

impl NewThreadBody {
    pub fn name(&self) -> Result<Option<String>> {
        text(self.name.as_ref(), "name")
    }

    pub fn slug(&self) -> Result<Option<String>> {
        text(self.slug.as_ref(), "slug")
    }

    pub fn user(&self) -> Result<Option<UserId>> {
        user(self.user_id.as_ref())
    }
}

fn text(value: Option<&Value>, field: &'static str) -> Result<Option<String>> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(_) => return Err(Error::invalid(field, "must be text or null")),
    };
    if text.len() > MAX_NAME_CHARS {
        return Err(Error::invalid(field, "must not be longer than 1000 bytes"));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Returns the user in a body.
pub fn user(value: Option<&Value>) -> Result<Option<UserId>> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_i64().and_then(|number| i32::try_from(number).ok()),
    };
    let invalid = || Error::invalid("userId", "must be the id of a user or null");
    number.map(|id| Some(UserId(id))).ok_or_else(invalid)
}

#[derive(Deserialize, ToSchema)]
pub struct BranchBody {
    /// `Branch of` and the beginning of the first question if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Option<Value>,
    /// The slug is made of these words, joined by dashes; random if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    slug: Option<Value>,
}

impl BranchBody {
    pub fn name(&self) -> Result<Option<String>> {
        text(self.name.as_ref(), "name")
    }

    pub fn slug(&self) -> Result<Option<String>> {
        text(self.slug.as_ref(), "slug")
    }
}

#[derive(Deserialize, ToSchema)]
pub struct ThreadSlugs {
    /// Threads to delete, 1 to 100.
    #[schema(value_type = Vec<String>)]
    slugs: Option<Value>,
}

impl ThreadSlugs {
    /// Returns the slugs, each once.
    pub fn into_slugs(self) -> Result<BTreeSet<String>> {
        let invalid = || Error::invalid("slugs", "must be an array of 1 to 100 slugs of threads");
        let Some(Value::Array(slugs)) = self.slugs else { return Err(invalid()) };
        if !(1..=MAX_DELETED).contains(&slugs.len()) {
            return Err(invalid());
        }
        slugs.iter().map(|slug| slug.as_str().map(str::to_owned).ok_or_else(invalid)).collect()
    }
}

#[derive(Deserialize, ToSchema)]
pub struct ThreadFields {
    /// At most 1000 bytes. Does not change if absent.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    name: Option<Value>,
    /// True to archive the thread, false to take it out of the archive. Does not change if absent.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    archived: Option<Value>,
}

impl ThreadFields {
    /// Returns whether to archive the thread, if that was sent.
    pub fn archived(&self) -> Result<Option<bool>> {
        match &self.archived {
            None => Ok(None),
            Some(Value::Bool(archived)) => Ok(Some(*archived)),
            Some(_) => Err(Error::invalid("archived", "must be true or false")),
        }
    }

    /// Returns the name, if one was sent.
    pub fn name(self) -> Result<Option<String>> {
        match self.name {
            None => Ok(None),
            Some(Value::String(name)) if name.len() <= MAX_NAME_CHARS => Ok(Some(name)),
            Some(_) => Err(Error::invalid("name", "must be text of at most 1000 bytes")),
        }
    }
}

/// A thread.
#[derive(Serialize, ToSchema)]
pub struct ThreadRow {
    id: i32,
    name: String,
    slug: String,
    workspace_id: i32,
    user_id: Option<i32>,
    #[serde(rename = "createdAt")]
    created_at: String,
    #[serde(rename = "lastUpdatedAt")]
    last_updated_at: String,
    /// Absent for threads that are not archived.
    #[serde(rename = "archivedAt", skip_serializing_if = "Option::is_none")]
    archived_at: Option<String>,
}

impl From<Thread> for ThreadRow {
    fn from(thread: Thread) -> Self {
        let Thread { id, slug, name, workspace, user, created_at, updated_at, archived_at } =
            thread;
        Self {
            id: id.0,
            name,
            slug: slug.to_string(),
            workspace_id: workspace.0,
            user_id: user.map(|user| user.0),
            created_at: time(created_at),
            last_updated_at: time(updated_at),
            archived_at: archived_at.map(time),
        }
    }
}

/// A thread after it was created or changed.
#[derive(Serialize, ToSchema)]
pub struct ThreadChanged {
    thread: ThreadRow,
    message: Option<String>,
}

impl From<Thread> for ThreadChanged {
    fn from(thread: Thread) -> Self {
        Self { thread: thread.into(), message: None }
    }
}

/// Confirms that threads were deleted.
#[derive(Serialize, ToSchema)]
pub struct ThreadDeleted {
    pub success: bool,
    pub error: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ThreadQuery {
    /// Return only threads with larger ids.
    after: Option<i32>,
    /// Number of threads, 1 to 500; 100 if absent.
    limit: Option<u32>,
    /// Return only threads whose name contains this text, ignoring case. At most 200 characters;
    /// only the first 200 characters of each name are searched.
    search: Option<String>,
}

impl ThreadQuery {
    /// Returns the text to search for; empty matches every name.
    pub fn search(&self) -> Result<&str> {
        match self.search.as_deref().unwrap_or_default() {
            search if search.chars().nth(LONGEST_TITLE_QUERY).is_none() => Ok(search),
            _ => Err(Error::invalid("search", "must not be longer than 200 characters")),
        }
    }

    pub fn after(&self) -> Option<ThreadId> {
        self.after.map(ThreadId)
    }

    pub fn limit(&self) -> Result<u32> {
        match self.limit.unwrap_or(100) {
            limit @ 1..=500 => Ok(limit),
            _ => Err(Error::invalid("limit", "must be a whole number from 1 to 500")),
        }
    }
}

/// Threads of a workspace, sorted by id.
#[derive(Serialize, ToSchema)]
pub struct ThreadPage {
    pub threads: Vec<ThreadRow>,
    /// True if more threads follow.
    pub has_more: bool,
}
