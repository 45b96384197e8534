//! Thread files, whose text is sent with every question of a thread.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{Result, ThreadFileId, ThreadId};

/// A thread file, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadFile {
    /// The id. Ids are not reused.
    pub id: ThreadFileId,
    /// The name of the file, or of the sheet or mail in it.
    pub name: String,
    /// The number of tokens of the text.
    pub tokens: i32,
    /// The time it was added.
    pub created_at: DateTime<Utc>,
}

/// A thread file to be stored.
#[derive(Clone, Debug)]
pub struct NewThreadFile {
    /// The thread.
    pub thread: ThreadId,
    /// The name of the file, or of the sheet or mail in it.
    pub name: String,
    /// The extracted text.
    pub text: String,
    /// The number of tokens of the text.
    pub tokens: i32,
    /// The time it is added.
    pub created_at: DateTime<Utc>,
}

/// Stores thread files as text. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait ThreadFiles: Send + Sync {
    /// Returns the files of a thread in the order they were added.
    async fn of(&self, thread: ThreadId) -> Result<Vec<ThreadFile>>;
    /// Returns the files of a thread with their texts, in the same order.
    async fn texts(&self, thread: ThreadId) -> Result<Vec<(ThreadFile, String)>>;
    /// Adds a file. [`crate::Error::NotFound`] if the thread does not exist,
    /// [`crate::Error::Exhausted`] if it already has `most` files.
    async fn add(&self, new: NewThreadFile, most: usize, event: Event) -> Result<ThreadFile>;
    /// Removes a file. Returns `false` if the thread has no such file.
    async fn remove(&self, thread: ThreadId, id: ThreadFileId, event: Event) -> Result<bool>;
}
