//! `/v1/admin/*`: people, invites, memberships, keys, and the logs of exchanges and events.
pub mod chats;
pub mod events;
pub mod invites;
pub mod keys;
pub mod members;
pub mod usage;
pub mod users;
pub mod wire;
