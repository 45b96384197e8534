//! `POST /workspace/{slug}/vector-search`
pub mod wire;
