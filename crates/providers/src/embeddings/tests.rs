//! Embedding over HTTP against servers on real sockets.
use super::*;
use crate::refusal::Hints;
use crate::testing::{Reply, Server, response};

fn embedder(base: &str) -> RemoteEmbedder {
    let http = crate::http_client().unwrap();
    let hints = Hints { base: "EMBEDDING_BASE_PATH", key: "" };
    let endpoint = Endpoint::new(http, base, None, SERVICE, hints).unwrap();
    RemoteEmbedder::new(endpoint, "generic-openai", "m".into())
}

fn json(body: &str) -> Reply {
    response("200 OK", "application/json", body)
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("text {number}")).collect()
}

async fn refusal(body: &str) -> String {
    let server = Server::start(vec![json(body)]).await;
    match embedder(&server.url).embed(&texts(2), Purpose::Passage).await {
        Err(Error::Unavailable { service: "the embedding service", reason, .. }) => reason.into(),
        other => panic!("{body}: {other:?}"),
    }
}

#[tokio::test]
async fn vectors_come_back_in_order_and_of_unit_length() {
    let server = Server::start(vec![json(
        r#"{"data":[{"index":1,"embedding":[0,-2]},{"index":0,"embedding":[3e38,3e38]}]}"#,
    )])
    .await;
    let vectors = embedder(&server.url).embed(&texts(2), Purpose::Passage).await.unwrap();
    let half = 0.5f32.sqrt();
    assert!((vectors[0][0] - half).abs() < 1e-6 && (vectors[0][1] - half).abs() < 1e-6);
    assert_eq!(vectors[1], [0.0, -1.0]);
}

#[tokio::test]
async fn texts_go_out_in_batches_with_the_prefix_of_their_purpose() {
    let one = r#"{"data":[{"embedding":[1]}]}"#;
    let two = r#"{"data":[{"embedding":[1]},{"embedding":[1]}]}"#;
    let server = Server::start(vec![json(two), json(one)]).await;
    let mut embedder = embedder(&format!("{}/v1", server.url));
    embedder.batch = 2;
    embedder.dimensions = Some(1);
    embedder.query_prefix = "query: ".into();
    let vectors = embedder.embed(&texts(3), Purpose::Query).await.unwrap();
    assert_eq!(vectors.len(), 3);
    let requests = server.requests();
    assert!(requests[0].starts_with("POST /v1/embeddings "));
    assert!(requests[0].contains(r#""input":["query: text 0","query: text 1"],"dimensions":1"#));
    assert!(requests[1].contains(r#""input":["query: text 2"]"#));
}

#[test]
fn an_identity_differs_wherever_vectors_may() {
    let identity = |base: &str, change: fn(&mut RemoteEmbedder)| {
        let mut embedder = embedder(base);
        change(&mut embedder);
        embedder.model().identity
    };
    let usual = identity("http://a:1/v1", |_| {});
    assert!(usual.starts_with("generic-openai/m "), "{usual}");
    assert_eq!(usual, identity("http://somebody:secret@a:1/v1/", |_| {}));
    assert_eq!(usual, identity("http://a:1/v1", |embedder| embedder.query_prefix = "q".into()));
    for other in [
        identity("http://a:2/v1", |_| {}),
        identity("http://a:1/v1", |embedder| embedder.engine = "lmstudio"),
        identity("http://a:1/v1", |embedder| embedder.model = "n".into()),
        identity("http://a:1/v1", |embedder| embedder.dimensions = Some(1)),
        identity("http://a:1/v1", |embedder| embedder.passage_prefix = "p".into()),
    ] {
        assert_ne!(other, usual);
    }
    let long = identity("http://a:1/v1", |embedder| embedder.model = "é".repeat(1000));
    assert!(long.len() <= 200, "{long}");
}

#[tokio::test]
async fn no_texts_need_no_request() {
    let nobody = embedder("http://127.0.0.1:9/");
    assert!(nobody.embed(&[], Purpose::Passage).await.unwrap().is_empty());
}

#[tokio::test]
async fn wrong_answers_are_refused() {
    for (body, words) in [
        (r#"{"data":[]}"#, "0 vectors came for 2 texts"),
        (
            r#"{"data":[{"embedding":[1]},{"embedding":[1,2]}]}"#,
            "a vector of 2 numbers came after one of 1",
        ),
        (r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#, "two vectors"),
        (r#"{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}"#, "not sent"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[0]}]}"#, "no direction"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[]}]}"#, "no direction"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[1e39]}]}"#, "no direction"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[null]}]}"#, "not the JSON expected"),
        (r#"{"data":[{"embedding":[1]},{"embedding":["x"]}]}"#, "not the JSON expected"),
        ("[]", "not the JSON expected"),
        ("", "not the JSON expected"),
    ] {
        let reason = refusal(body).await;
        assert!(reason.contains(words), "{body}: {reason}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_vec();
    let server = Server::start(vec![Reply::Endless(head, vec![b' '; 8192])]).await;
    let outcome = embedder(&server.url).embed(&texts(1), Purpose::Passage).await;
    assert!(outcome.unwrap_err().to_string().contains("is longer than"));
}
