//! Models: what they are asked, how they answer, and who chooses among them.
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::Stream;

use crate::Result;
use crate::image::ImageModel;

/// Why text is embedded. Some models want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Passage,
    Query,
    /// Nobody knows: the text is taken as it stands.
    Neither,
}

/// What tells one embedding model's vectors from another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingModel {
    pub name: String,
    /// Differs wherever passages would get other vectors: names the provider and where it is, the
    /// model, its dimensions and what it is told of passages. At most 200 bytes, without secrets.
    pub identity: String,
    /// The longest text it takes in whole, in UTF-16 code units.
    pub longest_text: usize,
}

/// Turns text into vectors that lie near each other when the texts mean the same.
#[async_trait]
pub trait Embedder: Send + Sync {
    fn model(&self) -> EmbeddingModel;
    /// One vector of unit length for each text, in order.
    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRole {
    User,
    Assistant,
}

/// An image for a model to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    Inline {
        /// Such as `image/png`.
        mime: String,
        /// In base64.
        data: String,
    },
    /// An http or https URL, which the provider fetches. Providers that take no URLs refuse it.
    Url(String),
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub role: MessageRole,
    pub text: String,
    /// Images that the user attached.
    pub images: Vec<Image>,
}

impl Message {
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: MessageRole::User, text: text.into(), images: Vec::new() }
    }

    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: MessageRole::Assistant, text: text.into(), images: Vec::new() }
    }
}

/// A passage shown to the model, with the title of its document.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    pub title: String,
    pub text: String,
    /// How similar to the question, 0 to 1; absent for what was included for other reasons.
    pub similarity: Option<f32>,
}

/// The form in which an answer is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseFormat {
    Text,
    /// Any JSON object.
    JsonObject,
    /// The `json_schema` object of OpenAI's `response_format`, as JSON text: `name`, `schema`,
    /// `strict`.
    JsonSchema(String),
}

/// How the model chooses its words. Absent fields mean the provider's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    pub top_p: Option<f64>,
    pub seed: Option<i64>,
    /// Sequences that end the answer.
    pub stop: Vec<String>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub response_format: Option<ResponseFormat>,
}

/// Everything a model is given to answer one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    pub instructions: String,
    /// Most relevant first.
    pub context: Vec<Context>,
    /// Oldest first.
    pub history: Vec<Message>,
    pub question: String,
    /// Shown beside the question.
    pub images: Vec<Image>,
    /// Sampling temperature; the provider's default when absent.
    pub temperature: Option<f64>,
    /// The most tokens of the answer; the provider's default when absent.
    pub longest_answer: Option<u32>,
    pub sampling: Sampling,
}

impl ChatRequest {
    /// The system prompt: the instructions, then each passage between numbered marks.
    pub fn system_prompt(&self) -> String {
        let mut prompt = self.instructions.clone();
        if !self.context.is_empty() {
            prompt.push_str("\nContext:\n");
        }
        for (number, context) in self.context.iter().enumerate() {
            let text = &context.text;
            prompt.push_str(&format!("[CONTEXT {number}]:\n{text}\n[END CONTEXT {number}]\n\n"));
        }
        prompt
    }
}

/// What an answer cost, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinishReason {
    /// The answer is complete.
    #[default]
    Stop,
    /// The limit of tokens cut the answer off.
    Length,
    ContentFilter,
    ToolCalls,
}

impl FinishReason {
    /// The name in OpenAI's protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
        }
    }

    /// Reads the name that a provider uses. Unknown names mean a complete answer.
    pub fn of_provider(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "length"
            | "max_tokens"
            | "max_length"
            | "max_output_tokens"
            | "model_length"
            | "model_context_window_exceeded" => Self::Length,
            "content_filter"
            | "content_filtered"
            | "safety"
            | "refusal"
            | "recitation"
            | "blocklist"
            | "prohibited_content"
            | "spii"
            | "sensitive"
            | "guardrail_intervened" => Self::ContentFilter,
            "tool_calls" | "tool_call" | "tool_use" | "function_call" => Self::ToolCalls,
            _ => Self::Stop,
        }
    }
}

/// A part of an answer as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    Text(String),
    /// What a reasoning model thinks before it answers, never part of [`Delta::Text`].
    Reasoning(String),
    /// All [`Delta::Text`] so far was reasoning, as a model shows that closes its reasoning without
    /// having opened it.
    TextWasReasoning,
    Usage(Usage),
    /// Why the answer ended, with the provider's own word for it. Comes at most once, last or
    /// before the usage.
    Finish {
        reason: FinishReason,
        word: String,
    },
}

/// Parts of one answer. Dropping it cancels the request.
pub type AnswerStream = Pin<Box<dyn Stream<Item = Result<Delta>> + Send>>;

/// A language model that continues a conversation.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// The provider and the model, as an operator would write them in the settings.
    fn name(&self) -> ModelName;
    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    pub provider: String,
    pub model: String,
    /// The most tokens it takes in, prompt and answer together.
    pub window: u64,
}

/// Counts text as language models do. Takes time in proportion to what it counts, so it belongs on
/// a thread that may block when the text is long.
pub trait Tokenizer: Send + Sync {
    /// How many tokens `text` has; `None` when they are more than `limit`, which ends the counting.
    fn count(&self, text: &str, limit: usize) -> Option<usize>;
    /// The longest beginning of `text` of at most `limit` tokens.
    fn beginning<'a>(&self, text: &'a str, limit: usize) -> &'a str;
    /// The longest end of `text` of at most `limit` tokens.
    fn end<'a>(&self, text: &'a str, limit: usize) -> &'a str;
}

/// What a workspace asks for; absent parts fall back to the settings of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelChoice {
    pub provider: Option<String>,
    pub model: Option<String>,
}

/// A model that a provider offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedModel {
    /// As settings and requests name it.
    pub id: String,
    /// The most tokens it takes in, if the provider says so.
    pub window: Option<u64>,
}

/// A provider's list of its models.
#[async_trait]
pub trait ModelList: Send + Sync {
    /// Equal for lists of the same provider at the same address with the same key.
    fn identity(&self) -> String;
    /// The models by name, 2,000 at most. [`crate::Error::Unavailable`] when the provider does not
    /// answer or lists none.
    async fn models(&self) -> Result<Vec<OfferedModel>>;
}

/// Chooses models by the settings as they are now.
pub trait Models: Send + Sync {
    /// [`crate::Error::Unavailable`] when the choice is not configured.
    fn chat(&self, choice: &ModelChoice) -> Result<Arc<dyn ChatModel>>;
    fn embedder(&self) -> Result<Arc<dyn Embedder>>;
    /// As [`Models::chat`]; nothing makes images unless the settings name it.
    fn images(&self) -> Result<Arc<dyn ImageModel>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_stand_between_numbered_marks() {
        let context =
            |text: &str| Context { title: "t".into(), text: text.into(), similarity: None };
        let mut request = ChatRequest {
            instructions: "Be brief.".into(),
            context: vec![context("one"), context("two")],
            history: vec![],
            question: "?".into(),
            ..ChatRequest::default()
        };
        assert_eq!(
            request.system_prompt(),
            "Be brief.\nContext:\n[CONTEXT 0]:\none\n[END CONTEXT 0]\n\n[CONTEXT 1]:\ntwo\n[END CONTEXT 1]\n\n"
        );
        request.context.clear();
        assert_eq!(request.system_prompt(), "Be brief.");
    }
}
