//! Models: their requests and answers, and the port that selects one.
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_core::Stream;

use crate::Result;
use crate::image::ImageModel;
use crate::reranker::Reranker;

/// Why text is embedded. Some models want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A part of a document, to be found later.
    Passage,
    /// A question, to find passages with.
    Query,
    /// Nobody knows: the text is taken as it stands.
    Neither,
}

/// What tells one embedding model's vectors from another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingModel {
    /// As the settings name it.
    pub name: String,
    /// Differs wherever passages would get other vectors: names the provider and where it is, the
    /// model, its dimensions and what it is told of passages. At most 200 bytes, without secrets.
    pub identity: String,
    /// The longest text it takes in whole, in UTF-16 code units.
    pub longest_text: usize,
}

/// Turns text into vectors that lie near each other when the texts mean the same.
///
/// ```
/// use async_trait::async_trait;
/// use carrel_domain::Result;
/// use carrel_domain::model::{Embedder, EmbeddingModel, Purpose};
///
/// /// Tells texts apart by their vowels.
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
    /// The model, with what is known of its limits. Does not ask the provider.
    fn model(&self) -> EmbeddingModel;
    /// One vector of unit length for each text, in order.
    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>>;
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRole {
    /// The person who asks.
    User,
    /// The model.
    Assistant,
}

/// An image for a model to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// The file's bytes, as clients sent them.
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
    /// Who wrote it.
    pub role: MessageRole,
    /// What it says, in Markdown.
    pub text: String,
    /// Images that the user attached.
    pub images: Vec<Image>,
}

impl Message {
    /// A message of the person who asks.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: MessageRole::User, text: text.into(), images: Vec::new() }
    }

    /// A message of the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: MessageRole::Assistant, text: text.into(), images: Vec::new() }
    }
}

/// A passage shown to the model, with the title of its document.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The title of the document it is from.
    pub title: String,
    /// The text that the model sees.
    pub text: String,
    /// How similar to the question, 0 to 1; absent for what was included for other reasons.
    pub similarity: Option<f32>,
}

/// The form in which an answer is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseFormat {
    /// Text without a given form.
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
    /// Nucleus sampling, above 0 to 1.
    pub top_p: Option<f64>,
    /// Makes answers repeatable where the provider supports it.
    pub seed: Option<i64>,
    /// Sequences that end the answer.
    pub stop: Vec<String>,
    /// From -2 to 2: above 0, words that were used at all become less likely.
    pub presence_penalty: Option<f64>,
    /// From -2 to 2: above 0, words become less likely each time they are used.
    pub frequency_penalty: Option<f64>,
    /// The form the answer must have.
    pub response_format: Option<ResponseFormat>,
}

/// Everything a model is given to answer one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The workspace's instructions, with their variables replaced.
    pub instructions: String,
    /// Most relevant first.
    pub context: Vec<Context>,
    /// Oldest first.
    pub history: Vec<Message>,
    /// The question.
    pub question: String,
    /// Shown beside the question.
    pub images: Vec<Image>,
    /// Sampling temperature; the provider's default when absent.
    pub temperature: Option<f64>,
    /// The most tokens of the answer; the provider's default when absent.
    pub longest_answer: Option<u32>,
    /// How the model chooses words.
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
    /// Tokens of the prompt, with its history and passages.
    pub prompt_tokens: u64,
    /// Tokens of the answer, with its reasoning where the provider counts that.
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
    /// The provider withheld the answer or a part of it.
    ContentFilter,
    /// The model asked for a tool, of which there is none here.
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
    /// The next part of the answer.
    Text(String),
    /// What a reasoning model thinks before it answers, never part of [`Delta::Text`].
    Reasoning(String),
    /// All [`Delta::Text`] so far was reasoning, as a model shows that closes its reasoning without
    /// having opened it.
    TextWasReasoning,
    /// What the answer cost. Comes at most once.
    Usage(Usage),
    /// Why the answer ended, with the provider's own word for it. Comes at most once, last or
    /// before the usage.
    Finish {
        /// What it means here.
        reason: FinishReason,
        /// What the provider said.
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
    /// Begins an answer. [`crate::Error::Unavailable`] when the provider cannot be reached or
    /// refuses, with its own words; a stream that breaks ends with an error.
    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream>;
}

/// A model and the provider that runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName {
    /// As settings name it: `openai`.
    pub provider: String,
    /// As the provider names it: `gpt-4o-mini`.
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
    fn prefix<'a>(&self, text: &'a str, limit: usize) -> &'a str;
    /// The longest end of `text` of at most `limit` tokens.
    fn suffix<'a>(&self, text: &'a str, limit: usize) -> &'a str;
}

/// What a workspace asks for; absent parts fall back to the settings of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelChoice {
    /// The provider, as settings name it.
    pub provider: Option<String>,
    /// The model, as the provider names it.
    pub model: Option<String>,
}

/// A model that a provider offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedModel {
    /// As settings and requests name it.
    pub id: String,
    /// The most tokens it takes in, if the provider says so.
    pub window: Option<u64>,
    /// What it costs, if the provider says so.
    pub price: Option<ModelPrice>,
}

/// What a model costs, in millionths of a US dollar for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelPrice {
    /// Of what the model reads.
    pub input: u64,
    /// Of what the model writes.
    pub output: u64,
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
    /// The embedder. [`crate::Error::Unavailable`] when it is not configured.
    fn embedder(&self) -> Result<Arc<dyn Embedder>>;
    /// See [`Models::chat`]; `None` where passages are reranked without a model.
    fn reranker(&self) -> Result<Option<Arc<dyn Reranker>>>;
    /// See [`Models::chat`]; nothing makes images unless the settings name it.
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
