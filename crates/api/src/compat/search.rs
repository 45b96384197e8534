//! `POST /api/v1/workspace/{slug}/vector-search`.
use actix_web::post;
use actix_web::web::{Data, Json, Path};
use carrel_domain::library::Passage;
use carrel_services::Ports;
use carrel_services::search::{Hit, MAX_PASSAGES};
use serde_json::{Value, json};

use super::error::error_body::PlainMessage;
use super::values::as_number;
use super::{JsonBody, names, sources};
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse};
use crate::v1::search::wire::{SearchBody, SearchResult, SearchResults};

/// Find the passages of a workspace that match a text.
///
/// Invalid limits are ignored.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = SearchBody,
    responses((status = 200, body = SearchResults), ErrorResponse<PlainMessage>))]
#[post("/workspace/{slug}/vector-search")]
pub async fn search_vectors(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<SearchBody>,
) -> ApiResult<Json<SearchResults>, PlainMessage> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let query = repair(body.read().await?).into_query()?;
    let hits = ports.search.nearest(&workspace, query).await?;
    Ok(Json(SearchResults::new(hits, result)))
}

fn result(hit: Hit) -> SearchResult {
    let id = sources::passage(hit.passage.chunk);
    let document = names::rename(hit.passage.document);
    let passage = Passage { document, ..hit.passage };
    let mut result = SearchResult::new(Hit { passage, ..hit });
    result.id = id;
    result
}

fn repair(mut body: SearchBody) -> SearchBody {
    body.query = body.query.map(query_text);
    body.top_n = body.top_n.as_ref().and_then(limit);
    body.score_threshold = body.score_threshold.as_ref().and_then(share);
    body
}

/// Joins a list of queries into one.
// quirk(list-of-queries): all queries of a list count
// native: the `query` of a search is a string
// test: `dialects::limits_of_searches_are_parsed_loosely`
fn query_text(query: Value) -> Value {
    match query {
        Value::Array(texts) => {
            texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ").into()
        }
        query => query,
    }
}

// quirk(loose-bounds): numbers may be strings, a `topN` above the maximum becomes the maximum,
// other invalid values are ignored
// native: `topN` and `scoreThreshold` of a search have their types and stay within their bounds
// test: `dialects::limits_of_searches_are_parsed_loosely`
fn limit(value: &Value) -> Option<Value> {
    let limit = as_number(value).filter(|limit| *limit >= 1.0)?;
    Some(json!(limit.min(MAX_PASSAGES as f64)))
}

fn share(value: &Value) -> Option<Value> {
    let share = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => {
            let text = text.trim_start();
            let ends = |c: char| !matches!(c, '0'..='9' | '.' | '-' | '+');
            text.split(ends).next()?.parse().ok()?
        }
        _ => return None,
    };
    (0.0..=1.0).contains(&share).then(|| json!(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bounds_count_as_absent() {
        let read = |body: Value| {
            let query = repair(serde_json::from_value(body).unwrap()).into_query().unwrap();
            (query.text, query.limit, query.min_similarity)
        };
        let loose = json!({ "query": ["a", 5, "b"], "topN": "7", "scoreThreshold": "0.5x" });
        assert_eq!(read(loose), ("a b".to_owned(), Some(7), Some(0.5)));
        for nonsense in [json!(0), json!("x"), json!([1]), json!(null)] {
            let body = json!({ "query": "a", "topN": nonsense });
            let limit = read(body).1;
            assert_eq!(limit, None, "{nonsense}");
        }
        assert_eq!(read(json!({ "topN": 1e9, "scoreThreshold": 7 })).1, Some(MAX_PASSAGES));
    }
}
