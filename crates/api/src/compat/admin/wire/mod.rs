//! JSON of the admin operations at `/api/v1`.
pub mod chats;
pub mod invites;
pub mod members;
pub mod settings;
pub mod users;
