//! `/v1/admin/*`: users, invites, members, API keys, the chat log and the audit log.
pub mod chats;
pub mod events;
pub mod extension_keys;
pub mod invites;
pub mod keys;
pub mod members;
pub mod usage;
pub mod users;
pub mod wire;
