//! The OpenAI protocol, against well-behaved and misbehaving servers on real sockets.
use std::time::Duration;

use carrel_domain::model::{Context, Delta, FinishReason, Message};

use carrel_domain::{Error, Result};
use futures_util::StreamExt;

use super::*;
use crate::endpoint::Deadlines;
use crate::refusal::Hints;
use crate::testing::{EVENTS, Reply, Server, events, response};

mod misbehaving;

const KEY: &str = "sk-very-secret-1234";

fn model(base: &str) -> OpenAi {
    let http = crate::Http::new().unwrap();
    let hints = Hints { base: "THE_BASE", key: "THE_KEY" };
    let key = Some(KEY.to_owned());
    let endpoint = Endpoint::new(&http, base, key, "the language model", hints).unwrap();
    let name = ModelName { provider: "p".into(), model: "org::qwen-max".into(), window: 4096 };
    let mut endpoint = endpoint;
    endpoint.deadlines.patience = Duration::ZERO;
    OpenAi::new(endpoint, name, false)
}

fn impatient(base: &str) -> OpenAi {
    let mut model = model(base);
    let short = Duration::from_millis(100);
    let endpoint = Arc::get_mut(&mut model.endpoint).unwrap();
    endpoint.deadlines = Deadlines { first: short, silence: short, ..Deadlines::default() };
    model
}

fn request() -> ChatRequest {
    ChatRequest {
        instructions: "Be brief.".into(),
        context: vec![Context { title: "t".into(), text: "fact".into(), similarity: None }],
        history: vec![Message::user("hi"), Message::assistant("hello")],
        question: "why?".into(),
        ..ChatRequest::default()
    }
}

async fn ask(model: &OpenAi) -> Result<Vec<Delta>> {
    let answer = model.answer(request()).await?;
    let deltas: Vec<Result<Delta>> = answer.collect().await;
    deltas.into_iter().collect()
}

/// Returns the reason of the failure that `reply` causes.
async fn refusal(reply: Reply) -> String {
    let server = Server::start(vec![reply]).await;
    reason(ask(&model(&server.url)).await)
}

fn reason(outcome: Result<Vec<Delta>>) -> String {
    match outcome {
        Err(Error::Unavailable { service: "the language model", reason, source: None }) => {
            assert!(!reason.contains(KEY), "{reason}");
            reason.into_owned()
        }
        other => panic!("{other:?}"),
    }
}

fn finish(word: &str) -> Delta {
    Delta::Finish { reason: FinishReason::of_provider(word), word: word.into() }
}

fn text(text: &str) -> Delta {
    Delta::Text(text.into())
}

#[tokio::test]
async fn a_stream_yields_text_reasoning_and_usage() {
    let server = Server::start(vec![events(&[
        r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
        r#"{"choices":[{"delta":{"content":"Be"}}]}"#,
        r#"{"choices":[{"delta":{"content":"cause."},"finish_reason":"stop"}],"usage":null}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#,
        "[DONE]",
    ])])
    .await;
    let usage = Usage { prompt_tokens: 7, completion_tokens: 2 };
    let reasoning = Delta::Reasoning("hm".into());
    let expected = [reasoning, text("Be"), text("cause."), Delta::Usage(usage), finish("stop")];
    assert_eq!(ask(&model(&format!("{}/v1", server.url))).await.unwrap(), expected);
}

#[tokio::test]
async fn the_request_contains_the_key_the_exact_model_and_the_conversation_in_order() {
    let done = events(&[r#"{"choices":[{"delta":{"content":"x"}}]}"#, "[DONE]"]);
    let server = Server::start(vec![done]).await;
    ask(&model(&format!("{}/v1/", server.url))).await.unwrap();
    let request_sent = server.requests().remove(0);
    let (head, body) = request_sent.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {KEY}")), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["model"], "org::qwen-max");
    assert_eq!(body.get("temperature"), None);
    let roles: Vec<_> = body["messages"].as_array().unwrap().iter().map(|m| &m["role"]).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert!(body["messages"][0]["content"].as_str().unwrap().contains("[CONTEXT 0]:\nfact"));
    assert_eq!(body["messages"][3]["content"], "why?");
}

#[tokio::test]
async fn a_temperature_and_a_limit_are_sent_when_given() {
    let done = events(&[r#"{"choices":[{"delta":{"content":"x"}}]}"#]);
    let server = Server::start(vec![done]).await;
    let request = ChatRequest { temperature: Some(0.25), longest_answer: Some(9), ..request() };
    drop(model(&server.url).answer(request).await.unwrap());
    assert!(server.requests()[0].contains(r#""temperature":0.25,"max_tokens":9"#));
}

#[tokio::test]
async fn responses_that_are_not_streamed_are_read() {
    let body = r#"{"choices":[{"message":{"content":"Whole."}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let server = Server::start(vec![response("200 OK", "application/json", body)]).await;
    let deltas = ask(&model(&server.url)).await.unwrap();
    assert_eq!(deltas[0], text("Whole."));
    assert_eq!(deltas.len(), 2);
}

#[tokio::test]
async fn typed_parts_are_distinguished() {
    let parts = r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"So."}]},"finish_reason":"stop"}]}"#;
    let server = Server::start(vec![events(&[parts])]).await;
    let deltas = ask(&model(&server.url)).await.unwrap();
    assert_eq!(deltas, [Delta::Reasoning("hm".into()), text("So."), finish("stop")]);
}

#[tokio::test]
async fn refusals_name_the_setting_to_check() {
    let echo = format!(r#"{{"error":{{"message":"bad key {KEY}"}}}}"#);
    for (status, body, words) in [
        (
            "401 Unauthorized",
            echo.as_str(),
            "does not accept the API key; check THE_KEY (status 401: bad key [key])",
        ),
        (
            "404 Not Found",
            r#"{"error":"no such model"}"#,
            "check the model and THE_BASE (status 404: no such model)",
        ),
        ("429 Too Many Requests", "{}", "try again later (status 429)"),
        ("500 Internal Server Error", "<html>oops</html>", "it failed (status 500: a web page)"),
        (
            "400 Bad Request",
            r#"{"message":"too\u0000 long"}"#,
            "it rejected the request (status 400: too long)",
        ),
        (
            "302 Found\r\nlocation: http://127.0.0.1:9/",
            "",
            "set THE_BASE to the final address (status 302)",
        ),
    ] {
        let reason = refusal(response(status, "application/json", body)).await;
        assert!(reason.contains(words), "{status}: {reason}");
    }
}

#[tokio::test]
async fn a_redirect_does_not_leak_the_key() {
    let thief = Server::start(vec![response("200 OK", "application/json", "{}")]).await;
    let head = format!("307 Temporary Redirect\r\nlocation: {}/v1/chat/completions", thief.url);
    refusal(response(&head, "text/plain", "")).await;
    assert!(thief.requests().is_empty());
}

#[tokio::test]
async fn bodies_without_an_answer_are_described() {
    for (reply, words) in [
        (response("200 OK", "text/html; charset=utf-8", "<html>"), "a web page"),
        (response("200 OK", "application/json", "{"), "not the JSON expected"),
        (response("200 OK", "application/json", "{}"), "contains no choices"),
        (response("200 OK", "application/json", r#"{"choices":[]}"#), "contains no choices"),
        (response("200 OK", "application/json", "[1]"), "contains no choices"),
        (events(&["nonsense"]), "not the JSON expected"),
        (events(&["[DONE]"]), "contains no choices"),
        (events(&[]), "is empty"),
        (events(&[r#"{"error":{"message":"overloaded"}}"#]), "reports an error: overloaded"),
        (Reply::Bytes([EVENTS, b"data: \xff\xfe\n\n"].concat()), "not the JSON expected"),
        (Reply::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec()), "gave an unreadable answer"),
        (Reply::Bytes(Vec::new()), "gave an unreadable answer"),
    ] {
        let reason = refusal(reply).await;
        assert!(reason.contains(words), "{words}: {reason}");
    }
}

#[tokio::test]
async fn an_answer_without_text_ends_with_its_finish_reason() {
    let length = [finish("length")];
    for (message, expected) in [(r#""finish_reason":"length""#, &length[..]), (r#""index":0"#, &[])]
    {
        let whole = format!(r#"{{"choices":[{{"message":{{"content":""}},{message}}}]}}"#);
        let server = Server::start(vec![response("200 OK", "application/json", &whole)]).await;
        let answer = model(&server.url).answer(request()).await.unwrap();
        let deltas: Vec<_> = answer.map(Result::unwrap).collect().await;
        assert_eq!(deltas, expected);
    }
}

#[tokio::test]
async fn text_before_a_failure_is_passed_on() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n";
    let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"Half\"}}]}\n\n";
    for tail in ["", "data: nonsense\n\n"] {
        let cut_off = Reply::Bytes(format!("{head}{chunk}{tail}").into_bytes());
        let server = Server::start(vec![cut_off]).await;
        let answer = model(&server.url).answer(request()).await.unwrap();
        let deltas: Vec<_> = answer.collect().await;
        assert_eq!(deltas[0].as_ref().unwrap(), &text("Half"));
        assert!(deltas[1].is_err() && deltas.len() == 2);
    }
}

#[tokio::test]
async fn endless_bodies_are_aborted() {
    let endless = |head: &str, again: &str| {
        Reply::Endless(head.as_bytes().to_vec(), again.repeat(1000).into_bytes())
    };
    let refused = "HTTP/1.1 500 Internal Server Error\r\n\r\n";
    let json = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    let stream = std::str::from_utf8(EVENTS).unwrap();
    for (reply, words) in [
        (endless(refused, "aaaaaaaaaaaaaaaa"), "it failed (status 500"),
        (endless(json, "                "), "is too long"),
        (endless(stream, "aaaaaaaaaaaaaaaa"), "is too long"),
        (endless(stream, ": comment\n\n"), "is too long"),
    ] {
        let reason = refusal(reply).await;
        assert!(reason.contains(words), "{words}: {reason}");
    }
}

#[tokio::test]
async fn a_silent_provider_times_out() {
    for reply in [Reply::ThenSilence(Vec::new()), Reply::ThenSilence(EVENTS.to_vec())] {
        let server = Server::start(vec![reply]).await;
        let reason = reason(ask(&impatient(&server.url)).await);
        assert!(reason.contains("sent nothing for"), "{reason}");
    }
}

#[tokio::test]
async fn an_unreachable_address_is_reported_without_its_password() {
    let reason = reason(ask(&model("http://me:hidden@127.0.0.1:9/v1?token=hidden")).await);
    assert!(reason.starts_with("http://127.0.0.1:9/v1/ cannot be reached: "), "{reason}");
    assert!(reason.contains("THE_BASE") && !reason.contains("hidden"), "{reason}");
}

#[tokio::test]
async fn dropping_an_answer_tells_the_provider_to_stop() {
    let mut chunk = EVENTS.to_vec();
    chunk.extend_from_slice(b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n");
    let mut server = Server::start(vec![Reply::ThenSilence(chunk)]).await;
    let mut answer = model(&server.url).answer(request()).await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap(), text("x"));
    drop(answer);
    server.client_gone().await;
}

#[test]
fn a_model_that_refuses_a_temperature_is_sent_none() {
    let request = ChatRequest { temperature: Some(0.5), ..request() };
    let body = |adaptations| body::of("m", &request, &adaptations).unwrap();
    assert_eq!(body(Adaptations::new())["temperature"], 0.5);
    let without = Adaptations::from([Adaptation::Without("temperature")]);
    assert!(body(without).get("temperature").is_none());
}
