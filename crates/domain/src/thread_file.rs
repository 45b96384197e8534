//! Files that stay with a thread until they are taken out of it.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{Result, ThreadFileId, ThreadId};

/// A file that stays with a thread, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadFile {
    /// Its number, which is not used again.
    pub id: ThreadFileId,
    /// The name of the file, or of the sheet or mail in it.
    pub name: String,
    /// How many tokens its text has.
    pub tokens: i32,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A file that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewThreadFile {
    /// The thread that it stays with.
    pub thread: ThreadId,
    /// The name of the file, or of the sheet or mail in it.
    pub name: String,
    /// What was read of the file.
    pub text: String,
    /// How many tokens its text has.
    pub tokens: i32,
    /// When it is added.
    pub created_at: DateTime<Utc>,
}

/// Where the files of threads are kept, as texts. Each method is one transaction, which also writes the
/// event.
#[async_trait]
pub trait ThreadFiles: Send + Sync {
    /// The files of a thread, in the order in which they came.
    async fn of(&self, thread: ThreadId) -> Result<Vec<ThreadFile>>;
    /// As [`ThreadFiles::of`], each with its text.
    async fn texts(&self, thread: ThreadId) -> Result<Vec<(ThreadFile, String)>>;
    /// [`crate::Error::NotFound`] when there is no such thread, [`crate::Error::Exhausted`] when it has
    /// `most` files.
    async fn add(&self, new: NewThreadFile, most: usize, event: Event) -> Result<ThreadFile>;
    /// Says whether the thread had such a file.
    async fn remove(&self, thread: ThreadId, id: ThreadFileId, event: Event) -> Result<bool>;
}
