//! Values an operator can change while the server runs.
use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::Result;
use crate::audit::Event;

/// The names under which settings are stored.
pub mod names {
    /// `true` once the first admin exists.
    pub const MULTI_USER_MODE: &str = "multi_user_mode";
    /// Largest chunk, in UTF-16 code units.
    pub const CHUNK_SIZE: &str = "text_splitter_chunk_size";
    /// How much one chunk repeats of the one before, in UTF-16 code units.
    pub const CHUNK_OVERLAP: &str = "text_splitter_chunk_overlap";
    /// The prompt of workspaces that have none of their own.
    pub const SYSTEM_PROMPT: &str = "default_system_prompt";
    /// The name of the picture that is the server's logo.
    pub const LOGO: &str = "logo_filename";
    /// `on` where people may share their conversations by links.
    pub const SHARING: &str = "share_conversations";
    /// `on` where the files that documents are made of are kept, `off` where they are not. Where nobody has
    /// said so it depends on the room there is.
    pub const KEEP_ORIGINALS: &str = "keep_originals";
}

/// Stores settings. Each method is one transaction.
#[async_trait]
pub trait Settings: Send + Sync {
    /// Every stored setting by its name, as text. Sealed values stay sealed.
    async fn all(&self) -> Result<BTreeMap<String, String>>;
    /// Sets every value, or none; `None` removes one.
    async fn set(&self, values: BTreeMap<String, Option<String>>, event: Event) -> Result<()>;
}
