//! Users, invites, members, the chat log and settings in the compatible API.
pub mod chats;
pub mod invites;
pub mod members;
pub mod settings;
pub mod users;
pub mod wire;
