//! Reranking that prefers short texts, in each provider's protocol.
use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::error;

/// `/rerank` takes `texts` and answers with a list; the others take `documents` and wrap it.
pub(super) async fn respond(path: &str, body: &Value) -> HttpResponse {
    let model = body["model"].as_str().unwrap_or_default();
    let status = model.strip_prefix("fail-").and_then(|status| status.parse().ok());
    if let Some(status @ 400..=599) = status {
        return error(status, "the model was asked to fail");
    }
    if model == "silent" {
        return std::future::pending().await;
    }
    let (texts, score_name) = match path {
        "/rerank" => (&body["texts"], "score"),
        _ => (&body["documents"], "relevance_score"),
    };
    let (Some(texts), Some(query)) = (texts.as_array(), body["query"].as_str()) else {
        return error(422, "a query and a list of texts are needed");
    };
    if query.is_empty() || (path == "/rerank" && texts.len() > 32) {
        return error(413, "batch size is larger than 32");
    }
    if path == "/v2/rerank" && model.is_empty() {
        return error(400, "model is missing");
    }
    let score = |text: &Value| 1.0 / (1.0 + text.as_str().unwrap_or_default().len() as f64);
    let mut scored: Vec<_> = texts.iter().map(score).enumerate().collect();
    scored.sort_by(|(_, one), (_, two)| two.total_cmp(one));
    let item = |(index, score): (usize, f64)| json!({ "index": index, score_name: score });
    let list: Vec<_> = scored.into_iter().map(item).collect();
    HttpResponse::Ok().json(match path {
        "/rerank" => json!(list),
        "/v1/rerank" => json!({ "model": model, "results": list, "usage": { "total_tokens": 7 } }),
        _ => json!({ "id": "1", "results": list, "meta": { "api_version": { "version": "2" } } }),
    })
}
