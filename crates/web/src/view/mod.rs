//! The presentation of pages: layout, messages, Markdown as HTML, and translated texts. Nothing
//! here knows a route.
pub mod brand;
pub mod days;
pub mod evidence;
pub mod filters;
mod growth;
pub mod language;
pub mod layout;
pub mod markdown;
pub mod message;
pub mod model_row;
pub mod pagination;
pub mod provenance;
mod rendering;
pub mod snippet;
pub mod sources;
pub mod texts;

pub use growth::{IncrementalAnswer, IncrementalMarkdown};
pub use rendering::Renderer;
