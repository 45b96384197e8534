//! Two rankings of passages become one.
use std::cmp::Ordering::Equal;
use std::collections::HashMap;

use carrel_domain::ChunkId;
use carrel_domain::library::Passage;
use carrel_domain::vector::Neighbour;

use super::Why;
use super::words::Found;

/// How much of a passage's worth is its similarity; the rest is its BM25. More helps where the model
/// knows the language and harms where it does not. With a third, a search by both was never worse by
/// more than 0.01 (nDCG@10) than one by words in the measured languages of XQuAD, with an English model.
const OF_SIMILARITY: f32 = 0.35;

/// A passage that one ranking or both name.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) chunk: ChunkId,
    pub(super) similarity: Option<f32>,
    /// What both rankings together make of it, 0 to 1, once they are one.
    pub(super) worth: f32,
    /// Where it had to be read already.
    pub(super) passage: Option<Passage>,
    pub(super) why: Why,
}

#[derive(Default)]
pub(super) struct Candidates {
    all: HashMap<ChunkId, Candidate>,
}

impl Candidates {
    fn entry(&mut self, chunk: ChunkId) -> &mut Candidate {
        let new = || Candidate {
            chunk,
            similarity: None,
            worth: 0.0,
            passage: None,
            why: Why::default(),
        };
        self.all.entry(chunk).or_insert_with(new)
    }

    /// The ranking by meaning, best first.
    pub(super) fn add_similar(&mut self, similar: Vec<(ChunkId, f32)>) {
        for (rank, (chunk, similarity)) in (1..).zip(similar) {
            let candidate = self.entry(chunk);
            candidate.similarity = Some(similarity);
            candidate.why.by_meaning = Some(rank);
        }
    }

    /// The ranking by words, best first.
    pub(super) fn add_found(&mut self, found: impl Iterator<Item = Found>) {
        for (rank, found) in (1..).zip(found) {
            let candidate = self.entry(found.passage.chunk);
            candidate.why.by_words = Some(found.by_words(rank));
            candidate.passage = Some(found.passage);
        }
    }

    /// Those that only words have found.
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

    /// Those that are admitted, by similarity and BM25 together. Each is measured by what it is among
    /// the candidates of this query: a model that finds all of them alike has no say.
    pub(super) fn by_both(self, admitted: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
        let scales = Scales::of(self.all.values());
        let mut ranked: Vec<_> = self
            .all
            .into_values()
            .filter(admitted)
            .map(|candidate| (scales.worth(&candidate), candidate))
            .collect();
        ranked.sort_unstable_by(|(worth, one), (other, two)| {
            let similar = || two.similarity.partial_cmp(&one.similarity).unwrap_or(Equal);
            other.total_cmp(worth).then_with(similar).then(one.chunk.cmp(&two.chunk))
        });
        let with_worth = |(worth, candidate): (f32, Candidate)| Candidate { worth, ..candidate };
        ranked.into_iter().map(with_worth).collect()
    }
}

/// The least and the greatest similarity and the greatest BM25 among the candidates.
struct Scales {
    least: f32,
    most: f32,
    best: f32,
}

impl Scales {
    fn of<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> Self {
        let start = Self { least: f32::INFINITY, most: f32::NEG_INFINITY, best: 0.0 };
        candidates.fold(start, |scales, candidate| Self {
            least: candidate.similarity.map_or(scales.least, |value| value.min(scales.least)),
            most: candidate.similarity.map_or(scales.most, |value| value.max(scales.most)),
            best: bm25(candidate).max(scales.best),
        })
    }

    fn worth(&self, candidate: &Candidate) -> f32 {
        let share = |value: f32, of: f32| if of > f32::EPSILON { value / of } else { 0.0 };
        let similar = candidate.similarity.map_or(0.0, |value| value - self.least);
        OF_SIMILARITY * share(similar, self.most - self.least)
            + (1.0 - OF_SIMILARITY) * share(bm25(candidate), self.best)
    }
}

fn bm25(candidate: &Candidate) -> f32 {
    candidate.why.by_words.map_or(0.0, |words| words.score)
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
        all.by_both(|_| true).iter().map(|candidate| candidate.chunk.0).collect()
    }

    #[test]
    fn similarity_decides_between_passages_that_words_find_alike() {
        assert_eq!(ranked(&[(1, 0.2, 5.0), (2, 0.7, 5.0), (3, 0.1, 1.0)]), [2, 1, 3]);
    }

    #[test]
    fn what_only_similarity_finds_does_not_push_away_what_the_words_name() {
        assert_eq!(ranked(&[(1, 0.60, 0.0), (2, 0.59, 9.0), (3, 0.58, 0.0)]), [2, 1, 3]);
    }

    #[test]
    fn without_words_similarity_alone_decides() {
        assert_eq!(ranked(&[(1, 0.3, 0.0), (2, 0.6, 0.0)]), [2, 1]);
    }
}
