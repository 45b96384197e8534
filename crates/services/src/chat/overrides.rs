//! Settings that a single request overrides.
use carrel_domain::filter::DocumentFilter;
use carrel_domain::model::{Message, Sampling};

/// Overrides for one request. Absent fields leave the workspace's settings in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestOverrides {
    /// The system prompt. Variables in it are not expanded.
    pub instructions: Option<String>,
    /// The conversation so far, oldest first. Replaces the stored conversation.
    pub history: Option<Vec<Message>>,
    /// The sampling temperature, at least 0.
    pub temperature: Option<f64>,
    /// The maximum length of the answer in tokens, at least 1.
    pub longest_answer: Option<u32>,
    /// Another model of the workspace's provider.
    pub model: Option<String>,
    /// The number of passages to retrieve, at least 1.
    pub passages: Option<usize>,
    /// The documents of the workspace to search. Attached documents are used in addition.
    pub filter: DocumentFilter,
    /// Other sampling parameters.
    pub sampling: Sampling,
    /// HTTP and HTTPS URLs of images that belong to the question. They are not stored.
    pub image_urls: Vec<String>,
}
