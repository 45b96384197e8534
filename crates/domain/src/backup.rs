//! Copies of everything that is kept, and whether what is kept agrees with itself.
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::document::Document;
use crate::original::{Original, OriginalName};
use crate::{DocumentPath, Result};

/// Reads a database from one end to the other.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// Documents in the order of their paths: `limit` of them above `after`, or from the first.
    async fn documents(&self, after: Option<&DocumentPath>, limit: u32) -> Result<Vec<Document>>;
    /// Originals in the order of their names: `limit` of them above `after`, or from the first.
    async fn originals(&self, after: Option<OriginalName>, limit: u32) -> Result<Vec<Original>>;
    /// Faults inside the database, one sentence each, at most a hundred of them: damage to its
    /// file, rows that refer to nothing, counts that do not agree.
    async fn faults(&self) -> Result<Vec<String>>;
}

/// Makes copies of the database.
#[async_trait]
pub trait Copies: Inventory {
    /// Copies the database, as it is at one moment, to a new file at `to`, while others go on
    /// writing; the copy can be read until the answer is dropped. `None` when the database is on a
    /// server, which has means of its own for that.
    async fn copy_to(&self, to: &Path) -> Result<Option<Arc<dyn Inventory>>>;
}
