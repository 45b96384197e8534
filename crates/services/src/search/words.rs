//! Ranking passages by the words they share with a question: BM25.
//!
//! The index gives lists of passages by word. Passages are chosen by the rare words they hold, and
//! only those chosen are read and ranked, so that words which are everywhere cost little.
use std::collections::{BTreeSet, HashMap};

use carrel_domain::lexical::{LexicalQuery, Likeness, Occurrences, Postings, Wanted};
use carrel_domain::library::Passage;
use carrel_domain::{ChunkId, Result};

use super::conversation::Continued;
use super::{ByWords, Search, Task};

/// Passages by a term that are looked at; a term that more of them hold chooses none.
const MOST_POSTINGS: usize = 10_000;
/// Passages that are read and ranked for each one asked for, and the fewest.
const READ_PER_HIT: usize = 2;
const FEWEST_READ: usize = 150;

// Chosen on the tuning halves of the sets that `cargo xtask bench retrieval` measures.
/// How much a word's occurrences after the first still count (`k1`).
const SATURATION: f32 = 2.0;
/// How much a long passage's occurrences are discounted (`b`), 0 to 1.
const DISCOUNT: f32 = 0.5;
/// What an occurrence in another form is worth beside one of the word as it is asked for.
const OTHER_FORM: f32 = 0.9;
/// The same of a part of the word, or of a word that it is a part of.
const OF_PART: f32 = 0.3;

/// The words of a question, with those of the turns before it, and what each is worth in the workspace.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) question: LexicalQuery,
    /// How many words are the question's own; they come first.
    pub(super) own: usize,
    weights: Vec<f32>,
}

impl Asked {
    /// How much of the question's own words is in a passage, 0 to 1.
    pub(super) fn share(&self, of: &Occurrences) -> f32 {
        let own = &self.weights[..self.own];
        let all: f32 = own.iter().sum();
        let whole = of.found.iter().filter(|found| found.likeness != Likeness::Part);
        let held: BTreeSet<_> = whole.map(|found| found.word).collect();
        let held: f32 = held.into_iter().filter_map(|word| own.get(word)).sum();
        if all > 0.0 { held / all } else { 0.0 }
    }

    /// BM25 of a passage; `usual` is the usual number of words of one.
    fn score(&self, of: &Occurrences, usual: f32) -> f32 {
        let mut counts = vec![0.0; self.weights.len()];
        for found in &of.found {
            if let Some(count) = counts.get_mut(found.word) {
                *count += match found.likeness {
                    Likeness::Exact | Likeness::Folded => 1.0,
                    Likeness::Stem => OTHER_FORM,
                    Likeness::Part => OF_PART,
                };
            }
        }
        let length = of.length as f32 / usual.max(1.0);
        let usual_count = SATURATION * (1.0 - DISCOUNT + DISCOUNT * length);
        let worth = |(count, weight): (&f32, &f32)| {
            weight * count * (SATURATION + 1.0) / (count + usual_count)
        };
        counts.iter().zip(&self.weights).map(worth).sum()
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

/// The passages that share words with the question, best first.
pub(super) async fn search_words(search: &Search, task: &Task<'_>) -> Result<(Asked, Vec<Found>)> {
    let continued = Continued::of(task.text, task.earlier);
    let question = &continued.question;
    if question.is_empty() {
        return Ok((Asked::default(), Vec::new()));
    }
    let terms = question.words.iter().flat_map(|word| &word.terms);
    let groups: Vec<_> = terms.map(|term| vec![term.clone()]).collect();
    let wanted = |groups| {
        let (within, among) = (task.within, task.among);
        Wanted { within, groups, most: MOST_POSTINGS, among }
    };
    let (passages, lists) = search.lexical.postings(wanted(&groups)).await?;
    let mut lists = by_word(question, lists);
    let rarity: Vec<_> = lists.iter().map(|list| weight(passages, list)).collect();
    let weights = continued.weights(&rarity);
    let asked = Asked { question: continued.question, own: continued.own, weights };
    let mut chosen = chosen(&lists, &asked.weights, |list| !list.cut);
    if chosen.is_empty() && lists.iter().any(|list| list.cut) {
        // All of its words are everywhere; together they may not be.
        let words = asked.question.words.iter().take(asked.own);
        let together: Vec<_> = words.filter_map(|word| word.terms.first().cloned()).collect();
        let (_, together) = search.lexical.postings(wanted(&[together])).await?;
        lists.extend(together);
        let weights = vec![1.0; lists.len()];
        chosen = self::chosen(&lists, &weights, |_| true);
    }
    chosen.truncate((task.limit * READ_PER_HIT).max(FEWEST_READ));
    let passages = search.workspace_documents.passages(task.within, &chosen).await?;
    let found = ranked(&asked, passages);
    Ok((asked, found))
}

/// One list for each word: the passages that any of its terms finds.
fn by_word(question: &LexicalQuery, lists: Vec<Postings>) -> Vec<Postings> {
    let mut lists = lists.into_iter();
    let merged = |word: &carrel_domain::lexical::QuestionWord| {
        let mut merged = Postings::default();
        for list in lists.by_ref().take(word.terms.len()) {
            merged.cut |= list.cut;
            if merged.chunks.is_empty() {
                merged.chunks = list.chunks;
            } else {
                merged.chunks.extend(list.chunks);
                merged.chunks.sort_unstable();
                merged.chunks.dedup();
            }
        }
        merged
    };
    question.words.iter().map(merged).collect()
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
    let counting = lists.iter().zip(weights);
    for (list, weight) in counting.filter(|(list, weight)| counts(list) && **weight > 0.0) {
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

fn ranked(asked: &Asked, passages: Vec<Passage>) -> Vec<Found> {
    let mut matcher = asked.question.matcher();
    let mut compare =
        |passage: &Passage| matcher.compare(&passage.title_and_headings(), &passage.text);
    let compared: Vec<_> = passages.iter().map(&mut compare).collect();
    // That of all passages is not known; those at hand were cut to the same size.
    let usual = compared.iter().map(|of| of.length as f32).sum::<f32>() / compared.len() as f32;
    let rank = |(passage, occurrences): (Passage, Occurrences)| Found {
        passage,
        score: asked.score(&occurrences, usual),
        share: asked.share(&occurrences),
    };
    let mut found: Vec<_> = passages.into_iter().zip(compared).map(rank).collect();
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
