//! Chat completions that depend only on the question and the first passage.
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use super::{error, misbehaving};

/// 2024-01-01, so that two responses are identical to the byte.
const CREATED: u64 = 1_704_067_200;
const THOUGHT: &str = "The first passage may tell.";
const LONGEST_QUOTE: usize = 200;

pub(super) async fn respond(body: &Value) -> HttpResponse {
    let model = body["model"].as_str().unwrap_or_default();
    let Some(messages) = body["messages"].as_array().filter(|messages| !messages.is_empty()) else {
        return error(400, "messages: at least one is needed");
    };
    if let Some(status) = model.strip_prefix("fail-").and_then(|status| status.parse().ok()) {
        return match status {
            400..=599 => error(status, "the model was asked to fail"),
            _ => error(400, "a model fails with a status from 400 to 599"),
        };
    }
    match model {
        "silent" => std::future::pending().await,
        "html" => {
            HttpResponse::Ok().content_type("text/html").body("<!DOCTYPE html><h1>Welcome</h1>")
        }
        "empty" => HttpResponse::Ok().json(completion(model, &json!([]), &json!(null))),
        "pausing" | "endless" => without_end(model),
        _ if misbehaving::is_known(model) => misbehaving::respond(model, body),
        _ if body["stream"] == true => streamed(model, body, messages),
        _ => whole(model, messages).await,
    }
}

async fn whole(model: &str, messages: &[Value]) -> HttpResponse {
    let answer = answer(model, messages);
    if model == "slow" {
        tokio::time::sleep(pause(model) * words(&answer) as u32).await;
    }
    let mut message = json!({"role": "assistant", "content": answer});
    if thinks(model) {
        message["reasoning_content"] = json!(THOUGHT);
    }
    let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
    let completion = completion(model, &choices, &usage(messages, &answer));
    if model == "cut-off" {
        let text = completion.to_string();
        let half = text[..text.len() / 2].to_owned();
        return HttpResponse::Ok().content_type("application/json").streaming(broken(vec![half]));
    }
    HttpResponse::Ok().json(completion)
}

fn streamed(model: &str, body: &Value, messages: &[Value]) -> HttpResponse {
    let answer = answer(model, messages);
    let mut events = vec![chunk(model, &json!({"role": "assistant", "content": ""}), None)];
    if thinks(model) {
        events.push(chunk(model, &json!({"reasoning_content": THOUGHT}), None));
    }
    let text_chunks =
        answer.split_inclusive(' ').map(|word| chunk(model, &json!({"content": word}), None));
    events.extend(text_chunks);
    let mut response = HttpResponse::Ok();
    response.content_type("text/event-stream");
    if model == "cut-off" {
        events.truncate(events.len() / 2);
        return response.streaming(broken(events));
    }
    events.push(chunk(model, &json!({}), Some("stop")));
    if body["stream_options"]["include_usage"] == true {
        let usage = completion(model, &json!([]), &usage(messages, &answer));
        events.push(format!("data: {usage}\n\n"));
    }
    events.push("data: [DONE]\n\n".into());
    let pause = pause(model);
    response.streaming(stream::unfold(events.into_iter(), move |mut events| async move {
        let event = events.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, std::io::Error>(Bytes::from(event)), events))
    }))
}

/// Sends one part and then nothing, or repeats itself for ever.
fn without_end(model: &str) -> HttpResponse {
    let is_endless = model == "endless";
    let words = if is_endless { "word ".repeat(200) } else { "Well, ".to_owned() };
    let event = Bytes::from(chunk(model, &json!({ "content": words }), None));
    let mut response = HttpResponse::Ok();
    response.content_type("text/event-stream");
    response.streaming(stream::unfold(false, move |has_started| {
        let event = event.clone();
        async move {
            match has_started && !is_endless {
                true => std::future::pending().await,
                // Let other tasks run in between.
                false => tokio::task::yield_now().await,
            }
            Some((Ok::<_, std::io::Error>(event), true))
        }
    }))
}

/// Sends `parts`, then breaks the connection.
fn broken(parts: Vec<String>) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::unfold(parts.into_iter(), |mut parts| async move {
        if let Some(part) = parts.next() {
            return Some((Ok(Bytes::from(part)), parts));
        }
        // Data written immediately before a failure would never be sent.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Err(std::io::Error::other("cut off as asked")), parts))
    })
}

fn thinks(model: &str) -> bool {
    matches!(model, "reasoning" | "thinking" | "pondering")
}

fn pause(model: &str) -> Duration {
    match model {
        "slow" | "pondering" => Duration::from_millis(100),
        // So that an answer arrives in several steps.
        "lengthy" => Duration::from_micros(300),
        _ => Duration::ZERO,
    }
}

fn completion(model: &str, choices: &Value, usage: &Value) -> Value {
    json!({
        "id": "chatcmpl-test", "object": "chat.completion", "created": CREATED, "model": model,
        "choices": choices, "usage": usage,
    })
}

fn chunk(model: &str, delta: &Value, finish: Option<&str>) -> String {
    let event = json!({
        "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": CREATED, "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    });
    format!("data: {event}\n\n")
}

fn answer(model: &str, messages: &[Value]) -> String {
    if let "speechless" | "thinking" = model {
        return String::new();
    }
    if model == "lengthy" {
        return lengthy();
    }
    let question = messages.last().map(text).unwrap_or_default();
    let system = messages.iter().find(|message| message["role"] == "system").map(text);
    match system.as_deref().and_then(first_passage) {
        Some(passage) => format!("You asked: {question} The first passage says: {passage}"),
        None => format!("You asked: {question} I was given no passage."),
    }
}

/// 16 kB in paragraphs, lists, tables and code.
fn lengthy() -> String {
    let part = "## The lamp\n\nIts light falls off with $d^2$.\n\nThe lamp stands on the railing and is lit at dusk by the keeper, who also \
                writes down the weather, the ships that pass and the oil that is left in the tank. In fog the horn is \
                sounded twice a minute, and the reserve lamp stands ready beside the main one. Whoever relieves the \
                keeper at dawn reads the log, signs it and climbs the tower once more before the lamp is put out.\n\n\
                The boat comes on Tuesdays with bread, oil and letters. In winter it may be late by a week, so that \
                the store holds food for twenty days and water for thirty, counted on the first of each month.\n\n\
                Visitors are asked to come at low water, when the causeway is dry, and to be gone before it turns. The \
                stair has a hundred and twelve steps and no landing; whoever is short of breath waits in the kitchen, \
                where there is tea. Dogs stay below, as do umbrellas, and the lens is not to be touched by anybody.\n\n\
                The log is a bound book with one page for each day. Nothing in it is struck out: a mistake is left as \
                it was written, and the right entry stands below it with the hour and the hand of the one who saw it.\n\n\
                - trim the wick\n- fill the tank\n- clean the glass\n\n\
                | lamp | oil |\n|---|---|\n| main | 4 l |\n| reserve | 1 l |\n\n\
                ```rust\nlet lamp = Lamp::new();\nlamp.light();\n```\n\n";
    part.repeat(16_000 / part.len() + 1)
}

/// Returns the beginning of the first passage, without its header.
fn first_passage(system: &str) -> Option<String> {
    let (_, after) = system.split_once("[CONTEXT 0]:\n")?;
    let (passage, _) = after.split_once("[END CONTEXT 0]")?;
    let passage = passage.split_once("</document_metadata>").map_or(passage, |(_, body)| body);
    let passage = passage.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(passage.chars().take(LONGEST_QUOTE).collect())
}

/// Returns the text of a message, whose content is a string or a list of parts.
fn text(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// Returns the usage. A word counts as a token.
fn usage(messages: &[Value], answer: &str) -> Value {
    let prompt: usize = messages.iter().map(|message| words(&text(message))).sum();
    let completion = words(answer);
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion,
        "total_tokens": prompt + completion,
    })
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}
