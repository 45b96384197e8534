//! Two rankings of passages become one.
use std::cmp::Ordering::Equal;
use std::collections::HashMap;

use carrel_domain::ChunkId;
use carrel_domain::library::Passage;
use carrel_domain::vector::Neighbour;

use super::Why;
use super::words::Found;

/// What a place in a ranking is worth: one over this much and the place. The more, the less the
/// first places stand out: chosen on half of the labelled set of `tests/retrieval`.
const SMOOTHING: f32 = 10.0;

/// A passage that one ranking or both name.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) chunk: ChunkId,
    pub(super) similarity: Option<f32>,
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
        let new = || Candidate { chunk, similarity: None, passage: None, why: Why::default() };
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

    /// Those that are admitted, by the sum of what their places in both rankings are worth.
    pub(super) fn by_both(self, admitted: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
        let mut ranked: Vec<_> = self
            .all
            .into_values()
            .filter(admitted)
            .map(|candidate| (worth(&candidate.why), candidate))
            .collect();
        ranked.sort_unstable_by(|(worth, one), (other, two)| {
            let similar = || two.similarity.partial_cmp(&one.similarity).unwrap_or(Equal);
            other.total_cmp(worth).then_with(similar).then(one.chunk.cmp(&two.chunk))
        });
        ranked.into_iter().map(|(_, candidate)| candidate).collect()
    }
}

fn worth(why: &Why) -> f32 {
    let of = |rank: usize| 1.0 / (SMOOTHING + rank as f32);
    why.by_meaning.map_or(0.0, of) + why.by_words.map_or(0.0, |words| of(words.rank))
}
