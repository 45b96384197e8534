//! People and the programs that act for them: users, sessions, invites, keys, members.
pub(crate) mod api_keys;
pub(crate) mod authority;
pub(crate) mod extension_keys;
pub(crate) mod invites;
pub(crate) mod login_attempts;
pub(crate) mod members;
pub(crate) mod multi_user;
pub(crate) mod owner;
pub(crate) mod quota;
pub(crate) mod recovery_codes;
mod recovery_links;
pub(crate) mod sessions;
pub(crate) mod sign_in_tokens;
pub(crate) mod speech_use;
pub(crate) mod users;
