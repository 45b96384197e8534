//! Providers that respond in unusual ways, refuse parts of requests, or break off.
use carrel_domain::model::{Image, ResponseFormat, Sampling};
use serde_json::json;

use super::*;

/// Returns a chunk of a stream.
fn chunk(content: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}}}}]}}\n\n")
}

const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// Returns a response with a body of unknown length.
fn body(kind: &str, body: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n{body}").into_bytes())
}

/// Returns the text, the reasoning, and the error if the answer failed.
async fn answer_to(reply: Reply) -> (String, String, Option<String>) {
    let server = Server::start(vec![reply]).await;
    collect_answer(&model(&server.url)).await
}

async fn collect_answer(model: &OpenAi) -> (String, String, Option<String>) {
    let (mut text, mut reasoning, mut failed) = (String::new(), String::new(), None);
    let mut answer = model.answer(request()).await.unwrap();
    while let Some(delta) = answer.next().await {
        match delta {
            Ok(Delta::Text(more)) => text.push_str(&more),
            Ok(Delta::Reasoning(more)) => reasoning.push_str(&more),
            Ok(_) => {}
            Err(error) => failed = Some(error.to_string()),
        }
    }
    (text, reasoning, failed)
}

#[tokio::test]
async fn unusual_but_valid_streams_are_read() {
    let (hello, world) = (chunk("Hello"), chunk(" world"));
    let whole = r#"{"choices":[{"message":{"content":"Hello world"},"finish_reason":"stop"}]}"#;
    for (kind, stream) in [
        ("text/event-stream", format!("{hello}{world}data: [DONE] \n\n")),
        ("text/event-stream", format!("\u{feff}{hello}{world}{STOP}")),
        ("text/event-stream", format!("data: \n\n{hello}data:\n\n: c\n\n{world}{STOP}{DONE}")),
        ("text/event-stream", format!("{hello}{world}{STOP}").replace('\n', "\r\n")),
        ("text/event-stream", format!("{hello}{world}{STOP}").replace("\n\n", "\n")),
        (
            "text/event-stream",
            format!(
                "data: null\n\nevent: ping\ndata: {{\"type\":\"ping\"}}\n\n{hello}{world}{DONE}"
            ),
        ),
        ("application/json", format!("{hello}{world}{DONE}")),
        ("text/html", format!("{hello}{world}{DONE}")),
        ("text/event-stream", whole.to_owned()),
        ("text/plain", format!("\u{feff}{whole}")),
        ("text/event-stream", format!("{hello}{}{DONE}", world.replace("]}", "],\"error\":\"\"}"))),
        ("text/event-stream", format!("{hello}{}{DONE}", world.replace("]}", "],\"error\":{}}"))),
        ("text/event-stream", format!("{hello}{world}data: {whole}\n\n")),
        ("text/event-stream", format!("{}{hello}{world}{DONE}", chunk("B").replace(":0", ":1"))),
    ] {
        let answer = answer_to(body(kind, &stream)).await;
        assert_eq!(answer, ("Hello world".into(), String::new(), None), "{kind}: {stream}");
    }
}

#[tokio::test]
async fn split_characters_are_joined_or_replaced() {
    let (first, second) = (chunk("\\ud83d"), chunk("\\ude00 smile"));
    let whole = answer_to(body("text/event-stream", &format!("{first}{second}{STOP}"))).await;
    assert_eq!((whole.0.as_str(), whole.2), ("😀 smile", None));
    let answer = answer_to(body("text/event-stream", &format!("{first}{STOP}"))).await;
    assert_eq!((answer.0.as_str(), answer.2), ("\u{fffd}", None));
}

#[tokio::test]
async fn a_truncated_answer_is_never_reported_as_complete() {
    let part = chunk("Take 5 mg");
    for (rest, words) in [
        ("".to_owned(), "broke off"),
        ("error: {\"code\":500,\"message\":\"slot failed\"}\n\n".into(), "slot failed"),
        ("event: error\ndata: {\"message\":\"quota exceeded\"}\n\n".into(), "quota exceeded"),
        ("event: error\ndata: engine died\n\n".into(), "engine died"),
        (format!("data: {{\"error\":{{\"message\":\"bad {KEY}\"}}}}\n\n"), "bad [key]"),
        ("data: {\"error\":\"Model is overloaded\"}\n\n".into(), "Model is overloaded"),
        (
            format!("data: {{\"object\":\"error\",\"message\":\"engine died\"}}\n\n{DONE}"),
            "engine died",
        ),
        (
            format!("data: {{\"detail\":[{{\"loc\":[\"a\"],\"msg\":\"wrong\"}}]}}\n\n{DONE}"),
            "a: wrong",
        ),
        ("data: {\"choices\":[{\"delta\":{\"cont".into(), "broke off"),
        ("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n".into(), "`error`"),
        ("data: <html>\n\n".into(), "a web page"),
    ] {
        let (text, _, failed) =
            answer_to(body("text/event-stream", &format!("{part}{rest}"))).await;
        let failed = failed.unwrap_or_default();
        assert_eq!(text, "Take 5 mg", "{rest}");
        assert!(failed.contains(words) && !failed.contains(KEY), "{rest}: {failed}");
    }
}

#[tokio::test]
async fn errors_in_place_of_an_answer_are_passed_on() {
    for (content, words) in [
        (r#"{"error":{"message":"model overloaded"}}"#, "model overloaded"),
        (r#"{"error":"context length exceeded"}"#, "context length exceeded"),
        (r#"{"code":1301,"msg":"balance is insufficient","success":false}"#, "balance is"),
        (r#"{"detail":"no model"}"#, "no model"),
        ("error: {\"message\":\"too long\"}\n\n", "too long"),
    ] {
        for kind in ["application/json", "text/event-stream"] {
            let (text, _, failed) = answer_to(body(kind, content)).await;
            let failed = failed.unwrap_or_default();
            assert!(text.is_empty() && failed.contains(words), "{content}: {failed}");
        }
    }
}

#[tokio::test]
async fn reasoning_within_the_text_is_separated() {
    for text in ["<think>\\nsecret plan\\n</think>\\n\\nHello", "secret plan\\n</think>\\n\\nHello"]
    {
        let (answer, reasoning, failed) =
            answer_to(body("text/event-stream", &format!("{}{DONE}", chunk(text)))).await;
        assert_eq!((answer.as_str(), reasoning.trim(), failed), ("Hello", "secret plan", None));
    }
}

#[tokio::test]
async fn refused_parameters_are_left_out_and_remembered() {
    let good = || body("text/event-stream", &format!("{}{DONE}", chunk("Hello")));
    let refuse = |status: &str, message: &str| {
        response(
            status,
            "application/json",
            &json!({ "error": { "message": message } }).to_string(),
        )
    };
    let server = Server::start(vec![
        refuse("400 Bad Request", "Unrecognized request argument supplied: stream_options"),
        refuse("422 Unprocessable Entity", "use `max_completion_tokens`, not `max_tokens`"),
        refuse("400 Bad Request", "System role not supported"),
        good(),
        good(),
    ])
    .await;
    let model = model(&server.url);
    let limited = || ChatRequest { longest_answer: Some(9), ..request() };
    for _ in 0..2 {
        let answer = model.answer(limited()).await.unwrap();
        assert!(answer.collect::<Vec<_>>().await.iter().all(Result::is_ok));
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 5, "the second question is asked once");
    for sent in &requests[3..] {
        let sent: Value = serde_json::from_str(sent.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((sent.get("stream_options"), sent.get("max_tokens")), (None, None));
        assert_eq!(sent["max_completion_tokens"], 9);
        let roles: Vec<_> =
            sent["messages"].as_array().unwrap().iter().map(|m| &m["role"]).collect();
        assert_eq!(roles, ["user", "assistant", "user"]);
        let first = sent["messages"][0]["content"].as_str().unwrap();
        assert!(first.starts_with("Be brief.") && first.ends_with("hi"), "{first}");
    }
}

#[tokio::test]
async fn client_parameters_reach_the_provider_or_are_refused_by_name() {
    let sampling = Sampling {
        top_p: Some(0.5),
        seed: Some(1),
        stop: vec!["END".into()],
        presence_penalty: Some(1.0),
        response_format: Some(ResponseFormat::JsonSchema(r#"{"name":"n","schema":{}}"#.into())),
        ..Sampling::default()
    };
    let request = || ChatRequest {
        sampling: sampling.clone(),
        images: vec![Image::Url("https://example.com/a.png".into())],
        ..request()
    };
    let refusal = r#"{"error":{"message":"seed is not supported"}}"#;
    let server = Server::start(vec![
        body("text/event-stream", &format!("{}{DONE}", chunk("{}"))),
        response("400 Bad Request", "application/json", refusal),
    ])
    .await;
    let model = model(&server.url);
    drop(model.answer(request()).await.unwrap());
    let sent = server.requests().remove(0);
    let sent: Value = serde_json::from_str(sent.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&sent["top_p"], &sent["seed"]), (&json!(0.5), &json!(1)));
    assert_eq!((&sent["stop"], &sent["presence_penalty"]), (&json!(["END"]), &json!(1.0)));
    let schema = json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": {} } });
    assert_eq!(sent["response_format"], schema);
    let last = &sent["messages"].as_array().unwrap().last().unwrap()["content"];
    assert_eq!(last[1]["image_url"]["url"], "https://example.com/a.png");
    let refused = model.answer(request()).await;
    assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == "seed"));
}

#[tokio::test]
async fn requests_wait_as_long_as_the_provider_asks() {
    let too_many = "429 Too Many Requests\r\nretry-after: 0";
    let server = Server::start(vec![
        response(too_many, "application/json", r#"{"error":{"message":"slow down"}}"#),
        body("text/event-stream", &format!("{}{DONE}", chunk("Hello"))),
    ])
    .await;
    let mut model = model(&server.url);
    Arc::get_mut(&mut model.endpoint).unwrap().deadlines.patience = Duration::from_secs(30);
    assert_eq!(collect_answer(&model).await.0, "Hello");
    let server = Server::start(vec![response(
        "429 Too Many Requests\r\nretry-after: 3600",
        "application/json",
        r#"{"error":{"message":"come back tomorrow"}}"#,
    )])
    .await;
    let reason = reason(ask(&super::model(&server.url)).await);
    assert!(reason.contains("come back tomorrow"), "{reason}");
}
