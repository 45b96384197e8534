//! Ollama's own protocol: it truncates a prompt to the last `options.num_ctx` tokens and reports
//! how many it has read.
use actix_web::HttpResponse;
use serde_json::{Value, json};

/// The default window.
const USUAL_WINDOW: usize = 4096;

pub(super) fn respond(body: &Value) -> HttpResponse {
    let window = body["options"]["num_ctx"].as_u64().map_or(USUAL_WINDOW, |window| window as usize);
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    // A word counts as a token.
    let words: Vec<_> = messages
        .iter()
        .filter_map(|message| message["content"].as_str())
        .flat_map(|text| text.split_whitespace().map(str::to_owned))
        .collect();
    let read = &words[words.len().saturating_sub(window)..];
    let images =
        messages.iter().filter_map(|message| message["images"].as_array()).flatten().count();
    let first = read.first().cloned().unwrap_or_default();
    let answer = format!("I read {} words from `{first}` on and {images} images.", read.len());
    let mut lines = vec![json!({
        "model": body["model"], "done": false,
        "message": { "role": "assistant", "content": "", "thinking": "Let me count." },
    })];
    lines.extend(answer.split_inclusive(' ').map(|word| {
        json!({
            "model": body["model"], "done": false,
            "message": { "role": "assistant", "content": word },
        })
    }));
    lines.push(json!({
        "model": body["model"], "done": true, "done_reason": "stop",
        "message": { "role": "assistant", "content": "" },
        "prompt_eval_count": read.len(), "eval_count": answer.split_whitespace().count(),
    }));
    let stream: String = lines.iter().map(|line| format!("{line}\n")).collect();
    HttpResponse::Ok().content_type("application/x-ndjson").body(stream)
}
