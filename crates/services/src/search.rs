//! Retrieval of the passages relevant to a question: by meaning, by words, or by both.
mod conversation;
mod external;
mod feedback;
mod fusion;
mod lexical;
mod rerank;
mod selection;

use std::collections::HashMap;
use std::sync::Arc;

use carrel_domain::filter::{DocumentFilter, FilterRows};
use carrel_domain::lexical::Lexical;
use carrel_domain::library::{Passage, WorkspaceDocuments};
use carrel_domain::model::{Models, Purpose};
use carrel_domain::vector::{VectorIndex, VectorQuery};
use carrel_domain::workspace::{SearchMode, Workspace};
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};

pub use conversation::ConversationTurn;
use external::rerank_by_model;
use fusion::{Candidate, Candidates, Fused};
pub use rerank::TextFeatures;

use crate::indexer::VectorLengths;

/// The maximum number of passages returned by a search.
pub const MAX_PASSAGES: usize = 1000;

/// The minimum number of candidates from each ranking, so that the other can confirm them.
const MIN_CANDIDATES: usize = 50;

/// The share of a question's words that makes a passage relevant regardless of similarity.
/// Embedders do not understand names and numbers: a third of the passages sought by them are below
/// the default_similarity similarity threshold.
const MIN_WORD_SHARE: f32 = 0.5;

/// Finds passages. Uses an embedder and a reranker, but never a language model. Cheap to clone.
#[derive(Clone)]
pub struct Search {
    /// Selects the embedder and the reranker.
    pub models: Arc<dyn Models>,
    /// Receives the lengths of query vectors, so that a changed model is noticed.
    pub lengths: Arc<VectorLengths>,
    /// The vector index.
    pub index: Arc<dyn VectorIndex>,
    /// The full-text index.
    pub lexical: Arc<dyn Lexical>,
    /// Reads the passages found.
    pub workspace_documents: Arc<dyn WorkspaceDocuments>,
    /// Finds the documents that match a filter.
    pub filter_rows: Arc<dyn FilterRows>,
}

/// A passage found by a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The passage and its document.
    pub passage: Passage,
    /// The similarity to the question, 0 to 1. For a search by words only, the share of the
    /// question's words in the passage.
    pub similarity: f32,
    /// How the passage was found.
    pub ranking: Ranking,
}

/// How a passage was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ranking {
    /// The rank by similarity, from 1. Absent if it was not found by meaning.
    pub vector_rank: Option<usize>,
    /// The ranking by words. Absent if it shares no words with the question.
    pub lexical: Option<LexicalRank>,
    /// The reranking score, 0 to 1.
    pub rerank_score: Option<f32>,
}

/// The ranking of a passage by words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LexicalRank {
    /// The rank by BM25, from 1.
    pub rank: usize,
    /// The BM25 score. Higher is better; comparable within one search only.
    pub score: f32,
    /// The share of the question in the passage, 0 to 1, with rarer words weighted higher.
    pub share: f32,
}

/// A search query. Absent fields use the settings of the workspace.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The query text.
    pub text: String,
    /// The maximum number of hits, up to [`MAX_PASSAGES`].
    pub limit: Option<usize>,
    /// The minimum similarity, 0 to 1. If absent, the workspace's minimum applies, and passages
    /// with most of the question's words are also returned.
    pub min_similarity: Option<f32>,
    /// The search mode.
    pub mode: Option<SearchMode>,
    /// A filter for documents.
    pub filter: DocumentFilter,
    /// Earlier turns of the conversation, newest first.
    pub history: Vec<ConversationTurn>,
}

/// A search with resolved limits.
struct Task<'a> {
    workspace: WorkspaceId,
    text: &'a str,
    history: &'a [ConversationTurn],
    limit: usize,
    min_similarity: f32,
    /// The share of the question's words that can replace the minimum similarity, if any.
    min_word_share: Option<f32>,
    documents: DocumentSelection<&'a [WorkspaceDocumentId]>,
}

impl Task<'_> {
    /// Returns whether a passage is relevant enough to be a hit.
    fn admits(&self, candidate: &Candidate) -> bool {
        let is_similar = candidate.similarity.is_some_and(|value| value >= self.min_similarity);
        let share = candidate.ranking.lexical.map_or(0.0, |rank| rank.share);
        is_similar || self.min_word_share.is_some_and(|minimum| share >= minimum)
    }

    fn candidate_limit(&self) -> usize {
        self.limit.max(MIN_CANDIDATES)
    }
}

impl Search {
    /// Returns the best passages for a query, best first, or `None` if the workspace has no
    /// passages. The filter and the minimum similarity apply before the limit.
    pub async fn nearest(&self, workspace: &Workspace, query: Query) -> Result<Option<Vec<Hit>>> {
        let documents = self.select_documents(workspace.id, &query.filter).await?;
        self.nearest_in(workspace, query, documents.as_deref()).await
    }

    /// Like [`Search::nearest`], but with already selected documents instead of the filter.
    pub(crate) async fn nearest_in(
        &self,
        workspace: &Workspace,
        query: Query,
        documents: DocumentSelection<&[WorkspaceDocumentId]>,
    ) -> Result<Option<Vec<Hit>>> {
        if query.text.trim().is_empty() {
            return Err(Error::invalid("query", "must not be empty"));
        }
        if matches!(documents, DocumentSelection::Only([])) {
            return Ok(Some(Vec::new()));
        }
        let settings = &workspace.settings;
        let limit = query.limit.or(usize::try_from(settings.passages).ok()).unwrap_or(1);
        let default_similarity = settings.least_similarity as f32;
        let task = Task {
            workspace: workspace.id,
            text: &query.text,
            history: &query.history,
            limit: limit.clamp(1, MAX_PASSAGES),
            min_similarity: query.min_similarity.unwrap_or(default_similarity),
            // A minimum in the query is strict; that of the workspace applies to similarity only.
            min_word_share: query
                .min_similarity
                .is_none()
                .then_some(default_similarity.max(MIN_WORD_SHARE)),
            documents,
        };
        if self.index.count(Some(workspace.id)).await? == 0 {
            // Imported documents are searchable by words before they are embedded.
            let hits = self.search_lexical(&task).await?;
            return Ok((!hits.is_empty()).then_some(hits));
        }
        let hits = match query.mode.unwrap_or(settings.search_mode).effective() {
            SearchMode::Vector => self.search_vectors(&task).await?,
            SearchMode::Lexical => self.search_lexical(&task).await?,
            mode => self.search_hybrid(&task, mode == SearchMode::Rerank).await?,
        };
        Ok(Some(hits))
    }

    async fn search_vectors(&self, task: &Task<'_>) -> Result<Vec<Hit>> {
        let Some(vector) = self.vector(task).await? else { return Ok(Vec::new()) };
        let mut candidates = Candidates::default();
        candidates.add_vector_ranking(self.nearest_chunks(task, &vector, task.limit).await?);
        self.hits(task, candidates.ranked_by_similarity()).await
    }

    async fn search_lexical(&self, task: &Task<'_>) -> Result<Vec<Hit>> {
        let (_, matches) = lexical::search(self, task).await?;
        let matches =
            matches.into_iter().filter(|item| item.share >= task.min_similarity).take(task.limit);
        let hit = |(rank, item): (usize, lexical::LexicalMatch)| Hit {
            similarity: item.share,
            ranking: Ranking { lexical: Some(item.at_rank(rank)), ..Ranking::default() },
            passage: item.passage,
        };
        Ok((1..).zip(matches).map(hit).collect())
    }

    /// Searches both ways and ranks first the passages that do well in both.
    async fn search_hybrid(&self, task: &Task<'_>, rerank: bool) -> Result<Vec<Hit>> {
        let Some(vector) = self.vector(task).await? else { return Ok(Vec::new()) };
        let (neighbours, (query, matches)) = tokio::try_join!(
            self.nearest_chunks(task, &vector, task.candidate_limit()),
            lexical::search(self, task)
        )?;
        let mut candidates = Candidates::default();
        candidates.add_vector_ranking(neighbours);
        candidates.add_lexical_ranking(matches, task.candidate_limit());
        let unranked = candidates.without_similarity();
        candidates.set_similarity(self.index.similarity(&vector, &unranked).await?);
        let Fused { candidates: mut ranked, feedback_weight } =
            candidates.fuse(|candidate| task.admits(candidate));
        if feedback_weight > 0.0 {
            let count = ranked.len().min(feedback::MAX_COMPARED);
            self.load_passages(task, &mut ranked[..count]).await?;
            feedback::add_feedback(&mut ranked[..count], feedback_weight);
            fusion::sort(&mut ranked);
        }
        if !rerank {
            ranked.truncate(task.limit);
            return self.hits(task, ranked).await;
        }
        ranked.truncate(task.candidate_limit());
        let scores: Vec<_> =
            ranked.iter().map(|candidate| (candidate.chunk, candidate.score)).collect();
        let mut hits = self.hits(task, ranked).await?;
        rerank::rerank(&query, &scores.into_iter().collect(), &mut hits);
        rerank_by_model(&*self.models, task, &mut hits).await;
        hits.truncate(task.limit);
        Ok(hits)
    }

    /// Returns the query vector. For a follow-up question, mixes in the vector of the question with
    /// its predecessor.
    async fn vector(&self, task: &Task<'_>) -> Result<Option<Vec<f32>>> {
        let embedder = self.models.embedder()?;
        let mut texts = vec![task.text.to_owned()];
        let follow_up = conversation::join_previous_question(task.text, task.history);
        let (joined_text, share) = follow_up.unzip();
        texts.extend(joined_text);
        let mut vectors = embedder.embed(&texts, Purpose::Query).await?.into_iter();
        let (Some(question), joined) = (vectors.next(), vectors.next()) else { return Ok(None) };
        self.lengths.observe(&embedder.model().identity, question.len());
        Ok(Some(match joined {
            Some(joined) => interpolate(&question, &joined, share.unwrap_or_default()),
            None => question,
        }))
    }

    async fn nearest_chunks(
        &self,
        task: &Task<'_>,
        to: &[f32],
        limit: usize,
    ) -> Result<Vec<(ChunkId, f32)>> {
        let Task { workspace, min_similarity, documents, .. } = *task;
        let neighbours = self
            .index
            .nearest(VectorQuery {
                within: workspace,
                to,
                limit,
                least_similarity: min_similarity,
                among: documents,
            })
            .await?;
        Ok(neighbours
            .into_iter()
            .map(|neighbour| (neighbour.chunk, neighbour.similarity))
            .collect())
    }

    /// Loads the missing passages of candidates. Deleted passages stay missing.
    async fn load_passages(&self, task: &Task<'_>, candidates: &mut [Candidate]) -> Result<()> {
        let is_missing = |candidate: &&Candidate| candidate.passage.is_none();
        let chunks: Vec<_> =
            candidates.iter().filter(is_missing).map(|candidate| candidate.chunk).collect();
        if chunks.is_empty() {
            return Ok(());
        }
        let passages = self.workspace_documents.passages(task.workspace, &chunks).await?;
        let mut passages: HashMap<_, _> =
            passages.into_iter().map(|passage| (passage.chunk, passage)).collect();
        for candidate in candidates.iter_mut().filter(|candidate| candidate.passage.is_none()) {
            candidate.passage = passages.remove(&candidate.chunk);
        }
        Ok(())
    }

    /// Converts candidates to hits in their order. Skips deleted passages.
    async fn hits(&self, task: &Task<'_>, mut ranked: Vec<Candidate>) -> Result<Vec<Hit>> {
        self.load_passages(task, &mut ranked).await?;
        let hit = |candidate: Candidate| {
            let similarity = candidate.similarity.unwrap_or_default();
            candidate.passage.map(|passage| Hit { passage, similarity, ranking: candidate.ranking })
        };
        Ok(ranked.into_iter().filter_map(hit).collect())
    }
}

/// Returns a unit vector between two vectors.
fn interpolate(from: &[f32], to: &[f32], share: f32) -> Vec<f32> {
    let mixed = from.iter().zip(to).map(|(from, to)| (1.0 - share) * from + share * to);
    let mixed: Vec<_> = mixed.collect();
    let length = mixed.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::EPSILON);
    mixed.into_iter().map(|value| value / length).collect()
}

#[cfg(test)]
mod tests;
