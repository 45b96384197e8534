//! Ranking passages by the words they share with a question: BM25.
//!
//! The index gives lists of passages by word. Passages are chosen by the rare words they hold, and
//! only those chosen are read and ranked, so that words which are everywhere cost little.
use std::collections::HashMap;

use carrel_domain::lexical::{Postings, Wanted, of_query, of_text};
use carrel_domain::library::Passage;
use carrel_domain::{ChunkId, Result};

use super::{ByWords, Search, Task};

/// Passages by a word that are looked at; a word that more of them hold chooses none.
const MOST_POSTINGS: usize = 10_000;
/// Passages that are read and ranked for each one asked for, and the fewest.
const READ_PER_HIT: usize = 2;
const FEWEST_READ: usize = 150;

/// How much a word's occurrences after the first still count (`k1`).
const SATURATION: f32 = 1.2;
/// How much a long passage's occurrences are discounted (`b`), 0 to 1.
const DISCOUNT: f32 = 0.75;

/// The words of a question and what each is worth in the workspace.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) words: Vec<String>,
    weights: Vec<f32>,
}

impl Asked {
    /// How much of the question is among the words of a passage, 0 to 1.
    pub(super) fn share(&self, held: &[String]) -> f32 {
        let all: f32 = self.weights.iter().sum();
        let asked = self.words.iter().zip(&self.weights);
        let held: f32 =
            asked.filter(|(word, _)| held.contains(word)).map(|(_, weight)| weight).sum();
        if all > 0.0 { held / all } else { 0.0 }
    }
}

/// A passage that shares words with the question.
pub(super) struct Found {
    pub(super) passage: Passage,
    pub(super) score: f32,
    pub(super) share: f32,
}

impl Found {
    pub(super) fn by_words(&self, rank: usize) -> ByWords {
        ByWords { rank, score: self.score, share: self.share }
    }
}

impl Search {
    /// The passages that share words with the question, best first.
    pub(super) async fn holding(&self, task: &Task<'_>) -> Result<(Asked, Vec<Found>)> {
        let words = of_query(task.text);
        if words.is_empty() {
            return Ok((Asked::default(), Vec::new()));
        }
        let groups: Vec<_> = words.iter().map(|word| vec![word.clone()]).collect();
        let wanted = |groups| {
            let (within, among) = (task.within, task.among);
            Wanted { within, groups, most: MOST_POSTINGS, among }
        };
        let (passages, mut lists) = self.lexical.holding(wanted(&groups)).await?;
        let weights = lists.iter().map(|list| weight(passages, list)).collect();
        let asked = Asked { words, weights };
        let mut chosen = chosen(&lists, &asked.weights, |list| !list.cut);
        if chosen.is_empty() && lists.iter().any(|list| list.cut) {
            // All of its words are everywhere; together they may not be.
            let (_, together) =
                self.lexical.holding(wanted(std::slice::from_ref(&asked.words))).await?;
            lists.extend(together);
            let weights = vec![1.0; lists.len()];
            chosen = self::chosen(&lists, &weights, |_| true);
        }
        chosen.truncate((task.limit * READ_PER_HIT).max(FEWEST_READ));
        let passages = self.workspace_documents.passages(task.within, &chosen).await?;
        let found = ranked(&asked, passages);
        Ok((asked, found))
    }
}

/// What a word is worth: the more, the fewer passages hold it.
fn weight(passages: u64, list: &Postings) -> f32 {
    let holding = list.chunks.len() as f32;
    let others = (passages as f32 - holding).max(0.0);
    (1.0 + (others + 0.5) / (holding + 0.5)).ln()
}

/// The passages of the lists that count, by the worth of the words they hold.
fn chosen(lists: &[Postings], weights: &[f32], counts: fn(&Postings) -> bool) -> Vec<ChunkId> {
    let mut worth: HashMap<ChunkId, f32> = HashMap::new();
    for (list, weight) in lists.iter().zip(weights).filter(|(list, _)| counts(list)) {
        for chunk in &list.chunks {
            *worth.entry(*chunk).or_default() += weight;
        }
    }
    let mut chosen: Vec<_> = worth.into_iter().collect();
    chosen.sort_unstable_by(|(one, worth), (two, other)| {
        other.total_cmp(worth).then_with(|| one.cmp(two))
    });
    chosen.into_iter().map(|(chunk, _)| chunk).collect()
}

/// How often each word of the question occurs in a passage or its title, and of how many words
/// both consist.
fn counted(words: &[String], passage: &Passage) -> (Vec<f32>, f32) {
    let mut counts = vec![0.0; words.len()];
    let mut length = 0.0;
    let held = of_text(&passage.document.title).into_iter().chain(of_text(&passage.text));
    for word in held {
        length += 1.0;
        if let Some(at) = words.iter().position(|wanted| *wanted == word) {
            counts[at] += 1.0;
        }
    }
    (counts, length)
}

fn ranked(asked: &Asked, passages: Vec<Passage>) -> Vec<Found> {
    let Asked { words, weights } = asked;
    let counted: Vec<_> = passages.iter().map(|passage| counted(words, passage)).collect();
    // That of all passages is not known; those at hand were cut to the same size.
    let usual = counted.iter().map(|(_, length)| length).sum::<f32>() / counted.len() as f32;
    let all: f32 = weights.iter().sum();
    let rank = |(passage, (counts, length)): (Passage, (Vec<f32>, f32))| {
        let usual_length = SATURATION * (1.0 - DISCOUNT + DISCOUNT * length / usual);
        let (mut score, mut held) = (0.0, 0.0);
        for (count, weight) in counts.iter().zip(weights).filter(|(count, _)| **count > 0.0) {
            score += weight * count * (SATURATION + 1.0) / (count + usual_length);
            held += weight;
        }
        Found { passage, score, share: held / all }
    };
    let mut found: Vec<_> = passages.into_iter().zip(counted).map(rank).collect();
    found.retain(|found| found.score > 0.0);
    found.sort_unstable_by(|one, two| {
        let by_id = one.passage.chunk.cmp(&two.passage.chunk);
        two.score.total_cmp(&one.score).then(by_id)
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(chunks: &[i64], cut: bool) -> Postings {
        Postings { chunks: chunks.iter().copied().map(ChunkId).collect(), cut }
    }

    #[test]
    fn rare_words_choose_before_common_ones() {
        let lists = [list(&[1, 2, 3, 4], false), list(&[4, 9], false), list(&[5], true)];
        let weights: Vec<_> = lists.iter().map(|list| weight(10, list)).collect();
        assert!(weights[2] > weights[1] && weights[1] > weights[0] && weights[0] > 0.0);
        let ids: Vec<_> =
            chosen(&lists, &weights, |list| !list.cut).iter().map(|chunk| chunk.0).collect();
        assert_eq!(ids, [4, 9, 1, 2, 3]);
    }
}
