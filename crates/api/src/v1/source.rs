//! JSON of an answer's sources.
use carrel_services::chat::Source;
use carrel_services::record;
use serde_json::Value;

/// Returns the sources of an answer.
pub fn sources_json(sources: &[Source]) -> Vec<Value> {
    sources.iter().map(record::source_json).collect()
}
