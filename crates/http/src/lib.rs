//! The HTTP kit that `api` and `web` share. Knows actix, and no route.
//!
//! Request bodies are read here and nowhere else, so that each is bounded in bytes, fields and
//! time ([`body`], [`form`], [`json`]). Response parts that both faces need are here too:
//! [`sse`], [`status`], [`request_log`].
pub mod body;
pub mod client_address;
pub mod csrf;
pub mod form;
pub mod json;
pub mod multipart;
pub mod request_log;
pub mod sse;
pub mod status;

/// The largest body of a route that is open to strangers, in bytes.
pub const PUBLIC_BODY: usize = 64 << 10;
