//! What pages are made of: texts as HTML, and where that work is done. Knows no route.
mod growth;
pub mod markdown;
pub mod provenance;
mod rendering;

pub use growth::{Growth, Part};
pub use rendering::Renderer;
