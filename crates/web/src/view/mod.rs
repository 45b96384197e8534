//! What pages are made of: texts as HTML, and where that work is done. Knows no route.
pub mod evidence;
mod growth;
pub mod markdown;
pub mod provenance;
mod rendering;
pub mod snippet;

pub use growth::{Growth, Part};
pub use rendering::Renderer;
