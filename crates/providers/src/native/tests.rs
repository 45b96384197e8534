//! Native protocols, against servers on real sockets.
use carrel_domain::model::Message;

use super::*;
use crate::refusal::Hints;
use crate::testing::{EVENTS, Reply, Server, response};

const KEY: &str = "sk-ant-secret";

fn anthropic(base: &str) -> Native {
    native(base, AdapterKind::Anthropic, "claude-test")
}

fn native(base: &str, protocol: AdapterKind, model: &str) -> Native {
    let http = crate::Http::new().unwrap();
    let hints = Hints { base: "", key: "ANTHROPIC_API_KEY" };
    let key = Some(KEY.to_owned());
    let endpoint = Endpoint::new(&http, base, key, "the language model", hints).unwrap();
    let name = ModelName { provider: "any".into(), model: model.into(), window: 200_000 };
    Native::new(endpoint, protocol, name).unwrap()
}

async fn ask(base: &str) -> Result<Vec<Delta>> {
    say(anthropic(base)).await
}

async fn say(model: Native) -> Result<Vec<Delta>> {
    let request = ChatRequest {
        instructions: "Be brief.".into(),
        history: vec![Message::user("hi")],
        question: "why?".into(),
        ..ChatRequest::default()
    };
    let answer = model.answer(request).await?;
    let deltas: Vec<Result<Delta>> = answer.collect().await;
    deltas.into_iter().collect()
}

fn finish(reason: FinishReason, word: &str) -> Delta {
    Delta::Finish { reason, word: word.into() }
}

fn reason(outcome: Result<Vec<Delta>>) -> String {
    let Err(Error::Unavailable { reason, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(!reason.contains(KEY), "{reason}");
    reason.into_owned()
}

/// Starts a server that responds once in Anthropic's format, with one content block.
async fn anthropic_server(kind: &str, text: &str, stop: &str) -> Server {
    let events = [
        r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}"#
            .into(),
        format!(
            r#"{{"type":"content_block_start","index":0,"content_block":{{"type":"{kind}","{kind}":""}}}}"#
        ),
        format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"{kind}_delta","{kind}":"{text}"}}}}"#
        ),
        r#"{"type":"content_block_stop","index":0}"#.into(),
        format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{stop}"}},"usage":{{"output_tokens":3}}}}"#
        ),
        r#"{"type":"message_stop"}"#.to_owned(),
    ];
    let mut stream = EVENTS.to_vec();
    for event in events {
        let kind = event.split('"').nth(3).unwrap();
        stream.extend_from_slice(format!("event: {kind}\ndata: {event}\n\n").as_bytes());
    }
    Server::start(vec![Reply::Bytes(stream)]).await
}

#[tokio::test]
async fn reasoning_alone_ends_with_the_finish_reason() {
    let server = anthropic_server("thinking", "Hm.", "max_tokens").await;
    let deltas = ask(&format!("{}/v1", server.url)).await.unwrap();
    assert_eq!(deltas[0], Delta::Reasoning("Hm.".into()));
    assert_eq!(deltas.last(), Some(&finish(FinishReason::Length, "max_tokens")));
    assert!(matches!(deltas[deltas.len() - 2], Delta::Usage(usage) if usage.prompt_tokens == 5));
}

#[tokio::test]
async fn anthropic_streams_text_and_usage() {
    let server = anthropic_server("text", "Because.", "end_turn").await;
    let deltas = ask(&format!("{}/v1", server.url)).await.unwrap();
    assert_eq!(deltas[0], Delta::Text("Because.".into()));
    assert!(matches!(deltas[1], Delta::Usage(usage) if usage.prompt_tokens == 5));
    assert_eq!(deltas.last(), Some(&finish(FinishReason::Stop, "end_turn")));
    let request_sent = server.requests().remove(0);
    assert!(request_sent.starts_with("POST /v1/messages "), "{request_sent}");
    assert!(
        request_sent.contains(&format!("x-api-key: {KEY}"))
            && request_sent.contains(r#""model":"claude-test""#)
    );
}

/// Encodes a message of an AWS event stream: lengths and a checksum, headers, payload, a checksum.
fn message(event: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", event), (":message-type", "event")] {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(7); // text
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = (16 + headers.len() + payload.len()) as u32;
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}

#[tokio::test]
async fn bedrock_streams_text_and_usage() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: \
        application/vnd.amazon.eventstream\r\nconnection: close\r\n\r\n";
    let stream = [
        HEAD.to_vec(),
        message("messageStart", r#"{"role":"assistant"}"#),
        message("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Because."}}"#),
        message("messageStop", r#"{"stopReason":"end_turn"}"#),
        message(
            "metadata",
            r#"{"usage":{"inputTokens":5,"outputTokens":3,"totalTokens":8},"metrics":{}}"#,
        ),
    ];
    let server = Server::start(vec![Reply::Bytes(stream.concat())]).await;
    let bedrock = native(&server.url, AdapterKind::BedrockApi, "amazon.nova-lite-v1:0");
    let deltas = say(bedrock).await.unwrap();
    assert_eq!(deltas[0], Delta::Text("Because.".into()));
    assert!(matches!(deltas[1], Delta::Usage(usage) if usage.prompt_tokens == 5));
    assert_eq!(deltas.last(), Some(&finish(FinishReason::Stop, "end_turn")));
    let request_sent = server.requests().remove(0);
    assert!(
        request_sent.starts_with("POST /model/amazon.nova-lite-v1%3A0/converse-stream "),
        "{request_sent}"
    );
    assert!(request_sent.contains(&format!("authorization: Bearer {KEY}")), "{request_sent}");
}

#[tokio::test]
async fn refusals_read_like_those_of_other_providers() {
    let body = format!(r#"{{"type":"error","error":{{"message":"invalid x-api-key {KEY}"}}}}"#);
    let server = Server::start(vec![response("401 Unauthorized", "application/json", &body)]).await;
    let reason = reason(ask(&server.url).await);
    assert!(reason.contains("check ANTHROPIC_API_KEY (status 401: invalid x-api-key"), "{reason}");
}

#[tokio::test]
async fn a_redirect_does_not_leak_the_key() {
    let thief = Server::start(vec![response("200 OK", "application/json", "{}")]).await;
    let head = format!("307 Temporary Redirect\r\nlocation: {}/v1/messages", thief.url);
    let server = Server::start(vec![response(&head, "text/plain", "")]).await;
    assert!(reason(ask(&server.url).await).contains("redirects"));
    assert!(thief.requests().is_empty());
}

#[tokio::test]
async fn connection_failures_have_readable_messages() {
    assert!(reason(ask("http://127.0.0.1:9/").await).contains("cannot be reached"));
    for reply in [
        Reply::Bytes(Vec::new()),
        response("200 OK", "text/html", "<html>"),
        Reply::Bytes([EVENTS, b"event: message_start\ndata: nonsense\n\n"].concat()),
    ] {
        let server = Server::start(vec![reply]).await;
        assert!(!reason(ask(&server.url).await).is_empty());
    }
}

/// Returns the beginning of an answer in Anthropic's format.
fn unfinished() -> Vec<u8> {
    let mut stream = EVENTS.to_vec();
    for event in [
        r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Take 5 mg"}}"#,
    ] {
        let kind = event.split('"').nth(3).unwrap();
        stream.extend_from_slice(format!("event: {kind}\ndata: {event}\n\n").as_bytes());
    }
    stream
}

#[tokio::test]
async fn an_interrupted_answer_reports_the_cause() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\
        \"message\":\"Overloaded\"}}\n\n";
    for (rest, words) in [("", "broke off"), (error, "Overloaded")] {
        let stream = [unfinished(), rest.as_bytes().to_vec()].concat();
        let server = Server::start(vec![Reply::Bytes(stream)]).await;
        let answer = anthropic(&server.url).answer(ChatRequest::default()).await.unwrap();
        let deltas: Vec<_> = answer.collect().await;
        assert_eq!(deltas[0].as_ref().unwrap(), &Delta::Text("Take 5 mg".into()));
        let Some(Err(error)) = deltas.last() else { panic!("{deltas:?}") };
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn endless_responses_are_aborted() {
    let text = "word ".repeat(20_000);
    let again = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
        \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
    );
    let server = Server::start(vec![Reply::Endless(unfinished(), again.into_bytes())]).await;
    assert!(reason(ask(&server.url).await).contains("is too long"));
}

#[tokio::test]
async fn unsupported_options_are_refused_by_name() {
    let with = |sampling| ChatRequest { sampling, ..ChatRequest::default() };
    let url = vec![Image::Url("https://example.com/a.png".into())];
    for (request, name) in [
        (with(Sampling { seed: Some(1), ..Sampling::default() }), "seed"),
        (ChatRequest { images: url, ..ChatRequest::default() }, "image_url"),
    ] {
        let refused = anthropic("http://127.0.0.1:9").answer(request).await;
        assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == name), "{name}");
    }
}
