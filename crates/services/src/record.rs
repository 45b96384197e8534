//! The stored form of an answer and its sources. Existing clients and imported installations use
//! this layout, so stored answers need no translation.
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
use crate::search::{EarlierTurn, Hit};

/// How much of a question's pictures is kept, in bytes of what the client sent. Histories are read
/// whole, so they cannot hold everything that is ever shown.
const MOST_KEPT: usize = 4 << 20;

/// An answer as it is stored, and the contents of the images it names, which are stored apart.
pub struct StoredAnswer {
    /// The stored form of the answer: JSON text.
    pub record: String,
    /// The images it names, as data URLs, in its order.
    pub images: Vec<String>,
}

/// An answer that is to be stored.
pub struct Answer<'a> {
    /// The whole answer.
    pub text: &'a str,
    /// The passages it was built on.
    pub sources: &'a [exchange::Source],
    /// How the question was asked.
    pub mode: ChatMode,
    /// Absent when no model was asked.
    pub metrics: Option<&'a Metrics>,
    /// Of the question. Documents are not kept, nor pictures beyond 4 MiB.
    pub attachments: &'a [Attachment],
}

impl Answer<'_> {
    /// The stored form.
    pub fn stored(&self) -> StoredAnswer {
        let mut room = MOST_KEPT;
        let images = self.attachments.iter().filter(|attachment| attachment.is_image());
        let images: Vec<_> = images.filter(|image| takes(&mut room, image)).collect();
        let mut record = json!({
            "text": self.text,
            "sources": self.sources.iter().map(source_json).collect::<Vec<_>>(),
            // Clients know two types; an automatic chat is answered as a chat.
            "type": match self.mode {
                ChatMode::Query => ChatMode::Query.as_str(),
                ChatMode::Chat | ChatMode::Automatic => ChatMode::Chat.as_str(),
            },
            "metrics": self.metrics.map_or_else(|| json!({}), metrics_of),
            "attachments": images.iter().map(|image| named(image)).collect::<Vec<_>>(),
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

/// Whether there is room for an image, which then takes it.
fn takes(room: &mut usize, image: &Attachment) -> bool {
    let left = room.checked_sub(image.content.len());
    *room = left.unwrap_or(*room);
    left.is_some()
}

/// Removes the images that [`Answer::stored`] would leave out.
pub(crate) fn retain_storable(attachments: &mut Vec<Attachment>) {
    let mut room = MOST_KEPT;
    attachments.retain(|attachment| !attachment.is_image() || takes(&mut room, attachment));
}

/// Names the documents that were attached to the question. Clients that do not know it pass over it.
const DOCUMENTS: &str = "attachedDocuments";

/// An image without its content.
fn named(image: &Attachment) -> Value {
    let Attachment { name, mime, content: _ } = image;
    json!({ "name": name, "mime": mime })
}

/// A stored exchange, as far as later questions need it.
pub struct Earlier {
    /// The question.
    pub prompt: String,
    /// The answer, without reasoning.
    pub answer: String,
    /// Those that were loaded.
    pub images: Vec<Image>,
    /// Sources of the answer that are passages of this server.
    pub passages: Vec<ChunkId>,
}

impl Earlier {
    /// As a search takes it.
    pub fn to_search_turn(&self) -> EarlierTurn {
        let answer = reasoning::strip(&self.answer).to_owned();
        EarlierTurn { question: self.prompt.clone(), answer }
    }
}

/// Reads a stored exchange; `None` when it is damaged.
pub fn earlier(chat: Chat) -> Option<Earlier> {
    let mut record: Value = serde_json::from_str(&chat.response).ok()?;
    put_images(&mut record, chat.images);
    let answer = record.get("text")?.as_str()?.to_owned();
    let list = |name: &str| record.get(name).and_then(Value::as_array).into_iter().flatten();
    let passage = |source: &Value| {
        source.get("score")?.as_f64()?;
        Some(ChunkId(source.get("id")?.as_str()?.parse().ok()?))
    };
    let passages = list("sources").filter_map(passage).collect();
    let images = list(ATTACHMENTS).filter_map(picture).filter(Attachment::is_readable);
    let images = images.map(|image| image.image()).collect();
    Some(Earlier { prompt: chat.prompt, answer, images, passages })
}

/// The text of a stored answer; `None` when it is damaged.
pub fn text_of(response: &str) -> Option<String> {
    let record: Value = serde_json::from_str(response).ok()?;
    Some(record.get("text")?.as_str()?.to_owned())
}

/// A stored answer, read again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// The answer, with its reasoning between marks.
    pub text: String,
    /// The passages it was built on.
    pub sources: Vec<StoredSource>,
    /// The model that answered, if it was noted, and how many seconds it took.
    pub model: Option<String>,
    /// How long the answer took, if that was stored.
    pub seconds: Option<f64>,
    /// The images of the question, as far as they were kept. Their content is empty where it was not
    /// loaded.
    pub pictures: Vec<Attachment>,
    /// Names of the documents that were attached to the question.
    pub documents: Vec<String>,
}

/// A source of a stored answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredSource {
    /// The chunk it was; it may have gone since.
    pub chunk: Option<ChunkId>,
    /// The title of the document.
    pub title: String,
    /// The passage, without the header that names its document.
    pub text: String,
    /// The path of its document, if it was recorded.
    pub location: Option<String>,
    /// 0 to 1.
    pub similarity: Option<f64>,
    /// The position of the passage in the original.
    pub provenance: ProvenanceFields,
}

/// Reads a stored answer; `None` when it is damaged.
pub fn read(response: &str) -> Option<Stored> {
    let record: Value = serde_json::from_str(response).ok()?;
    let text = record.get("text")?.as_str()?.to_owned();
    let sources = record["sources"].as_array().into_iter().flatten().map(read_source).collect();
    let model = record["metrics"]["model"].as_str().map(str::to_owned);
    let seconds = record["metrics"]["duration"].as_f64();
    let list = |name: &str| record[name].as_array().into_iter().flatten();
    let pictures = list(ATTACHMENTS).filter_map(picture).collect();
    let documents = list(DOCUMENTS).filter_map(Value::as_str).map(str::to_owned).collect();
    Some(Stored { text, sources, model, seconds, pictures, documents })
}

fn picture(record: &Value) -> Option<Attachment> {
    let text = |name: &str| record[name].as_str().map(str::to_owned);
    let name = text("name").unwrap_or_default();
    let content = text(CONTENT).unwrap_or_default();
    let attachment = Attachment { name, mime: text("mime")?, content };
    attachment.is_image().then_some(attachment)
}

/// Reads what [`source`] wrote, or an imported installation.
pub fn read_source(source: &Value) -> StoredSource {
    let text = |name: &str| source[name].as_str().map(str::to_owned);
    let passage = text("text").unwrap_or_default();
    let bare = passage.split_once(HEADER_END).map_or(passage.as_str(), |(_, bare)| bare);
    StoredSource {
        chunk: text("id").and_then(|id| id.parse().ok()).map(ChunkId),
        title: text("title").unwrap_or_default(),
        text: bare.trim().to_owned(),
        location: text("location"),
        similarity: source["score"].as_f64(),
        provenance: serde_json::from_value(source.clone()).unwrap_or_default(),
    }
}

/// How the header of a passage begins, up to the title of its document, and how it ends.
const HEADER_START: &str = "<document_metadata>\nsourceDocument: ";
const HEADER_END: &str = "</document_metadata>";

/// A stored answer with another text; `None` when it is damaged.
pub fn with_text(response: &str, text: &str) -> Option<String> {
    let mut record: Map<String, Value> = serde_json::from_str(response).ok()?;
    record.insert("text".into(), text.into());
    Some(Value::Object(record).to_string())
}

/// One source of either kind.
pub fn source_json(of: &exchange::Source) -> Value {
    match of {
        exchange::Source::Passage(hit) => source(hit),
        exchange::Source::Document { document, beginning } => whole(document, beginning),
    }
}

/// The metadata of a document under the API's names. The `id` is the document's.
pub fn described(document: &Document) -> Value {
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

/// A document that was shown whole: what is known of it and how it begins. It has no score.
fn whole(document: &Document, beginning: &str) -> Value {
    let mut source = described(document);
    source["text"] = format!("{beginning}...continued on in source document...").into();
    source["location"] = document.path.to_string().into();
    tell_of_title(document, &mut source);
    source
}

/// One source: the document it is from, the passage, and how similar it is.
pub fn source(hit: &Hit) -> Value {
    let document = &hit.passage.document;
    let mut source = described(document);
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
    tell_of_title(document, &mut source);
    source
}

/// Says of a page whether its title is its own, which nobody can tell later.
fn tell_of_title(document: &Document, source: &mut Value) {
    if document.chunk_source.starts_with("link://") {
        source[TITLE_GIVEN] = json!(gives_title(&document.metadata, &document.title));
    }
}

/// By what a source of a page says whether whoever handed it in gave it its title.
pub const TITLE_GIVEN: &str = "titleGiven";

/// Whether the title of a document is the one that its metadata give it.
pub fn gives_title(metadata: &str, title: &str) -> bool {
    metadata != NO_METADATA
        && serde_json::from_str::<Value>(metadata)
            .is_ok_and(|metadata| metadata["title"].as_str() == Some(title))
}

/// A passage under a header that names its document.
pub fn passage_text(passage: &Passage) -> String {
    let document = &passage.document;
    let link =
        ["link://", "youtube://"].iter().find_map(|kind| document.chunk_source.strip_prefix(kind));
    let source = link.map(|link| format!("source: {link}\n")).unwrap_or_default();
    let (title, published) = (&document.title, document.published);
    let place = ProvenanceFields::of(passage).header_lines();
    format!(
        "{HEADER_START}{title}\npublished: {published}\n{source}{place}{HEADER_END}\n\n{}",
        passage.text
    )
}

/// A passage under the same header, which now names its document by another title.
pub fn retitled(text: &str, from: &str, to: &str) -> Option<String> {
    let rest = text.strip_prefix(HEADER_START)?.strip_prefix(from)?;
    rest.starts_with('\n').then(|| format!("{HEADER_START}{to}{rest}"))
}

/// Usage and model of an answer.
pub fn metrics_of(metrics: &Metrics) -> Value {
    let Metrics { usage, seconds, model, answered_at, as_agent, finish: _ } = metrics;
    let tokens_a_second =
        if *seconds > 0.0 { usage.completion_tokens as f64 / seconds } else { 0.0 };
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "outputTps": tokens_a_second,
        "duration": seconds,
        "model": model.model,
        "provider": known_as(&model.provider, *as_agent),
        "timestamp": answered_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    })
}

/// A provider's name in the records that clients know.
// quirk(provider-class): the same
// native: `metrics.provider` of `generic-openai` is `GenericOpenAiLLM`, `GenericOpenAiProvider`
// where clients expect an agent
// test: `services::record` (unit test)
fn known_as(provider: &str, as_agent: bool) -> &str {
    match (provider, as_agent) {
        ("generic-openai", false) => "GenericOpenAiLLM",
        ("generic-openai", true) => "GenericOpenAiProvider",
        (other, _) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_answer_is_read_with_its_sources_whoever_stored_it() {
        let ours = json!({
            "text": "Two.",
            "sources": [{
                "id": "7", "title": "a.md", "location": "f/a.json", "score": 0.5,
                "text": "<document_metadata>\nsourceDocument: a.md\n</document_metadata>\n\nTwo lamps.",
            }],
            "metrics": { "model": "echo" },
        });
        let read = read(&ours.to_string()).unwrap();
        assert_eq!((read.text.as_str(), read.model.as_deref()), ("Two.", Some("echo")));
        let source = &read.sources[0];
        assert_eq!((source.chunk, source.text.as_str()), (Some(ChunkId(7)), "Two lamps."));
        assert_eq!(source.location.as_deref(), Some("f/a.json"));
        let theirs = json!({ "text": "x", "sources": [{ "id": "a-uuid", "text": "bare" }, 5] });
        let read = super::read(&theirs.to_string()).unwrap();
        assert_eq!((read.sources[0].chunk, read.sources[0].text.as_str()), (None, "bare"));
        assert_eq!(super::read("not JSON"), None);
        assert_eq!(super::read("{}"), None);
    }

    #[test]
    fn a_generic_provider_goes_by_the_name_that_clients_know() {
        assert_eq!(known_as("generic-openai", false), "GenericOpenAiLLM");
        assert_eq!(known_as("generic-openai", true), "GenericOpenAiProvider");
        assert_eq!(known_as("extractive", true), "extractive");
    }

    #[test]
    fn a_damaged_answer_is_not_edited() {
        assert_eq!(with_text("nonsense", "x"), None);
        assert_eq!(with_text("[1]", "x"), None);
        let edited = with_text(r#"{"text":"a","sources":[1],"other":2}"#, "b");
        assert_eq!(edited.unwrap(), r#"{"text":"b","sources":[1],"other":2}"#);
    }
}
