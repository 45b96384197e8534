//! Reranking over HTTP, against servers on real sockets, one for each protocol.
use super::*;
use crate::refusal::Hints;
use crate::testing::{Reply, Server, response};

fn reranker(base: &str, name: &str, model: Option<&str>) -> RemoteReranker {
    let http = crate::Http::new().unwrap();
    let hints = Hints { base: OWN_BASE, key: "RERANK_API_KEY" };
    let endpoint = Endpoint::new(&http, base, Some("secret-1234".into()), SERVICE, hints).unwrap();
    let row = RERANK_PROVIDERS.iter().find(|row| row.name == name).unwrap();
    RemoteReranker::new(endpoint, *row, model.map(str::to_owned), Duration::from_secs(20))
}

fn json(body: &str) -> Reply {
    response("200 OK", "application/json", body)
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("text {number}")).collect()
}

fn body_of(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn requests_follow_the_protocol_of_each_provider() {
    let results =
        r#"{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}"#;
    let data = r#"{"object":"list","data":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}"#;
    let list = r#"[{"index":1,"score":0.9},{"index":0,"score":0.1}]"#;
    let documents = json!({ "query": "q", "documents": texts(2) });
    let with = |more: Value| {
        let mut body = documents.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (name, path, model, answer, body) in [
        ("cohere", "/v2", Some("m"), results, with(json!({ "model": "m", "top_n": 2 }))),
        (
            "jina",
            "/v1",
            Some("m"),
            results,
            with(json!({ "model": "m", "top_n": 2, "return_documents": false })),
        ),
        ("voyageai", "/v1", Some("m"), data, with(json!({ "model": "m" }))),
        ("localai", "/v1", Some("m"), results, with(json!({ "model": "m", "top_n": 2 }))),
        ("generic", "/own/v1", None, results, with(json!({ "top_n": 2 }))),
        (
            "tei",
            "",
            None,
            list,
            json!({ "query": "q", "texts": texts(2), "truncate": true, "raw_scores": false }),
        ),
    ] {
        let server = Server::start(vec![json(answer)]).await;
        let reranker = reranker(&format!("{}{path}", server.url), name, model);
        let scores = reranker.rerank("q", &texts(2)).await.unwrap();
        assert_eq!(scores, [Some(0.1), Some(0.9)], "{name}");
        let request = &server.requests()[0];
        assert!(request.starts_with(&format!("POST {path}/rerank HTTP")), "{name}: {request}");
        assert!(request.contains("Bearer secret-1234"), "{name}");
        assert_eq!(body_of(request), body, "{name}");
        assert_eq!(reranker.name(), model.unwrap_or(name));
    }
}

#[tokio::test]
async fn texts_beyond_the_batch_size_are_sent_in_several_requests() {
    let some = |count: usize| {
        let items: Vec<_> =
            (0..count).map(|at| json!({ "index": at, "score": at as f32 / 100.0 })).collect();
        json(&Value::from(items).to_string())
    };
    let server = Server::start(vec![some(32), some(8)]).await;
    let scores = reranker(&server.url, "tei", None).rerank("q", &texts(40)).await.unwrap();
    assert_eq!((scores.len(), scores[31], scores[39]), (40, Some(0.31), Some(0.07)));
    let sent = |at: usize| body_of(&server.requests()[at])["texts"].as_array().unwrap().len();
    assert_eq!((sent(0), sent(1)), (32, 8));
}

#[tokio::test]
async fn long_texts_are_truncated() {
    let server = Server::start(vec![json(r#"[{"index":0,"score":0.5}]"#)]).await;
    let long = ["ж".repeat(LONGEST_TEXT * 2)];
    let reranker = reranker(&server.url, "tei", None);
    reranker.rerank(&"q".repeat(LONGEST_QUERY * 2), &long).await.unwrap();
    let body = body_of(&server.requests()[0]);
    let length = |value: &Value| value.as_str().unwrap().chars().count();
    assert_eq!((length(&body["texts"][0]), length(&body["query"])), (LONGEST_TEXT, LONGEST_QUERY));
}

#[tokio::test]
async fn errors_do_not_contain_the_key() {
    for (reply, words) in [
        (response("401 Unauthorized", "text/plain", "secret-1234 is bad"), "check RERANK_API_KEY"),
        (response("404 Not Found", "text/plain", "nope"), "RERANK_BASE_PATH"),
        (response("422 Unprocessable", "text/plain", "batch size 50 > 32"), "batch size"),
        (json(r#"{"error":"no model secret-1234"}"#), "it reports an error: no model"),
        (json("<html>"), "a web page"),
        (json(&format!("[{}", " ".repeat(200 << 10))), "longer than"),
    ] {
        let server = Server::start(vec![reply]).await;
        let error = reranker(&server.url, "generic", None).rerank("q", &texts(1)).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(SERVICE), "{error}");
        assert!(!error.contains("secret-1234"), "{error}");
    }
}

#[tokio::test]
async fn a_reranker_that_hangs_times_out_and_is_not_called_for_a_while() {
    let mut server = Server::start(vec![Reply::ThenSilence(Vec::new())]).await;
    let mut reranker = reranker(&server.url, "tei", None);
    reranker.limit = Duration::from_millis(50);
    let slow = reranker.rerank("q", &texts(1)).await.unwrap_err().to_string();
    assert!(slow.contains("sent nothing for"), "{slow}");
    server.client_gone().await;
    // The server no longer listens, so a request would fail with another message.
    let rests = reranker.rerank("q", &texts(1)).await.unwrap_err().to_string();
    assert!(rests.contains("is tried again in 30 seconds"), "{rests}");
    *reranker.rests_until.lock().unwrap() = Some(Instant::now());
    let message = reranker.rerank("q", &texts(1)).await.unwrap_err().to_string();
    assert!(!message.contains("is tried again"), "{message}");
}
