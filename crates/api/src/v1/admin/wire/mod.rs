//! People, invites, memberships, keys and events on the native wire.
pub mod chats;
pub mod events;
pub mod invites;
pub mod keys;
pub mod members;
pub mod models;
pub mod settings;
pub mod usage;
pub mod users;

use serde::Serialize;
use utoipa::ToSchema;

/// That something was done.
#[derive(Serialize, ToSchema)]
pub struct Done {
    pub success: bool,
    pub error: Option<String>,
}

impl Done {
    pub fn well() -> Self {
        Self { success: true, error: None }
    }
}
