//! Values that an operator can change while the server runs.
use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::Result;
use crate::audit::Event;

/// The names under which settings are stored.
pub mod names {
    /// `true` once the first admin exists.
    pub const MULTI_USER_MODE: &str = "multi_user_mode";
    /// The maximum length of a chunk, in UTF-16 code units.
    pub const CHUNK_SIZE: &str = "text_splitter_chunk_size";
    /// The overlap of consecutive chunks, in UTF-16 code units.
    pub const CHUNK_OVERLAP: &str = "text_splitter_chunk_overlap";
    /// The system prompt of workspaces without their own.
    pub const SYSTEM_PROMPT: &str = "default_system_prompt";
    /// The name of the picture used as the logo.
    pub const LOGO: &str = "logo_filename";
    /// `on` if users may share conversations by links.
    pub const SHARING: &str = "share_conversations";
    /// `on` if originals are stored, `off` if not. If unset, it depends on the free disk space.
    pub const KEEP_ORIGINALS: &str = "keep_originals";
}

/// Stores settings. Each method is one transaction.
#[async_trait]
pub trait Settings: Send + Sync {
    /// Returns every stored setting by name. Sealed values stay sealed.
    async fn all(&self) -> Result<BTreeMap<String, String>>;
    /// Stores all values or none. `None` removes a setting.
    async fn set(&self, values: BTreeMap<String, Option<String>>, event: Event) -> Result<()>;
}
