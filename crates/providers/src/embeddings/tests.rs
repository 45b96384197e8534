//! Embedding over HTTP, against servers on real sockets.
use super::*;
use crate::refusal::Hints;
use crate::testing::{Reply, Server, response};

fn embedder(base: &str) -> RemoteEmbedder {
    let http = crate::Http::new().unwrap();
    let hints = Hints { base: "EMBEDDING_BASE_PATH", key: "" };
    let endpoint = Endpoint::new(&http, base, None, SERVICE, hints).unwrap();
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
async fn vectors_are_in_order_and_of_unit_length() {
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
async fn texts_are_sent_in_batches_with_the_prefix_of_their_purpose() {
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
fn the_identity_differs_if_vectors_may_differ() {
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
    let unreachable = embedder("http://127.0.0.1:9/");
    assert!(unreachable.embed(&[], Purpose::Passage).await.unwrap().is_empty());
}

#[tokio::test]
async fn invalid_responses_are_refused() {
    for (body, words) in [
        (r#"{"data":[]}"#, "it returned 0 vectors for 2 texts"),
        (
            r#"{"data":[{"embedding":[1]},{"embedding":[1,2]}]}"#,
            "it returned a vector of 2 numbers after one of 1",
        ),
        (r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#, "two vectors"),
        (r#"{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}"#, "not sent"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[0]}]}"#, "vector 2 of 2 contains only zeros"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[]}]}"#, "vector 2 of 2 is empty"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[1e39]}]}"#, "without a value"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[NaN]}]}"#, "with NaN"),
        ("[]", "it returned 0 vectors"),
        ("", "not the JSON expected"),
    ] {
        let reason = refusal(body).await;
        assert!(reason.contains(words), "{body}: {reason}");
    }
}

#[tokio::test]
async fn endless_responses_are_aborted() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n".to_vec();
    let server = Server::start(vec![Reply::Endless(head, vec![b' '; 8192])]).await;
    let outcome = embedder(&server.url).embed(&texts(1), Purpose::Passage).await;
    assert!(outcome.unwrap_err().to_string().contains("is longer than"));
}

/// Returns a response with a two-dimensional vector for each text.
fn vectors(count: usize) -> Reply {
    let items = vec![r#"{"embedding":[1,1]}"#; count].join(",");
    json(&format!(r#"{{"data":[{items}]}}"#))
}

fn refuse(message: &str) -> Reply {
    let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
    response("400 Bad Request", "application/json", &body)
}

#[tokio::test]
async fn the_batch_limit_is_found_and_remembered() {
    let refuse = || refuse("batch size 32 is larger than the maximum of 10");
    let replies = vec![refuse(), refuse(), vectors(8), vectors(8), vectors(8), vectors(8)];
    let again = (0..4).map(|_| vectors(8));
    let server = Server::start(replies.into_iter().chain(again).collect()).await;
    let embedder = embedder(&server.url);
    for requests in [6, 10] {
        let embedded = embedder.embed(&texts(32), Purpose::Passage).await.unwrap();
        assert_eq!((embedded.len(), server.requests().len()), (32, requests));
    }
}

#[tokio::test]
async fn a_refused_text_is_named_with_its_position() {
    let refuse = || refuse("input must not be profane");
    let server = Server::start(vec![refuse(), vectors(1), refuse(), vectors(1)]).await;
    let outcome = embedder(&server.url).embed(&texts(2), Purpose::Passage).await;
    let Err(Error::Unprocessable { reason }) = outcome else { panic!("{outcome:?}") };
    for words in ["passage 2 of 2", "\"text 1\"", "must not be profane"] {
        assert!(reason.contains(words), "{words}: {reason}");
    }
}

#[tokio::test]
async fn a_service_that_refuses_every_text_is_unavailable() {
    let refuse = || refuse("no such model");
    let server = Server::start(vec![refuse(), refuse()]).await;
    let outcome = embedder(&server.url).embed(&texts(1), Purpose::Passage).await;
    assert!(matches!(outcome, Err(Error::Unavailable { .. })), "{outcome:?}");
}

#[tokio::test]
async fn vectors_of_the_wrong_length_are_refused() {
    let server = Server::start(vec![vectors(1)]).await;
    let mut embedder = embedder(&server.url);
    embedder.dimensions = Some(3);
    let error = embedder.embed(&texts(1), Purpose::Passage).await.unwrap_err().to_string();
    assert!(error.contains("EMBEDDING_OUTPUT_DIMENSIONS is 3"), "{error}");
}

#[tokio::test]
async fn an_embedder_waits_as_long_as_the_provider_asks() {
    let too_many = "429 Too Many Requests\r\nretry-after-ms: 10";
    let server =
        Server::start(vec![response(too_many, "application/json", "{}"), vectors(1)]).await;
    let embedded = embedder(&server.url).embed(&texts(1), Purpose::Passage).await;
    assert_eq!(embedded.unwrap().len(), 1);
}
