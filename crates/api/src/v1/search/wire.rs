//! JSON of searches.
use std::ops::RangeInclusive;

use carrel_domain::workspace::SearchMode;
use carrel_domain::{Error, Result};
use carrel_services::provenance::ProvenanceFields;
use carrel_services::record;
use carrel_services::search::{Hit, MAX_PASSAGES, Query, Ranking};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::v1::filter;
use crate::v1::provenance::PassageProvenance;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchBody {
    /// The text to search for.
    #[serde(default)]
    #[schema(value_type = String)]
    pub query: Option<Value>,
    /// Most passages to return, 1 to 1000; the workspace's setting if absent.
    #[serde(default, rename = "topN", alias = "top_n")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub top_n: Option<Value>,
    /// Lowest similarity, 0 to 1; the workspace's setting if absent.
    #[serde(default, alias = "score_threshold")]
    #[schema(value_type = Option<f32>, minimum = 0, maximum = 1)]
    pub score_threshold: Option<Value>,
    /// Search mode: `vector`, `lexical`, `hybrid`, `rerank` or `default`; the workspace's setting
    /// if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    search_mode: Option<Value>,
    /// Restricts the search to some documents; all documents of the workspace if absent.
    #[serde(default)]
    #[schema(value_type = Option<filter::FilterBody>)]
    filter: Option<Value>,
}

impl SearchBody {
    pub fn into_query(self) -> Result<Query> {
        let text = match self.query {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(_) => return Err(Error::invalid("query", "must be text")),
        };
        let limit = bounded_number(self.top_n, "topN", 1.0..=MAX_PASSAGES as f64)?;
        let minimum = bounded_number(self.score_threshold, "scoreThreshold", 0.0..=1.0)?;
        Ok(Query {
            text,
            limit: limit.map(|limit| limit as usize),
            min_similarity: minimum.map(|minimum| minimum as f32),
            mode: mode(self.search_mode)?,
            filter: filter::read(self.filter)?,
            history: Vec::new(),
        })
    }
}

fn mode(value: Option<Value>) -> Result<Option<SearchMode>> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    match value.as_str().and_then(SearchMode::parse) {
        Some(mode) => Ok(Some(mode)),
        None => {
            Err(Error::invalid("searchMode", "must be default, vector, lexical, hybrid or rerank"))
        }
    }
}

fn bounded_number(
    value: Option<Value>,
    field: &'static str,
    range: RangeInclusive<f64>,
) -> Result<Option<f64>> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    match value.as_f64() {
        Some(number) if range.contains(&number) => Ok(Some(number)),
        _ => {
            let allowed = format!("must be a number from {} to {}", range.start(), range.end());
            Err(Error::invalid(field, allowed))
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct SearchResults {
    pub results: Vec<SearchResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
}

/// A passage.
#[derive(Serialize, ToSchema)]
pub struct SearchResult {
    pub id: String,
    /// The passage below a header that names its document.
    text: String,
    metadata: PassageMetadata,
    /// 1 - score.
    distance: f32,
    /// Cosine similarity to the query, 0 to 1. In `lexical` mode, the share of the query that the
    /// passage contains.
    score: f32,
    why: Reasons,
}

/// Why a passage was found. Fields that do not apply are absent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reasons {
    /// Rank by similarity, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    vector_rank: Option<usize>,
    /// Rank among passages that share words with the query, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    lexical_rank: Option<usize>,
    /// BM25 score. Only comparable within one response.
    #[serde(skip_serializing_if = "Option::is_none")]
    lexical_score: Option<f32>,
    /// Share of the query's words in the passage, 0 to 1. Rare words weigh more.
    #[serde(skip_serializing_if = "Option::is_none")]
    lexical_share: Option<f32>,
    /// Score of the reranker, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    rerank_score: Option<f32>,
}

impl From<Ranking> for Reasons {
    fn from(ranking: Ranking) -> Self {
        let Ranking { vector_rank, lexical, rerank_score } = ranking;
        Self {
            vector_rank,
            lexical_rank: lexical.map(|lexical| lexical.rank),
            lexical_score: lexical.map(|lexical| lexical.score),
            lexical_share: lexical.map(|lexical| lexical.share),
            rerank_score,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PassageMetadata {
    url: String,
    title: String,
    author: String,
    description: String,
    doc_source: String,
    chunk_source: String,
    published: String,
    word_count: i32,
    token_count: i32,
    /// `folder/file.json` of the document.
    location: String,
    /// Id of the document, which stays the same when the document moves.
    document_id: String,
    /// Number of the passage within the document, from 0.
    ordinal: i32,
    /// Start of the passage in the document's text, in characters (Unicode scalar values) from 0.
    /// Absent if an early version indexed the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<u32>,
    /// End of the passage, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u32>,
    #[serde(flatten)]
    provenance: PassageProvenance,
}

impl SearchResult {
    pub fn new(hit: Hit) -> Self {
        let text = record::passage_text(&hit.passage);
        let provenance = ProvenanceFields::of(&hit.passage).into();
        let document = hit.passage.document;
        let metadata = PassageMetadata {
            url: document.url,
            title: document.title,
            author: document.author,
            description: document.description,
            doc_source: document.source,
            chunk_source: document.chunk_source,
            published: document.published.to_string(),
            word_count: document.words,
            token_count: document.tokens,
            location: document.path.to_string(),
            document_id: document.id.to_string(),
            ordinal: hit.passage.ordinal,
            start: hit.passage.span.map(|span| span.start),
            end: hit.passage.span.map(|span| span.end),
            provenance,
        };
        let (id, score) = (hit.passage.chunk.to_string(), hit.similarity);
        Self { id, text, metadata, distance: 1.0 - score, score, why: hit.ranking.into() }
    }
}

impl SearchResults {
    pub fn new(hits: Option<Vec<Hit>>, to_result: fn(Hit) -> SearchResult) -> Self {
        let message = hits.is_none().then_some("No embeddings found for this workspace.");
        let results = hits.unwrap_or_default().into_iter().map(to_result).collect();
        Self { results, message }
    }
}
