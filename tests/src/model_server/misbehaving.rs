//! Streams as real servers send them, with their oddities and faults.
use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::error;

const DONE: &str = "data: [DONE]\n\n";

pub(super) fn is_known(model: &str) -> bool {
    let models = ["truncated", "error-line", "error-event", "lenient", "halves", "unopened"];
    models.contains(&model) || ["limited", "filtered", "strict"].contains(&model)
}

pub(super) fn respond(model: &str, body: &Value) -> HttpResponse {
    if model == "strict" {
        for name in ["stream_options", "max_tokens"] {
            if body.get(name).is_some() {
                return error(400, &format!("Unrecognized request argument supplied: {name}"));
            }
        }
    }
    let part = chunk("Take 5 mg");
    let (content_type, stream) = match model {
        "truncated" => (EVENTS, part),
        "error-line" => (EVENTS, part + "error: {\"code\":500,\"message\":\"slot failed\"}\n\n"),
        "error-event" => (EVENTS, part + "event: error\ndata: {\"message\":\"engine died\"}\n\n"),
        "lenient" => ("application/json", lenient()),
        "halves" => {
            let halves = chunk("\\ud83d") + &chunk("\\ude00");
            (EVENTS, halves.replace("\\\\u", "\\u") + &end("stop"))
        }
        "unopened" => {
            let reasoning = chunk("A secret plan\n</think>\n\n");
            (EVENTS, reasoning + &chunk("Hello") + &chunk(" world") + &end("stop"))
        }
        "limited" => (EVENTS, chunk("Hello wor") + &end("length")),
        "filtered" => (EVENTS, end("content_filter")),
        _ => (EVENTS, chunk("Hello world") + &end("stop")),
    };
    HttpResponse::Ok().content_type(content_type).body(stream)
}

const EVENTS: &str = "text/event-stream";

/// Returns a stream with a byte order mark, comments, empty data, other types of events, an error
/// that is null, and blanks around the end mark.
fn lenient() -> String {
    let hello = chunk("Hello").replace("\n\n", "\r\n\r\n");
    let world = chunk(" world").replace("\"choices\"", "\"error\":\"\",\"choices\"");
    let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
    format!("\u{feff}: hello\n\n{hello}data: \n\ndata: null\n\n{ping}{world}data: [DONE] \n\n")
}

fn chunk(content: &str) -> String {
    event(&json!({ "index": 0, "delta": { "content": content }, "finish_reason": null }))
}

fn end(reason: &str) -> String {
    event(&json!({ "index": 0, "delta": {}, "finish_reason": reason })) + DONE
}

fn event(choice: &Value) -> String {
    format!("data: {}\n\n", json!({ "object": "chat.completion.chunk", "choices": [choice] }))
}
