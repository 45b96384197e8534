//! Settings that a single request overrides.
use carrel_domain::filter::DocumentFilter;
use carrel_domain::model::{Message, Sampling};

/// Each field takes precedence over the workspace's settings; absent fields leave those in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestOverrides {
    /// The system prompt, verbatim: variables in it are not expanded.
    pub instructions: Option<String>,
    /// The conversation so far, oldest first. The stored conversation is then ignored.
    pub history: Option<Vec<Message>>,
    /// Sampling temperature, >= 0.
    pub temperature: Option<f64>,
    /// The most tokens of the answer, >= 1.
    pub longest_answer: Option<u32>,
    /// Another model of the workspace's provider.
    pub model: Option<String>,
    /// How many passages the answer is built on, >= 1.
    pub passages: Option<usize>,
    /// Which documents of the workspace the answer is built on. Documents attached to the question
    /// are added to them.
    pub filter: DocumentFilter,
    /// How the model chooses words.
    pub sampling: Sampling,
    /// http and https URLs of images that belong to the question. They are not stored.
    pub image_urls: Vec<String>,
}
