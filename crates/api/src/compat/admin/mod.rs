//! People, invites, memberships, the log and the settings as existing clients know them.
pub mod chats;
pub mod invites;
pub mod members;
pub mod settings;
pub mod users;
pub mod wire;
