//! Fusion of the rankings by meaning and by words.
use std::cmp::Ordering::Equal;
use std::collections::BTreeMap;

use carrel_domain::ChunkId;
use carrel_domain::library::Passage;
use carrel_domain::vector::Neighbour;

use super::Why;
use super::words::Found;

// Chosen on the tuning halves of the sets that `cargo xtask bench languages` measures.
/// The weight of similarity in a passage's score. BM25 has the remaining weight.
const OF_SIMILARITY: f32 = 0.4;
/// The weight of similarity if the rankings disagree and the words are decisive, for example
/// because the model does not know the language.
const OF_STRANGE_SIMILARITY: f32 = 0.2;
/// The maximum weight of similarity to the best passages.
const OF_LIKENESS: f32 = 0.3;
/// The lead of the best passage in BM25, relative to its own score, at which words alone decide. At
/// `CLEAR_LEAD - CLEARING` or less, they do not decide at all.
const CLEAR_LEAD: f32 = 0.6;
const CLEARING: f32 = 0.25;
/// The number of following passages that the best one is compared with.
const NEXT: usize = 5;
/// The number of best passages by words used to measure agreement. The rankings agree if these are
/// at least one standard deviation above the mean similarity.
const FOUND_BEST: usize = 3;

/// A passage from either ranking.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) chunk: ChunkId,
    pub(super) similarity: Option<f32>,
    /// The fused score, where 0 is the mean of the query's candidates.
    pub(super) score: f32,
    /// The passage, if it has been read.
    pub(super) passage: Option<Passage>,
    pub(super) why: Why,
}

#[derive(Default)]
pub(super) struct Candidates {
    /// Ordered by id, so that sums are reproducible.
    all: BTreeMap<ChunkId, Candidate>,
}

impl Candidates {
    fn entry(&mut self, chunk: ChunkId) -> &mut Candidate {
        let new = || Candidate {
            chunk,
            similarity: None,
            score: 0.0,
            passage: None,
            why: Why::default(),
        };
        self.all.entry(chunk).or_insert_with(new)
    }

    /// Adds the ranking by meaning, best first.
    pub(super) fn add_similar(&mut self, similar: Vec<(ChunkId, f32)>) {
        for (rank, (chunk, similarity)) in (1..).zip(similar) {
            let candidate = self.entry(chunk);
            candidate.similarity = Some(similarity);
            candidate.why.by_meaning = Some(rank);
        }
    }

    /// Adds the ranking by words, best first. The first `most` become candidates; the scores of
    /// later ones are added only to existing candidates.
    pub(super) fn add_found(&mut self, found: Vec<Found>, most: usize) {
        for (rank, found) in (1..).zip(found) {
            if rank > most && !self.all.contains_key(&found.passage.chunk) {
                continue;
            }
            let candidate = self.entry(found.passage.chunk);
            candidate.why.by_words = Some(found.by_words(rank));
            candidate.passage = Some(found.passage);
        }
    }

    /// Returns the candidates found by words only.
    pub(super) fn without_similarity(&self) -> Vec<ChunkId> {
        let unknown = self.all.values().filter(|candidate| candidate.similarity.is_none());
        unknown.map(|candidate| candidate.chunk).collect()
    }

    pub(super) fn set_similarity(&mut self, similarity: Vec<Neighbour>) {
        for Neighbour { chunk, similarity } in similarity {
            self.entry(chunk).similarity = Some(similarity);
        }
    }

    pub(super) fn by_meaning(self) -> Vec<Candidate> {
        let mut ranked: Vec<_> = self.all.into_values().collect();
        ranked.sort_unstable_by_key(|candidate| candidate.why.by_meaning);
        ranked
    }

    /// Returns the admitted candidates, scored by similarity and BM25 together. Both are
    /// standardized over the query's candidates, so a model that finds all of them alike has no
    /// influence.
    pub(super) fn fuse(self, admitted: impl Fn(&Candidate) -> bool) -> Fused {
        let mut candidates: Vec<_> = self.all.into_values().collect();
        let known = candidates.iter().filter_map(|candidate| candidate.similarity);
        let least = known.fold(f32::INFINITY, f32::min);
        let similarity = |of: &Candidate| of.similarity.unwrap_or(least);
        let similar = standardized(candidates.iter().map(similarity).collect());
        let found = standardized(candidates.iter().map(bm25).collect());
        let (doubt, agreement) = (doubt(&candidates), agreement(&candidates, &similar));
        let trust = doubt.max(agreement);
        let of_similarity = trust * OF_SIMILARITY + (1.0 - trust) * OF_STRANGE_SIMILARITY;
        for ((candidate, similar), found) in candidates.iter_mut().zip(similar).zip(found) {
            candidate.score = of_similarity * similar + (1.0 - of_similarity) * found;
        }
        candidates.retain(admitted);
        sort(&mut candidates);
        Fused { candidates, feedback_weight: OF_LIKENESS * doubt * agreement }
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
    candidates.sort_unstable_by(|one, two| {
        let similar = || two.similarity.partial_cmp(&one.similarity).unwrap_or(Equal);
        two.score.total_cmp(&one.score).then_with(similar).then(one.chunk.cmp(&two.chunk))
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
    candidate.why.by_words.map_or(0.0, |words| words.score)
}

/// Returns how undecided the ranking by words is between the best passages, 0 to 1.
fn doubt(candidates: &[Candidate]) -> f32 {
    let mut found: Vec<_> = candidates.iter().map(bm25).collect();
    found.sort_unstable_by(|one, two| two.total_cmp(one));
    let Some((best, rest)) = found.split_first() else { return 0.0 };
    let next = &rest[..rest.len().min(NEXT)];
    if next.is_empty() || *best <= 0.0 {
        return 0.0;
    }
    let lead = 1.0 - next.iter().sum::<f32>() / next.len() as f32 / best;
    ((CLEAR_LEAD - lead) / CLEARING).clamp(0.0, 1.0)
}

/// Returns how far the best passages by words are also similar in meaning, 0 to 1. A model that
/// does not know the language shows no agreement; the best passages may then be wrong.
fn agreement(candidates: &[Candidate], similar: &[f32]) -> f32 {
    let mut found: Vec<_> = candidates.iter().map(bm25).zip(similar).collect();
    found.sort_unstable_by(|(one, _), (two, _)| two.total_cmp(one));
    found.truncate(FOUND_BEST);
    let weight: f32 = found.iter().map(|(score, _)| score).sum();
    let agreed: f32 = found.iter().map(|(score, similar)| score * **similar).sum();
    if weight > 0.0 { (agreed / weight).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::ByWords;

    fn ranked(candidates: &[(i64, f32, f32)]) -> Vec<i64> {
        let mut all = Candidates::default();
        for &(chunk, similarity, score) in candidates {
            let candidate = all.entry(ChunkId(chunk));
            candidate.similarity = Some(similarity);
            candidate.why.by_words =
                (score > 0.0).then_some(ByWords { rank: 1, score, share: 0.5 });
        }
        all.fuse(|_| true).candidates.iter().map(|candidate| candidate.chunk.0).collect()
    }

    fn feedback_weight(candidates: &[(f32, f32)]) -> f32 {
        let mut all = Candidates::default();
        for (chunk, &(similarity, score)) in (1..).zip(candidates) {
            let candidate = all.entry(ChunkId(chunk));
            candidate.similarity = Some(similarity);
            candidate.why.by_words = Some(ByWords { rank: 1, score, share: 0.5 });
        }
        all.fuse(|_| true).feedback_weight
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
