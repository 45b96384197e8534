//! HTTP building blocks that `api` and `web` share. Depends on actix, and knows no routes.
//!
//! Only this crate reads request bodies, so that each is bounded in bytes, fields and time
//! ([`body`], [`form`], [`json`]). It also has the parts of responses that both crates need:
//! [`sse`], [`status`], [`request_log`].
pub mod body;
pub mod client_address;
pub mod csrf;
pub mod form;
pub mod json;
pub mod multipart;
pub mod original;
pub mod request_log;
pub mod sound;
pub mod sse;
pub mod status;

/// Largest body of a route without authorization, in bytes.
pub const PUBLIC_BODY: usize = 64 << 10;
