//! Retrieval of the passages relevant to a question: by meaning, by words, or by both.
mod choice;
mod conversation;
mod external;
mod feedback;
mod fusion;
mod rerank;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use carrel_domain::filter::{DocumentFilter, FilterRows};
use carrel_domain::lexical::Lexical;
use carrel_domain::library::{Passage, WorkspaceDocuments};
use carrel_domain::model::{Models, Purpose};
use carrel_domain::vector::{VectorIndex, VectorQuery};
use carrel_domain::workspace::{SearchMode, Workspace};
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};

pub use conversation::EarlierTurn;
use external::rerank_by_model;
use fusion::{Candidate, Candidates, Fused};
pub use rerank::TextFeatures;

use crate::indexer::VectorLengths;

/// The maximum number of passages returned by a search.
pub const MOST_PASSAGES: usize = 1000;

/// The minimum number of candidates from each ranking, so that the other can confirm them.
const FEWEST_CANDIDATES: usize = 50;

/// The share of a question's words that makes a passage relevant regardless of similarity.
/// Embedders do not understand names and numbers: a third of the passages sought by them are below
/// the usual similarity threshold.
const MOST_OF_IT: f32 = 0.5;

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
    pub places: Arc<dyn FilterRows>,
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
    pub why: Why,
}

/// How a passage was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Why {
    /// The rank by similarity, from 1. Absent if it was not found by meaning.
    pub by_meaning: Option<usize>,
    /// The ranking by words. Absent if it shares no words with the question.
    pub by_words: Option<ByWords>,
    /// The reranking score, 0 to 1.
    pub reranked: Option<f32>,
}

/// The ranking of a passage by words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByWords {
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
    /// The maximum number of hits, up to [`MOST_PASSAGES`].
    pub limit: Option<usize>,
    /// The minimum similarity, 0 to 1. If absent, the workspace's minimum applies, and passages
    /// with most of the question's words are also returned.
    pub least_similarity: Option<f32>,
    /// The search mode.
    pub mode: Option<SearchMode>,
    /// A filter for documents.
    pub filter: DocumentFilter,
    /// Earlier turns of the conversation, newest first.
    pub earlier: Vec<EarlierTurn>,
}

/// A search with resolved limits.
struct Task<'a> {
    within: WorkspaceId,
    text: &'a str,
    earlier: &'a [EarlierTurn],
    limit: usize,
    least_similarity: f32,
    /// The share of the question's words that can replace the minimum similarity, if any.
    enough_words: Option<f32>,
    among: DocumentSelection<&'a [WorkspaceDocumentId]>,
}

impl Task<'_> {
    /// Returns whether a passage is relevant enough to be a hit.
    fn admits(&self, candidate: &Candidate) -> bool {
        let is_similar = candidate.similarity.is_some_and(|value| value >= self.least_similarity);
        let share = candidate.why.by_words.map_or(0.0, |words| words.share);
        is_similar || self.enough_words.is_some_and(|enough| share >= enough)
    }

    fn candidates(&self) -> usize {
        self.limit.max(FEWEST_CANDIDATES)
    }
}

impl Search {
    /// Returns the best passages for a query, best first, or `None` if the workspace has no
    /// passages. The filter and the minimum similarity apply before the limit.
    pub async fn nearest(&self, workspace: &Workspace, query: Query) -> Result<Option<Vec<Hit>>> {
        let chosen = self.chosen(workspace.id, &query.filter).await?;
        self.nearest_among(workspace, query, chosen.as_deref()).await
    }

    /// Like [`Search::nearest`], but with already selected documents instead of the filter.
    pub(crate) async fn nearest_among(
        &self,
        workspace: &Workspace,
        query: Query,
        among: DocumentSelection<&[WorkspaceDocumentId]>,
    ) -> Result<Option<Vec<Hit>>> {
        if query.text.trim().is_empty() {
            return Err(Error::invalid("query", "must not be empty"));
        }
        if matches!(among, DocumentSelection::Only([])) {
            return Ok(Some(Vec::new()));
        }
        let settings = &workspace.settings;
        let limit = query.limit.or(usize::try_from(settings.passages).ok()).unwrap_or(1);
        let usual = settings.least_similarity as f32;
        let task = Task {
            within: workspace.id,
            text: &query.text,
            earlier: &query.earlier,
            limit: limit.clamp(1, MOST_PASSAGES),
            least_similarity: query.least_similarity.unwrap_or(usual),
            // A minimum in the query is strict; that of the workspace applies to similarity only.
            enough_words: query.least_similarity.is_none().then_some(usual.max(MOST_OF_IT)),
            among,
        };
        if self.index.count(Some(workspace.id)).await? == 0 {
            // Imported documents are searchable by words before they are embedded.
            let found = self.by_words(&task).await?;
            return Ok((!found.is_empty()).then_some(found));
        }
        let hits = match query.mode.unwrap_or(settings.search_mode).effective() {
            SearchMode::Vector => self.by_meaning(&task).await?,
            SearchMode::Lexical => self.by_words(&task).await?,
            way => self.by_both(&task, way == SearchMode::Rerank).await?,
        };
        Ok(Some(hits))
    }

    async fn by_meaning(&self, task: &Task<'_>) -> Result<Vec<Hit>> {
        let Some(vector) = self.vector(task).await? else { return Ok(Vec::new()) };
        let mut candidates = Candidates::default();
        candidates.add_similar(self.similar(task, &vector, task.limit).await?);
        self.hits(task, candidates.by_meaning()).await
    }

    async fn by_words(&self, task: &Task<'_>) -> Result<Vec<Hit>> {
        let (_, found) = words::search_words(self, task).await?;
        let found =
            found.into_iter().filter(|found| found.share >= task.least_similarity).take(task.limit);
        let hit = |(rank, found): (usize, words::Found)| Hit {
            similarity: found.share,
            why: Why { by_words: Some(found.by_words(rank)), ..Why::default() },
            passage: found.passage,
        };
        Ok((1..).zip(found).map(hit).collect())
    }

    /// Searches both ways and ranks first the passages that do well in both.
    async fn by_both(&self, task: &Task<'_>, rerank: bool) -> Result<Vec<Hit>> {
        let Some(vector) = self.vector(task).await? else { return Ok(Vec::new()) };
        let (similar, (query, found)) = tokio::try_join!(
            self.similar(task, &vector, task.candidates()),
            words::search_words(self, task)
        )?;
        let mut candidates = Candidates::default();
        candidates.add_similar(similar);
        candidates.add_found(found, task.candidates());
        let unknown = candidates.without_similarity();
        candidates.set_similarity(self.index.similarity(&vector, &unknown).await?);
        let Fused { candidates: mut ranked, feedback_weight: likeness } =
            candidates.fuse(|candidate| task.admits(candidate));
        if likeness > 0.0 {
            let compared = ranked.len().min(feedback::MOST_COMPARED);
            self.read(task, &mut ranked[..compared]).await?;
            feedback::add_feedback(&mut ranked[..compared], likeness);
            fusion::sort(&mut ranked);
        }
        if !rerank {
            ranked.truncate(task.limit);
            return self.hits(task, ranked).await;
        }
        ranked.truncate(task.candidates());
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
        let continued = conversation::with_question_before(task.text, task.earlier);
        let (more, share) = continued.unzip();
        texts.extend(more);
        let mut vectors = embedder.embed(&texts, Purpose::Query).await?.into_iter();
        let (Some(own), continued) = (vectors.next(), vectors.next()) else { return Ok(None) };
        self.lengths.observe(&embedder.model().identity, own.len());
        Ok(Some(match continued {
            Some(continued) => between(&own, &continued, share.unwrap_or_default()),
            None => own,
        }))
    }

    async fn similar(
        &self,
        task: &Task<'_>,
        to: &[f32],
        limit: usize,
    ) -> Result<Vec<(ChunkId, f32)>> {
        let Task { within, least_similarity, among, .. } = *task;
        let neighbours =
            self.index.nearest(VectorQuery { within, to, limit, least_similarity, among }).await?;
        Ok(neighbours
            .into_iter()
            .map(|neighbour| (neighbour.chunk, neighbour.similarity))
            .collect())
    }

    /// Loads the missing passages of candidates. Deleted passages stay missing.
    async fn read(&self, task: &Task<'_>, candidates: &mut [Candidate]) -> Result<()> {
        let is_unread = |candidate: &&Candidate| candidate.passage.is_none();
        let chunks: Vec<_> =
            candidates.iter().filter(is_unread).map(|unread| unread.chunk).collect();
        if chunks.is_empty() {
            return Ok(());
        }
        let passages = self.workspace_documents.passages(task.within, &chunks).await?;
        let mut passages: HashMap<_, _> =
            passages.into_iter().map(|passage| (passage.chunk, passage)).collect();
        for candidate in candidates.iter_mut().filter(|candidate| candidate.passage.is_none()) {
            candidate.passage = passages.remove(&candidate.chunk);
        }
        Ok(())
    }

    /// Converts candidates to hits in their order. Skips deleted passages.
    async fn hits(&self, task: &Task<'_>, mut ranked: Vec<Candidate>) -> Result<Vec<Hit>> {
        self.read(task, &mut ranked).await?;
        let hit = |candidate: Candidate| {
            let similarity = candidate.similarity.unwrap_or_default();
            candidate.passage.map(|passage| Hit { passage, similarity, why: candidate.why })
        };
        Ok(ranked.into_iter().filter_map(hit).collect())
    }
}

/// Returns a unit vector between two vectors.
fn between(one: &[f32], other: &[f32], share: f32) -> Vec<f32> {
    let mixed = one.iter().zip(other).map(|(one, other)| (1.0 - share) * one + share * other);
    let mixed: Vec<_> = mixed.collect();
    let length = mixed.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::EPSILON);
    mixed.into_iter().map(|value| value / length).collect()
}

#[cfg(test)]
mod tests;
