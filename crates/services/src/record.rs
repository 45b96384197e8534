//! The stored form of answers and their sources. Existing clients and imported servers use this
//! layout, so stored answers need no conversion.
mod images;

use carrel_domain::ChunkId;
use carrel_domain::chat::Chat;
use carrel_domain::document::{Document, NO_METADATA, Span};
use carrel_domain::library::Passage;
use carrel_domain::model::Image;
use carrel_domain::workspace::ChatMode;
use serde_json::{Map, Value, json};

use self::images::{ATTACHMENTS, CONTENT};
pub use self::images::{has_images, images_of, join_images, put_images, split_images};
use crate::exchange::{self, Attachment, Metrics};
use crate::provenance::ProvenanceFields;
use crate::reasoning;
use crate::search::{ConversationTurn, Hit};

/// The maximum size of the images stored with a question, in bytes as sent by the client. Histories
/// are loaded completely, so they must stay small.
const MAX_IMAGE_BYTES: usize = 4 << 20;

/// A stored answer, and the contents of its images, which are stored separately.
pub struct StoredAnswer {
    /// The stored answer, as JSON text.
    pub record: String,
    /// The images as data URLs, in the order of the stored answer.
    pub images: Vec<String>,
}

/// An answer to be stored.
pub struct Answer<'a> {
    /// The complete answer.
    pub text: &'a str,
    /// The passages used.
    pub sources: &'a [exchange::Source],
    /// The chat mode.
    pub mode: ChatMode,
    /// The metrics. Absent if no model was called.
    pub metrics: Option<&'a Metrics>,
    /// The attachments of the question. Documents are not stored, nor images beyond 4 MiB in total.
    pub attachments: &'a [Attachment],
}

impl Answer<'_> {
    /// Converts the answer to its stored form.
    pub fn stored(&self) -> StoredAnswer {
        let mut remaining = MAX_IMAGE_BYTES;
        let images = self.attachments.iter().filter(|attachment| attachment.is_image());
        let images: Vec<_> = images.filter(|image| take_if_fits(&mut remaining, image)).collect();
        let mut record = json!({
            "text": self.text,
            "sources": self.sources.iter().map(source_json).collect::<Vec<_>>(),
            // Clients know two types; automatic mode is stored as chat mode.
            "type": match self.mode {
                ChatMode::Query => ChatMode::Query.as_str(),
                ChatMode::Chat | ChatMode::Automatic => ChatMode::Chat.as_str(),
            },
            "metrics": self.metrics.map_or_else(|| json!({}), metrics_of),
            "attachments": images.iter().map(|image| image_reference(image)).collect::<Vec<_>>(),
        });
        let documents = self.attachments.iter().filter(|attachment| !attachment.is_image());
        let documents: Vec<_> = documents.map(|document| document.name.as_str()).collect();
        if !documents.is_empty() {
            record[DOCUMENTS] = json!(documents);
        }
        if self.metrics.is_some_and(|metrics| metrics.as_agent) {
            record["thoughts"] = json!([]);
            record["outputs"] = json!([]);
        }
        let images = images.into_iter().map(|image| image.content.clone()).collect();
        StoredAnswer { record: record.to_string(), images }
    }
}

/// Subtracts an image from the remaining room if it fits. Returns whether it does.
fn take_if_fits(remaining: &mut usize, image: &Attachment) -> bool {
    let rest = remaining.checked_sub(image.content.len());
    *remaining = rest.unwrap_or(*remaining);
    rest.is_some()
}

/// Removes the images that [`Answer::stored`] would omit.
pub(crate) fn retain_storable(attachments: &mut Vec<Attachment>) {
    let mut remaining = MAX_IMAGE_BYTES;
    attachments
        .retain(|attachment| !attachment.is_image() || take_if_fits(&mut remaining, attachment));
}

/// The field with the names of attached documents. Existing clients ignore it.
const DOCUMENTS: &str = "attachedDocuments";

/// Returns an image without its content.
fn image_reference(image: &Attachment) -> Value {
    let Attachment { name, mime, content: _ } = image;
    json!({ "name": name, "mime": mime })
}

/// The parts of a stored exchange needed for later questions.
pub struct EarlierExchange {
    /// The question.
    pub prompt: String,
    /// The answer. Can contain reasoning between marks.
    pub answer: String,
    /// The loaded images.
    pub images: Vec<Image>,
    /// The passages of this server among the sources.
    pub passages: Vec<ChunkId>,
}

impl EarlierExchange {
    /// Converts the exchange for a search.
    pub fn to_search_turn(&self) -> ConversationTurn {
        let answer = reasoning::strip(&self.answer).to_owned();
        ConversationTurn { question: self.prompt.clone(), answer }
    }
}

/// Reads a stored exchange. Returns `None` if it is damaged.
pub fn read_exchange(chat: Chat) -> Option<EarlierExchange> {
    let mut record: Value = serde_json::from_str(&chat.response).ok()?;
    put_images(&mut record, chat.images);
    let answer = record.get("text")?.as_str()?.to_owned();
    let list = |name: &str| record.get(name).and_then(Value::as_array).into_iter().flatten();
    let passage = |source: &Value| {
        source.get("score")?.as_f64()?;
        Some(ChunkId(source.get("id")?.as_str()?.parse().ok()?))
    };
    let passages = list("sources").filter_map(passage).collect();
    let images = list(ATTACHMENTS).filter_map(image_attachment).filter(Attachment::is_readable);
    let images = images.map(|image| image.image()).collect();
    Some(EarlierExchange { prompt: chat.prompt, answer, images, passages })
}

/// Returns the text of a stored answer. Returns `None` if it is damaged.
pub fn text_of(response: &str) -> Option<String> {
    let record: Value = serde_json::from_str(response).ok()?;
    Some(record.get("text")?.as_str()?.to_owned())
}

/// A stored answer after reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerRecord {
    /// The answer, with reasoning between marks.
    pub text: String,
    /// The passages used.
    pub sources: Vec<StoredSource>,
    /// The model, if stored.
    pub model: Option<String>,
    /// The duration of the answer in seconds, if stored.
    pub seconds: Option<f64>,
    /// The stored images of the question. Their contents are empty if not loaded.
    pub images: Vec<Attachment>,
    /// The names of the attached documents.
    pub documents: Vec<String>,
}

/// A source of a stored answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredSource {
    /// The chunk. It may no longer exist.
    pub chunk: Option<ChunkId>,
    /// The title of the document.
    pub title: String,
    /// The text of the passage, without its header.
    pub text: String,
    /// The path of the document, if stored.
    pub location: Option<String>,
    /// The similarity, 0 to 1.
    pub similarity: Option<f64>,
    /// The location of the passage in the original.
    pub provenance: ProvenanceFields,
}

/// Reads a stored answer. Returns `None` if it is damaged.
pub fn read(response: &str) -> Option<AnswerRecord> {
    let record: Value = serde_json::from_str(response).ok()?;
    let text = record.get("text")?.as_str()?.to_owned();
    let sources = record["sources"].as_array().into_iter().flatten().map(read_source).collect();
    let model = record["metrics"]["model"].as_str().map(str::to_owned);
    let seconds = record["metrics"]["duration"].as_f64();
    let list = |name: &str| record[name].as_array().into_iter().flatten();
    let images = list(ATTACHMENTS).filter_map(image_attachment).collect();
    let documents = list(DOCUMENTS).filter_map(Value::as_str).map(str::to_owned).collect();
    Some(AnswerRecord { text, sources, model, seconds, images, documents })
}

fn image_attachment(record: &Value) -> Option<Attachment> {
    let text = |name: &str| record[name].as_str().map(str::to_owned);
    let name = text("name").unwrap_or_default();
    let content = text(CONTENT).unwrap_or_default();
    let attachment = Attachment { name, mime: text("mime")?, content };
    attachment.is_image().then_some(attachment)
}

/// Reads a source written by [`source_json`] or by an imported server.
pub fn read_source(source: &Value) -> StoredSource {
    let text = |name: &str| source[name].as_str().map(str::to_owned);
    let passage = text("text").unwrap_or_default();
    let without_header = passage.split_once(HEADER_END).map_or(passage.as_str(), |(_, body)| body);
    StoredSource {
        chunk: text("id").and_then(|id| id.parse().ok()).map(ChunkId),
        title: text("title").unwrap_or_default(),
        text: without_header.trim().to_owned(),
        location: text("location"),
        similarity: source["score"].as_f64(),
        provenance: serde_json::from_value(source.clone()).unwrap_or_default(),
    }
}

/// The header of a passage, up to the title of its document, and its end.
const HEADER_START: &str = "<document_metadata>\nsourceDocument: ";
const HEADER_END: &str = "</document_metadata>";

/// Replaces the text of a stored answer. Returns `None` if it is damaged.
pub fn with_text(response: &str, text: &str) -> Option<String> {
    let mut record: Map<String, Value> = serde_json::from_str(response).ok()?;
    record.insert("text".into(), text.into());
    Some(Value::Object(record).to_string())
}

/// Converts a source to JSON.
pub fn source_json(source: &exchange::Source) -> Value {
    match source {
        exchange::Source::Passage(hit) => passage_json(hit),
        exchange::Source::Document { document, beginning } => {
            full_document_json(document, beginning)
        }
    }
}

/// Returns the metadata of a document with the field names of the API. `id` is that of the
/// document.
pub fn document_json(document: &Document) -> Value {
    json!({
        "id": document.id.to_string(),
        "url": document.url,
        "title": document.title,
        "docAuthor": document.author,
        "description": document.description,
        "docSource": document.source,
        "chunkSource": document.chunk_source,
        "published": document.published.to_string(),
        "wordCount": document.words,
        "token_count_estimate": document.tokens,
    })
}

/// Converts a document included in full: its metadata and the beginning of its text, without a
/// score.
fn full_document_json(document: &Document, beginning: &str) -> Value {
    let mut source = document_json(document);
    source["text"] = format!("{beginning}...continued on in source document...").into();
    source["location"] = document.path.to_string().into();
    add_title_origin(document, &mut source);
    source
}

/// Converts a passage: the document's metadata, the text and the similarity.
pub fn passage_json(hit: &Hit) -> Value {
    let document = &hit.passage.document;
    let mut source = document_json(document);
    source["id"] = hit.passage.chunk.to_string().into();
    source["text"] = passage_text(&hit.passage).into();
    source["_distance"] = json!(1.0 - hit.similarity);
    source["score"] = json!(hit.similarity);
    source["location"] = document.path.to_string().into();
    source["ordinal"] = hit.passage.ordinal.into();
    if let Some(Span { start, end }) = hit.passage.span {
        (source["start"], source["end"]) = (start.into(), end.into());
    }
    if let (Some(source), Ok(Value::Object(fields))) =
        (source.as_object_mut(), serde_json::to_value(ProvenanceFields::of(&hit.passage)))
    {
        source.extend(fields);
    }
    add_title_origin(document, &mut source);
    source
}

/// Records whether the title of a web page was given by the uploader, which cannot be determined
/// later.
fn add_title_origin(document: &Document, source: &mut Value) {
    if document.chunk_source.starts_with("link://") {
        source[TITLE_GIVEN] = json!(has_given_title(&document.metadata, &document.title));
    }
}

/// The field of a source that states whether the uploader gave the title of the page.
pub const TITLE_GIVEN: &str = "titleGiven";

/// Returns whether the metadata of a document contain its title.
pub fn has_given_title(metadata: &str, title: &str) -> bool {
    metadata != NO_METADATA
        && serde_json::from_str::<Value>(metadata)
            .is_ok_and(|metadata| metadata["title"].as_str() == Some(title))
}

/// Returns the text of a passage below a header that names its document.
pub fn passage_text(passage: &Passage) -> String {
    let document = &passage.document;
    let link =
        ["link://", "youtube://"].iter().find_map(|kind| document.chunk_source.strip_prefix(kind));
    let source = link.map(|link| format!("source: {link}\n")).unwrap_or_default();
    let (title, published) = (&document.title, document.published);
    let location = ProvenanceFields::of(passage).header_lines();
    format!(
        "{HEADER_START}{title}\npublished: {published}\n{source}{location}{HEADER_END}\n\n{}",
        passage.text
    )
}

/// Replaces the title in the header of a passage.
pub fn replace_title(text: &str, from: &str, to: &str) -> Option<String> {
    let rest = text.strip_prefix(HEADER_START)?.strip_prefix(from)?;
    rest.starts_with('\n').then(|| format!("{HEADER_START}{to}{rest}"))
}

/// Converts the metrics of an answer to JSON.
pub fn metrics_of(metrics: &Metrics) -> Value {
    let Metrics { usage, seconds, model, answered_at, as_agent, finish: _ } = metrics;
    let tokens_per_second =
        if *seconds > 0.0 { usage.completion_tokens as f64 / seconds } else { 0.0 };
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "outputTps": tokens_per_second,
        "duration": seconds,
        "model": model.model,
        "provider": client_provider_name(&model.provider, *as_agent),
        "timestamp": answered_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    })
}

/// Returns the provider name expected by clients.
// quirk(provider-class): the same
// native: `metrics.provider` of `generic-openai` is `GenericOpenAiLLM`, `GenericOpenAiProvider`
// where clients expect an agent
// test: `services::record` (unit test)
fn client_provider_name(provider: &str, as_agent: bool) -> &str {
    match (provider, as_agent) {
        ("generic-openai", false) => "GenericOpenAiLLM",
        ("generic-openai", true) => "GenericOpenAiProvider",
        (provider, _) => provider,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_answers_of_any_origin_are_read_with_their_sources() {
        let native = json!({
            "text": "Two.",
            "sources": [{
                "id": "7", "title": "a.md", "location": "f/a.json", "score": 0.5,
                "text": "<document_metadata>\nsourceDocument: a.md\n</document_metadata>\n\nTwo lamps.",
            }],
            "metrics": { "model": "echo" },
        });
        let record = read(&native.to_string()).unwrap();
        assert_eq!((record.text.as_str(), record.model.as_deref()), ("Two.", Some("echo")));
        let source = &record.sources[0];
        assert_eq!((source.chunk, source.text.as_str()), (Some(ChunkId(7)), "Two lamps."));
        assert_eq!(source.location.as_deref(), Some("f/a.json"));
        let imported = json!({ "text": "x", "sources": [{ "id": "a-uuid", "text": "bare" }, 5] });
        let record = read(&imported.to_string()).unwrap();
        assert_eq!((record.sources[0].chunk, record.sources[0].text.as_str()), (None, "bare"));
        assert_eq!(read("not JSON"), None);
        assert_eq!(read("{}"), None);
    }

    #[test]
    fn a_generic_provider_has_the_name_that_clients_expect() {
        assert_eq!(client_provider_name("generic-openai", false), "GenericOpenAiLLM");
        assert_eq!(client_provider_name("generic-openai", true), "GenericOpenAiProvider");
        assert_eq!(client_provider_name("extractive", true), "extractive");
    }

    #[test]
    fn a_damaged_answer_is_not_edited() {
        assert_eq!(with_text("nonsense", "x"), None);
        assert_eq!(with_text("[1]", "x"), None);
        let result = with_text(r#"{"text":"a","sources":[1],"other":2}"#, "b");
        assert_eq!(result.unwrap(), r#"{"text":"b","sources":[1],"other":2}"#);
    }
}
