//! Answers part by part on the wire: each event is `data:` and JSON on one line.
use carrel_services::chat::Piece;
use carrel_services::record;
use serde_json::{Value, json};

use super::chat::RESET;
use crate::streaming::event;

/// The events that tell a piece of the answer `id`.
// quirk(id-or-uuid): the name of the answer's id depends on the type.
pub fn events(id: &str, piece: Piece) -> String {
    match piece {
        Piece::Text(text) => event(&chunk(id, &text, false)),
        Piece::Refused(text) => event(&whole(id, &text)),
        Piece::Failed { error, begun } => {
            let name = if begun { "uuid" } else { "id" };
            event(&json!({
                name: id,
                "type": "abort",
                "textResponse": null,
                "sources": [],
                "close": true,
                "error": error.to_string(),
            }))
        }
        Piece::Finished(finished) => {
            let mut last = json!({
                "uuid": id,
                "type": "finalizeResponseStream",
                "close": true,
                "error": false,
            });
            if let Some(finished) = finished {
                last["chatId"] = json!(finished.chat.0);
                last["metrics"] = record::metrics_of(&finished.metrics);
                last["sources"] = finished.sources.iter().map(record::source).collect();
            }
            event(&chunk(id, "", true)) + &event(&last)
        }
    }
}

/// The only event of a conversation that begins anew without a question.
pub fn reset(id: &str) -> String {
    event(&whole(id, RESET))
}

fn chunk(id: &str, text: &str, close: bool) -> Value {
    json!({
        "uuid": id,
        "sources": [],
        "type": "textResponseChunk",
        "textResponse": text,
        "close": close,
        "error": false,
    })
}

fn whole(id: &str, text: &str) -> Value {
    json!({
        "id": id,
        "type": "textResponse",
        "textResponse": text,
        "sources": [],
        "attachments": [],
        "close": true,
        "error": null,
        "metrics": {},
    })
}
