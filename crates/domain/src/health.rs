//! The health and load of the server's dependencies.
use async_trait::async_trait;

use crate::Result;

/// Counts of database connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Open connections.
    pub open: u32,
    /// Idle connections.
    pub idle: u32,
    /// The maximum number of connections.
    pub most: u32,
}

/// Reports the health of the database.
#[async_trait]
pub trait Health: Send + Sync {
    /// Checks that the database responds.
    async fn ping(&self) -> Result<()>;
    /// Returns the current connection counts.
    fn connections(&self) -> Connections;
}
