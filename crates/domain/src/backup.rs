//! Backups of the database, and consistency checks over what it stores.
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::document::Document;
use crate::original::{Original, OriginalName};
use crate::{DocumentPath, Result};

/// Lists the complete contents of a database.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// Returns `limit` documents in path order, starting after `after` or at the first.
    async fn documents(&self, after: Option<&DocumentPath>, limit: u32) -> Result<Vec<Document>>;
    /// Returns `limit` originals in name order, starting after `after` or at the first.
    async fn originals(&self, after: Option<OriginalName>, limit: u32) -> Result<Vec<Original>>;
    /// Returns at most 100 faults in the database, one sentence each: file damage, dangling
    /// references, counts that disagree.
    async fn faults(&self) -> Result<Vec<String>>;
}

/// Makes copies of a database.
#[async_trait]
pub trait Copies: Inventory {
    /// Copies a consistent snapshot of the database to a new file at `to` while writes continue.
    /// The copy is readable until the returned value is dropped. Returns `None` for a database
    /// server, which has its own backup tools.
    async fn copy_to(&self, to: &Path) -> Result<Option<Arc<dyn Inventory>>>;
}
