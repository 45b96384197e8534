//! Health of the server's dependencies, and their load.
use async_trait::async_trait;

use crate::Result;

/// Connections to the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Connections that exist.
    pub open: u32,
    /// The idle ones.
    pub idle: u32,
    /// The most there may be.
    pub most: u32,
}

/// Whether the database works.
#[async_trait]
pub trait Health: Send + Sync {
    /// Succeeds when the database answers.
    async fn ping(&self) -> Result<()>;
    /// How many connections there are at the moment.
    fn connections(&self) -> Connections;
}
