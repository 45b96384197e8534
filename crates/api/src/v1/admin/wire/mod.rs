//! JSON of the admin operations.
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

/// Confirms that a change was made.
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
