//! Models: requests, answers, and the port that selects a model.
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::Stream;

use crate::Result;
use crate::image::ImageModel;
use crate::reranker::Reranker;

/// Why a text is embedded. Some models distinguish purposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A passage of a document, to be found later.
    Passage,
    /// A question, to find passages.
    Query,
    /// Unspecified: the text is embedded without a prefix.
    Neither,
}

/// The identity and limits of an embedding model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingModel {
    /// The name in the settings.
    pub name: String,
    /// Equal only if passages would get the same vectors: composed of provider, address, model,
    /// dimensions and passage instruction. At most 200 bytes, without secrets.
    pub identity: String,
    /// The maximum length of a text embedded without truncation, in UTF-16 code units.
    pub longest_text: usize,
}

/// Converts texts to vectors. Texts of similar meaning have nearby vectors.
///
/// ```
/// use async_trait::async_trait;
/// use carrel_domain::Result;
/// use carrel_domain::model::{Embedder, EmbeddingModel, Purpose};
///
/// /// Distinguishes texts by their vowels.
/// struct Vowels;
///
/// #[async_trait]
/// impl Embedder for Vowels {
///     fn model(&self) -> EmbeddingModel {
///         let (name, identity) = ("vowels".to_owned(), "vowels/5".to_owned());
///         EmbeddingModel { name, identity, longest_text: 8_192 }
///     }
///
///     async fn embed(&self, texts: &[String], _: Purpose) -> Result<Vec<Vec<f32>>> {
///         let vector = |text: &String| {
///             let counts = "aeiou".chars().map(|vowel| text.matches(vowel).count() as f32);
///             let counts: Vec<f32> = counts.collect();
///             let length = counts.iter().map(|count| count * count).sum::<f32>().sqrt();
///             counts.iter().map(|count| count / length.max(1.0)).collect()
///         };
///         Ok(texts.iter().map(vector).collect())
///     }
/// }
///
/// assert_eq!(Vowels.model().identity, "vowels/5");
/// ```
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Returns the model and its known limits, without contacting the provider.
    fn model(&self) -> EmbeddingModel;
    /// Returns one unit vector for each text, in order.
    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>>;
}

/// The author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRole {
    /// The user.
    User,
    /// The model.
    Assistant,
}

/// An image in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// An image sent by the client.
    Inline {
        /// The media type, such as `image/png`.
        mime: String,
        /// The content, in base64.
        data: String,
    },
    /// An HTTP or HTTPS URL that the provider fetches. Providers without URL support refuse it.
    Url(String),
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The author.
    pub role: MessageRole,
    /// The text, in Markdown.
    pub text: String,
    /// Images attached by the user.
    pub images: Vec<Image>,
}

impl Message {
    /// Creates a message of the user.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: MessageRole::User, text: text.into(), images: Vec::new() }
    }

    /// Creates a message of the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: MessageRole::Assistant, text: text.into(), images: Vec::new() }
    }
}

/// A passage included in the prompt, with the title of its document.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The title of the document.
    pub title: String,
    /// The text shown to the model.
    pub text: String,
    /// The similarity to the question, 0 to 1. Absent if the passage was not found by similarity.
    pub similarity: Option<f32>,
}

/// The required form of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// The `json_schema` object of OpenAI's `response_format`, as JSON text: `name`, `schema`,
    /// `strict`.
    JsonSchema(String),
}

/// Sampling parameters. Absent fields use the provider's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// Nucleus sampling: above 0, at most 1.
    pub top_p: Option<f64>,
    /// A seed that makes answers repeatable if the provider supports it.
    pub seed: Option<i64>,
    /// Sequences that end the answer.
    pub stop: Vec<String>,
    /// From -2 to 2. Positive values make words that have been used less likely.
    pub presence_penalty: Option<f64>,
    /// From -2 to 2. Positive values make words less likely with each use.
    pub frequency_penalty: Option<f64>,
    /// The required form of the answer.
    pub response_format: Option<ResponseFormat>,
}

/// A request for an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The workspace's instructions, with their variables replaced.
    pub instructions: String,
    /// Passages, most relevant first.
    pub context: Vec<Context>,
    /// Earlier messages, oldest first.
    pub history: Vec<Message>,
    /// The question.
    pub question: String,
    /// Images sent with the question.
    pub images: Vec<Image>,
    /// The sampling temperature. The provider's default if absent.
    pub temperature: Option<f64>,
    /// The maximum length of the answer, in tokens. The provider's default if absent.
    pub longest_answer: Option<u32>,
    /// Other sampling parameters.
    pub sampling: Sampling,
}

impl ChatRequest {
    /// Returns the system prompt: the instructions, followed by the passages between numbered
    /// markers.
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

/// The token usage of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, including history and passages.
    pub prompt_tokens: u64,
    /// Tokens of the answer, including reasoning if the provider counts it.
    pub completion_tokens: u64,
}

/// The reason a model stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinishReason {
    /// The answer is complete.
    #[default]
    Stop,
    /// The token limit was reached.
    Length,
    /// The provider's content filter withheld all or part of the answer.
    ContentFilter,
    /// The model requested a tool. This server offers none.
    ToolCalls,
}

impl FinishReason {
    /// Returns the name used by the OpenAI protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
            Self::ToolCalls => "tool_calls",
        }
    }

    /// Parses a provider's name for the reason. Unknown names mean [`FinishReason::Stop`].
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

/// An increment of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// The next text of the answer.
    Text(String),
    /// Reasoning before the answer. Never repeated in [`Delta::Text`].
    Reasoning(String),
    /// Reclassifies all [`Delta::Text`] so far as reasoning, for models that close a reasoning
    /// block without opening it.
    TextWasReasoning,
    /// The token usage. Sent at most once.
    Usage(Usage),
    /// The end of the answer. Sent at most once, last or before the usage.
    Finish {
        /// The reason.
        reason: FinishReason,
        /// The provider's name for the reason.
        word: String,
    },
}

/// The increments of one answer. Dropping the stream cancels the request.
pub type AnswerStream = Pin<Box<dyn Stream<Item = Result<Delta>> + Send>>;

/// A language model that continues a conversation.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Returns the provider and model, as named in the settings.
    fn name(&self) -> ModelName;
    /// Begins an answer. [`crate::Error::Unavailable`] with the provider's message if the provider
    /// cannot be reached or refuses. A broken stream ends with an error.
    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream>;
}

/// A model and its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    /// The provider's name in the settings: `openai`.
    pub provider: String,
    /// The provider's name for the model: `gpt-4o-mini`.
    pub model: String,
    /// The context window in tokens, prompt and answer together.
    pub window: u64,
}

/// Counts the tokens of texts. Runs in time linear in the text, so use a blocking thread for long
/// texts.
pub trait Tokenizer: Send + Sync {
    /// Returns the number of tokens, or `None` as soon as it exceeds `limit`.
    fn count(&self, text: &str, limit: usize) -> Option<usize>;
    /// Returns the longest prefix of `text` with at most `limit` tokens.
    fn prefix<'a>(&self, text: &'a str, limit: usize) -> &'a str;
    /// Returns the longest suffix of `text` with at most `limit` tokens.
    fn suffix<'a>(&self, text: &'a str, limit: usize) -> &'a str;
}

/// The model chosen by a workspace. Absent fields use the server's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelChoice {
    /// The provider's name in the settings.
    pub provider: Option<String>,
    /// The provider's name for the model.
    pub model: Option<String>,
}

/// A model that a provider offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedModel {
    /// The id in settings and requests.
    pub id: String,
    /// The context window in tokens, if known.
    pub window: Option<u64>,
    /// The price, if known.
    pub price: Option<ModelPrice>,
}

/// The price of a model, in millionths of a US dollar per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelPrice {
    /// The price of input tokens.
    pub input: u64,
    /// The price of output tokens.
    pub output: u64,
}

/// A provider's list of its models.
#[async_trait]
pub trait ModelList: Send + Sync {
    /// Returns an identity, equal for lists with the same provider, address and key.
    fn identity(&self) -> String;
    /// Returns at most 2,000 models by name. [`crate::Error::Unavailable`] if the provider does not
    /// respond or lists none.
    async fn models(&self) -> Result<Vec<OfferedModel>>;
}

/// Selects models according to the current settings.
pub trait Models: Send + Sync {
    /// Returns a chat model. [`crate::Error::Unavailable`] if it is not configured.
    fn chat(&self, choice: &ModelChoice) -> Result<Arc<dyn ChatModel>>;
    /// Returns the embedder. [`crate::Error::Unavailable`] if it is not configured.
    fn embedder(&self) -> Result<Arc<dyn Embedder>>;
    /// Returns the reranker, or `None` if passages are reranked without a model. Fails like
    /// [`Models::chat`].
    fn reranker(&self) -> Result<Option<Arc<dyn Reranker>>>;
    /// Returns the image model, which has no default. Fails like [`Models::chat`].
    fn images(&self) -> Result<Arc<dyn ImageModel>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_enclosed_in_numbered_markers() {
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
