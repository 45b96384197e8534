//! The presentation of pages: layout, messages, Markdown as HTML, and translated texts. Nothing
//! here knows a route.
pub mod brand;
pub mod days;
pub mod filters;
mod incremental;
pub mod language;
pub mod layout;
pub mod markdown;
pub mod message;
pub mod model_row;
pub mod pagination;
pub mod passage;
pub mod provenance;
mod renderer;
pub mod snippet;
pub mod sources;
pub mod texts;

pub use incremental::{IncrementalAnswer, IncrementalMarkdown};
pub use renderer::Renderer;
