//! What a client may bring along with a question.
use carrel_domain::filter::Filter;
use carrel_domain::model::Message;

/// Each part takes the place of what is configured or kept here; absent parts leave it in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// The system prompt, as it stands: variables in it are not replaced.
    pub instructions: Option<String>,
    /// What was said before, oldest first. What is kept of the conversation is not looked at.
    pub history: Option<Vec<Message>>,
    /// Sampling temperature, >= 0.
    pub temperature: Option<f64>,
    /// The most tokens of the answer, >= 1.
    pub longest_answer: Option<u32>,
    /// Another model of the workspace's provider.
    pub model: Option<String>,
    /// How many passages the answer is built on, >= 1.
    pub passages: Option<usize>,
    /// Which documents of the workspace the answer is built on. Those that are attached to the
    /// question are shown besides.
    pub filter: Filter,
}
