//! How an answer is written down, and what a source looks like in it. The layout is the one that
//! existing clients and imported installations know, so that stored answers need no translation.
use carrel_domain::library::Passage;
use serde_json::{Value, json};

use crate::chat::Metrics;
use crate::search::Hit;

/// The stored form of an answer.
pub fn answer(text: &str, sources: &[Hit], mode: &str, metrics: Option<&Metrics>) -> String {
    let sources: Vec<_> = sources.iter().map(source).collect();
    let metrics = metrics.map_or_else(|| json!({}), metrics_of);
    json!({ "text": text, "sources": sources, "type": mode, "metrics": metrics, "attachments": [] })
        .to_string()
}

/// The text of a stored answer; `None` when it is damaged.
pub fn text_of(response: &str) -> Option<String> {
    let record: Value = serde_json::from_str(response).ok()?;
    Some(record.get("text")?.as_str()?.to_owned())
}

/// One source: the document it is from, the passage, and how similar it is.
pub fn source(hit: &Hit) -> Value {
    let document = &hit.passage.document;
    json!({
        "id": hit.passage.chunk.to_string(),
        "url": document.url,
        "title": document.title,
        "docAuthor": document.author,
        "description": document.description,
        "docSource": document.source,
        "chunkSource": document.chunk_source,
        "published": document.published.to_string(),
        "wordCount": document.words,
        "token_count_estimate": document.tokens,
        "text": passage_text(&hit.passage),
        "_distance": 1.0 - hit.similarity,
        "score": hit.similarity,
        "location": document.path.to_string(),
        "ordinal": hit.passage.ordinal,
    })
}

/// A passage under a header that names its document.
pub fn passage_text(passage: &Passage) -> String {
    let document = &passage.document;
    let link =
        ["link://", "youtube://"].iter().find_map(|kind| document.chunk_source.strip_prefix(kind));
    let source = link.map(|link| format!("source: {link}\n")).unwrap_or_default();
    format!(
        "<document_metadata>\nsourceDocument: {}\npublished: {}\n{source}</document_metadata>\n\n{}",
        document.title, document.published, passage.text
    )
}

/// What an answer cost and who gave it.
pub fn metrics_of(metrics: &Metrics) -> Value {
    let Metrics { usage, seconds, model, answered_at } = metrics;
    let tokens_a_second =
        if *seconds > 0.0 { usage.completion_tokens as f64 / seconds } else { 0.0 };
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "outputTps": tokens_a_second,
        "duration": seconds,
        "model": model.model,
        "provider": known_as(&model.provider),
        "timestamp": answered_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    })
}

/// A provider's name in the records that clients know.
// quirk(provider-class): there a server that speaks the OpenAI protocol goes by this name.
fn known_as(provider: &str) -> &str {
    match provider {
        "generic-openai" => "GenericOpenAiLLM",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generic_provider_goes_by_the_name_that_clients_know() {
        assert_eq!(known_as("generic-openai"), "GenericOpenAiLLM");
        assert_eq!(known_as("extractive"), "extractive");
    }
}
