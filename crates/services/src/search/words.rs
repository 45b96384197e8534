//! Ranking passages by the words they share with a question, using BM25.
//!
//! The index returns lists of passages by term. Passages are selected by their rare words, and only
//! these are read and ranked, so that common words cost little.
use std::collections::{BTreeSet, HashMap};

use carrel_domain::lexical::{LexicalQuery, Likeness, Occurrences, Postings, PostingsQuery};
use carrel_domain::library::Passage;
use carrel_domain::{ChunkId, Result};

use super::conversation::Continued;
use super::{ByWords, Search, Task};

/// The maximum length of a term's list. A longer list does not select passages.
const MOST_POSTINGS: usize = 10_000;
/// The number of passages read per requested hit, and the minimum.
const READ_PER_HIT: usize = 2;
const FEWEST_READ: usize = 150;

// Tuned on the tuning halves of the data sets of `cargo xtask bench retrieval`.
/// How much repeated occurrences of a word count (`k1`).
const SATURATION: f32 = 2.0;
/// How much the length of a passage reduces the score (`b`), 0 to 1.
const DISCOUNT: f32 = 0.5;
/// The weight of another form of a word relative to the exact word.
const OTHER_FORM: f32 = 0.9;
/// The weight of a part of a compound relative to the exact word.
const OF_PART: f32 = 0.3;

/// The words of a question and earlier turns, with their weights in the workspace.
#[derive(Default)]
pub(super) struct WeightedQuery {
    pub(super) question: LexicalQuery,
    /// The number of the question's own words, which come first.
    pub(super) own: usize,
    weights: Vec<f32>,
}

impl WeightedQuery {
    /// Returns the share of the question's own words in a passage, 0 to 1.
    pub(super) fn share(&self, of: &Occurrences) -> f32 {
        let own = &self.weights[..self.own];
        let all: f32 = own.iter().sum();
        let whole = of.found.iter().filter(|found| found.match_kind != Likeness::Part);
        let matched: BTreeSet<_> = whole.map(|found| found.word).collect();
        let matched_weight: f32 = matched.into_iter().filter_map(|word| own.get(word)).sum();
        if all > 0.0 { matched_weight / all } else { 0.0 }
    }

    /// Returns the BM25 score of a passage. `usual` is the average number of words of a passage.
    fn score(&self, of: &Occurrences, usual: f32) -> f32 {
        let mut counts = vec![0.0; self.weights.len()];
        for found in &of.found {
            if let Some(count) = counts.get_mut(found.word) {
                *count += match found.match_kind {
                    Likeness::Exact | Likeness::Folded => 1.0,
                    Likeness::Stem => OTHER_FORM,
                    Likeness::Part => OF_PART,
                };
            }
        }
        let length = of.length as f32 / usual.max(1.0);
        let usual_count = SATURATION * (1.0 - DISCOUNT + DISCOUNT * length);
        let saturated = |(count, weight): (&f32, &f32)| {
            weight * count * (SATURATION + 1.0) / (count + usual_count)
        };
        counts.iter().zip(&self.weights).map(saturated).sum()
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

/// Returns the passages that share words with the question, best first.
pub(super) async fn search_words(
    search: &Search,
    task: &Task<'_>,
) -> Result<(WeightedQuery, Vec<Found>)> {
    let continued = Continued::of(task.text, task.earlier);
    let question = &continued.question;
    if question.is_empty() {
        return Ok((WeightedQuery::default(), Vec::new()));
    }
    let terms = question.words.iter().flat_map(|word| &word.terms);
    let groups: Vec<_> = terms.map(|term| vec![term.clone()]).collect();
    let postings_query = |groups| {
        let (within, among) = (task.within, task.among);
        PostingsQuery { workspace: within, groups, most: MOST_POSTINGS, among }
    };
    let (passages, lists) = search.lexical.postings(postings_query(&groups)).await?;
    let mut lists = by_word(question, lists);
    let rarity: Vec<_> = lists.iter().map(|list| weight(passages, list)).collect();
    let weights = continued.weights(&rarity);
    let query = WeightedQuery { question: continued.question, own: continued.own, weights };
    let mut chosen = chosen(&lists, &query.weights, |list| !list.cut);
    if chosen.is_empty() && lists.iter().any(|list| list.cut) {
        // If each word is too common to select passages, all of them together may not be.
        let words = query.question.words.iter().take(query.own);
        let first_terms: Vec<_> = words.filter_map(|word| word.terms.first().cloned()).collect();
        let (_, postings) = search.lexical.postings(postings_query(&[first_terms])).await?;
        lists.extend(postings);
        let weights = vec![1.0; lists.len()];
        chosen = self::chosen(&lists, &weights, |_| true);
    }
    chosen.truncate((task.limit * READ_PER_HIT).max(FEWEST_READ));
    let passages = search.workspace_documents.passages(task.within, &chosen).await?;
    let found = ranked(&query, passages);
    Ok((query, found))
}

/// Merges the lists of each word's terms.
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

/// Returns the weight of a word, which is higher the fewer passages contain it.
fn weight(passages: u64, list: &Postings) -> f32 {
    let containing = list.chunks.len() as f32;
    let without = (passages as f32 - containing).max(0.0);
    (1.0 + (without + 0.5) / (containing + 0.5)).ln()
}

/// Returns the passages of the lists that `counts` accepts, sorted by the total weight of their
/// words.
fn chosen(lists: &[Postings], weights: &[f32], counts: fn(&Postings) -> bool) -> Vec<ChunkId> {
    let mut scores: HashMap<ChunkId, f32> = HashMap::new();
    let counting = lists.iter().zip(weights);
    for (list, weight) in counting.filter(|(list, weight)| counts(list) && **weight > 0.0) {
        for chunk in &list.chunks {
            *scores.entry(*chunk).or_default() += weight;
        }
    }
    let mut chosen: Vec<_> = scores.into_iter().collect();
    chosen.sort_unstable_by(|(one, score), (two, other)| {
        other.total_cmp(score).then_with(|| one.cmp(two))
    });
    chosen.into_iter().map(|(chunk, _)| chunk).collect()
}

fn ranked(query: &WeightedQuery, passages: Vec<Passage>) -> Vec<Found> {
    let mut matcher = query.question.matcher();
    let mut compare =
        |passage: &Passage| matcher.compare(&passage.title_and_headings(), &passage.text);
    let compared: Vec<_> = passages.iter().map(&mut compare).collect();
    // The average over all passages is unknown; those read have the same chunk size.
    let usual = compared.iter().map(|of| of.length as f32).sum::<f32>() / compared.len() as f32;
    let rank = |(passage, occurrences): (Passage, Occurrences)| Found {
        passage,
        score: query.score(&occurrences, usual),
        share: query.share(&occurrences),
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
    fn rare_words_select_before_common_ones() {
        let lists = [list(&[1, 2, 3, 4], false), list(&[4, 9], false), list(&[5], true)];
        let weights: Vec<_> = lists.iter().map(|list| weight(10, list)).collect();
        assert!(weights[2] > weights[1] && weights[1] > weights[0] && weights[0] > 0.0);
        let ids: Vec<_> =
            chosen(&lists, &weights, |list| !list.cut).iter().map(|chunk| chunk.0).collect();
        assert_eq!(ids, [4, 9, 1, 2, 3]);
    }
}
