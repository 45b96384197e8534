//! Fusion of the rankings by meaning and by words.
use std::cmp::Ordering::Equal;
use std::collections::BTreeMap;

use carrel_domain::ChunkId;
use carrel_domain::library::Passage;
use carrel_domain::vector::Neighbour;

use super::Ranking;
use super::lexical::LexicalMatch;

// Chosen on the tuning halves of the sets that `cargo xtask bench languages` measures.
/// The weight of similarity in a passage's score. BM25 has the remaining weight.
const SIMILARITY_WEIGHT: f32 = 0.4;
/// The weight of similarity if the rankings disagree and the words are decisive, for example
/// because the model does not know the language.
const LOW_SIMILARITY_WEIGHT: f32 = 0.2;
/// The maximum weight of similarity to the best passages.
const MAX_FEEDBACK_WEIGHT: f32 = 0.3;
/// The lead of the best passage in BM25, relative to its own score, at which words alone decide. At
/// `CLEAR_LEAD - LEAD_RANGE` or less, they do not decide at all.
const CLEAR_LEAD: f32 = 0.6;
const LEAD_RANGE: f32 = 0.25;
/// The number of following passages that the best one is compared with.
const RUNNERS_UP: usize = 5;
/// The number of best passages by words used to measure agreement. The rankings agree if these are
/// at least one standard deviation above the mean similarity.
const TOP_LEXICAL: usize = 3;

/// A passage from either ranking.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) chunk: ChunkId,
    pub(super) similarity: Option<f32>,
    /// The fused score, where 0 is the mean of the query's candidates.
    pub(super) score: f32,
    /// The passage, if it has been read.
    pub(super) passage: Option<Passage>,
    pub(super) ranking: Ranking,
}

#[derive(Default)]
pub(super) struct Candidates {
    /// Ordered by id, so that sums are reproducible.
    by_chunk: BTreeMap<ChunkId, Candidate>,
}

impl Candidates {
    fn entry(&mut self, chunk: ChunkId) -> &mut Candidate {
        let candidate = || Candidate {
            chunk,
            similarity: None,
            score: 0.0,
            passage: None,
            ranking: Ranking::default(),
        };
        self.by_chunk.entry(chunk).or_insert_with(candidate)
    }

    /// Adds the ranking by meaning, best first.
    pub(super) fn add_vector_ranking(&mut self, neighbours: Vec<(ChunkId, f32)>) {
        for (rank, (chunk, similarity)) in (1..).zip(neighbours) {
            let candidate = self.entry(chunk);
            candidate.similarity = Some(similarity);
            candidate.ranking.vector_rank = Some(rank);
        }
    }

    /// Adds the ranking by words, best first. The first `limit` become candidates; the scores of
    /// later ones are added only to existing candidates.
    pub(super) fn add_lexical_ranking(&mut self, matches: Vec<LexicalMatch>, limit: usize) {
        for (rank, item) in (1..).zip(matches) {
            if rank > limit && !self.by_chunk.contains_key(&item.passage.chunk) {
                continue;
            }
            let candidate = self.entry(item.passage.chunk);
            candidate.ranking.lexical = Some(item.at_rank(rank));
            candidate.passage = Some(item.passage);
        }
    }

    /// Returns the candidates found by words only.
    pub(super) fn without_similarity(&self) -> Vec<ChunkId> {
        let candidates = self.by_chunk.values().filter(|candidate| candidate.similarity.is_none());
        candidates.map(|candidate| candidate.chunk).collect()
    }

    pub(super) fn set_similarity(&mut self, similarity: Vec<Neighbour>) {
        for Neighbour { chunk, similarity } in similarity {
            self.entry(chunk).similarity = Some(similarity);
        }
    }

    pub(super) fn ranked_by_similarity(self) -> Vec<Candidate> {
        let mut ranked: Vec<_> = self.by_chunk.into_values().collect();
        ranked.sort_unstable_by_key(|candidate| candidate.ranking.vector_rank);
        ranked
    }

    /// Returns the admitted candidates, scored by similarity and BM25 together. Both are
    /// standardized over the query's candidates, so a model that finds all of them alike has no
    /// influence.
    pub(super) fn fuse(self, is_admitted: impl Fn(&Candidate) -> bool) -> Fused {
        let mut candidates: Vec<_> = self.by_chunk.into_values().collect();
        let similarities = candidates.iter().filter_map(|candidate| candidate.similarity);
        let minimum = similarities.fold(f32::INFINITY, f32::min);
        let similarity = |candidate: &Candidate| candidate.similarity.unwrap_or(minimum);
        let vector_scores = standardized(candidates.iter().map(similarity).collect());
        let lexical_scores = standardized(candidates.iter().map(bm25).collect());
        let (doubt, agreement) = (doubt(&candidates), agreement(&candidates, &vector_scores));
        let trust = doubt.max(agreement);
        let weight = trust * SIMILARITY_WEIGHT + (1.0 - trust) * LOW_SIMILARITY_WEIGHT;
        let scores = vector_scores.into_iter().zip(lexical_scores);
        for (candidate, (vector, lexical)) in candidates.iter_mut().zip(scores) {
            candidate.score = weight * vector + (1.0 - weight) * lexical;
        }
        candidates.retain(is_admitted);
        sort(&mut candidates);
        Fused { candidates, feedback_weight: MAX_FEEDBACK_WEIGHT * doubt * agreement }
    }
}

/// The fused candidates.
pub(super) struct Fused {
    /// The candidates, best first.
    pub(super) candidates: Vec<Candidate>,
    /// The weight of similarity to the best candidates, 0 if it does not apply.
    pub(super) feedback_weight: f32,
}

/// Sorts candidates by score, best first.
pub(super) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_unstable_by(|a, b| {
        let by_similarity = || b.similarity.partial_cmp(&a.similarity).unwrap_or(Equal);
        b.score.total_cmp(&a.score).then_with(by_similarity).then(a.chunk.cmp(&b.chunk))
    });
}

/// Standardizes values to mean 0 and standard deviation 1. All results are zero if the values are
/// equal.
pub(super) fn standardized(mut values: Vec<f32>) -> Vec<f32> {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count;
    let deviation = variance.sqrt();
    let is_spread = deviation.is_finite() && deviation > 1e-6;
    values.iter_mut().for_each(|value| {
        *value = if is_spread { (*value - mean) / deviation } else { 0.0 };
    });
    values
}

fn bm25(candidate: &Candidate) -> f32 {
    candidate.ranking.lexical.map_or(0.0, |rank| rank.score)
}

/// Returns how undecided the ranking by words is between the best passages, 0 to 1.
fn doubt(candidates: &[Candidate]) -> f32 {
    let mut scores: Vec<_> = candidates.iter().map(bm25).collect();
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let Some((best, rest)) = scores.split_first() else { return 0.0 };
    let runners_up = &rest[..rest.len().min(RUNNERS_UP)];
    if runners_up.is_empty() || *best <= 0.0 {
        return 0.0;
    }
    let lead = 1.0 - runners_up.iter().sum::<f32>() / runners_up.len() as f32 / best;
    ((CLEAR_LEAD - lead) / LEAD_RANGE).clamp(0.0, 1.0)
}

/// Returns how far the best passages by words are also similar in meaning, 0 to 1. A model that
/// does not know the language shows no agreement; the best passages may then be wrong.
fn agreement(candidates: &[Candidate], vector_scores: &[f32]) -> f32 {
    let mut best: Vec<_> = candidates.iter().map(bm25).zip(vector_scores).collect();
    best.sort_unstable_by(|(a, _), (b, _)| b.total_cmp(a));
    best.truncate(TOP_LEXICAL);
    let weight: f32 = best.iter().map(|(score, _)| score).sum();
    let sum: f32 = best.iter().map(|(lexical, vector)| lexical * **vector).sum();
    if weight > 0.0 { (sum / weight).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::LexicalRank;

    fn ranked(candidates: &[(i64, f32, f32)]) -> Vec<i64> {
        let mut entries = Candidates::default();
        for &(chunk, similarity, score) in candidates {
            let candidate = entries.entry(ChunkId(chunk));
            candidate.similarity = Some(similarity);
            candidate.ranking.lexical =
                (score > 0.0).then_some(LexicalRank { rank: 1, score, share: 0.5 });
        }
        entries.fuse(|_| true).candidates.iter().map(|candidate| candidate.chunk.0).collect()
    }

    fn feedback_weight(candidates: &[(f32, f32)]) -> f32 {
        let mut entries = Candidates::default();
        for (chunk, &(similarity, score)) in (1..).zip(candidates) {
            let candidate = entries.entry(ChunkId(chunk));
            candidate.similarity = Some(similarity);
            candidate.ranking.lexical = Some(LexicalRank { rank: 1, score, share: 0.5 });
        }
        entries.fuse(|_| true).feedback_weight
    }

    #[test]
    fn feedback_applies_when_words_are_undecided_and_rankings_agree() {
        let close = [(0.9, 9.0), (0.8, 8.9), (0.8, 8.8), (0.2, 8.0), (0.2, 7.0), (0.1, 6.9)];
        assert!(feedback_weight(&close) > 0.1, "{}", feedback_weight(&close));
        let clear = [(0.9, 9.0), (0.8, 2.0), (0.8, 2.0), (0.2, 1.0), (0.2, 1.0), (0.1, 1.0)];
        assert_eq!(feedback_weight(&clear), 0.0);
        let mute = [(0.1, 9.0), (0.1, 8.9), (0.2, 8.8), (0.8, 8.0), (0.8, 7.0), (0.9, 6.9)];
        assert_eq!(feedback_weight(&mute), 0.0);
        assert_eq!(
            (
                feedback_weight(&[]),
                feedback_weight(&[(0.5, 1.0)]),
                feedback_weight(&[(0.5, 0.0); 3])
            ),
            (0.0, 0.0, 0.0)
        );
    }

    #[test]
    fn equal_values_have_no_influence() {
        assert_eq!(standardized(vec![0.7; 5]), [0.0; 5]);
        assert_eq!(standardized(vec![1.0, 3.0]), [-1.0, 1.0]);
        assert_eq!(standardized(Vec::new()), [0.0; 0]);
    }

    #[test]
    fn similarity_decides_between_equal_matches_by_words() {
        assert_eq!(ranked(&[(1, 0.2, 5.0), (2, 0.7, 5.0), (3, 0.1, 1.0)]), [2, 1, 3]);
    }

    #[test]
    fn matches_by_similarity_only_do_not_displace_matches_by_words() {
        assert_eq!(ranked(&[(1, 0.60, 0.0), (2, 0.59, 9.0), (3, 0.58, 0.0)]), [2, 1, 3]);
    }

    #[test]
    fn without_words_similarity_alone_decides() {
        assert_eq!(ranked(&[(1, 0.3, 0.0), (2, 0.6, 0.0)]), [2, 1]);
    }
}
