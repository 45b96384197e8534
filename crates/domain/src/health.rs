//! Whether what the server depends on answers, and how busy it is.
use async_trait::async_trait;

use crate::Result;

/// Connections to the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub open: u32,
    pub idle: u32,
    pub most: u32,
}

#[async_trait]
pub trait Health: Send + Sync {
    /// Succeeds when the database answers.
    async fn ping(&self) -> Result<()>;
    fn connections(&self) -> Connections;
}
