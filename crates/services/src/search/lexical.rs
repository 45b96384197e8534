//! Ranking passages by the words they share with a question, using BM25.
//!
//! The index returns lists of passages by term. Passages are selected by their rare words, and only
//! these are read and ranked, so that common words cost little.
use std::collections::{BTreeSet, HashMap};

use carrel_domain::lexical::{LexicalQuery, Likeness, Occurrences, Postings, PostingsQuery};
use carrel_domain::library::Passage;
use carrel_domain::{ChunkId, Result};

use super::conversation::ExpandedQuery;
use super::{LexicalRank, Search, Task};

/// The maximum length of a term's list. A longer list does not select passages.
const MAX_POSTINGS: usize = 10_000;
/// The number of passages read per requested hit, and the minimum.
const READ_PER_HIT: usize = 2;
const MIN_READ: usize = 150;

// Tuned on the tuning halves of the data sets of `cargo xtask bench retrieval`.
/// How much repeated occurrences of a word count (`k1`).
const SATURATION: f32 = 2.0;
/// How much the length of a passage reduces the score (`b`), 0 to 1.
const DISCOUNT: f32 = 0.5;
/// The weight of another form of a word relative to the exact word.
const STEM_WEIGHT: f32 = 0.9;
/// The weight of a part of a compound relative to the exact word.
const PART_WEIGHT: f32 = 0.3;

/// The words of a question and earlier turns, with their weights in the workspace.
#[derive(Default)]
pub(super) struct WeightedQuery {
    pub(super) question: LexicalQuery,
    /// The number of the question's own words, which come first.
    pub(super) question_words: usize,
    weights: Vec<f32>,
}

impl WeightedQuery {
    /// Returns the share of the question's own words in a passage, 0 to 1.
    pub(super) fn share(&self, occurrences: &Occurrences) -> f32 {
        let weights = &self.weights[..self.question_words];
        let total: f32 = weights.iter().sum();
        let words = occurrences.found.iter().filter(|word| word.match_kind != Likeness::Part);
        let words: BTreeSet<_> = words.map(|found| found.word).collect();
        let sum: f32 = words.into_iter().filter_map(|word| weights.get(word)).sum();
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// Returns the BM25 score of a passage. `average_length` is that of a passage, in words.
    fn score(&self, occurrences: &Occurrences, average_length: f32) -> f32 {
        let mut counts = vec![0.0; self.weights.len()];
        for occurrence in &occurrences.found {
            if let Some(count) = counts.get_mut(occurrence.word) {
                *count += match occurrence.match_kind {
                    Likeness::Exact | Likeness::Folded => 1.0,
                    Likeness::Stem => STEM_WEIGHT,
                    Likeness::Part => PART_WEIGHT,
                };
            }
        }
        let length = occurrences.length as f32 / average_length.max(1.0);
        let half_saturation = SATURATION * (1.0 - DISCOUNT + DISCOUNT * length);
        let term_score = |(count, weight): (&f32, &f32)| {
            weight * count * (SATURATION + 1.0) / (count + half_saturation)
        };
        counts.iter().zip(&self.weights).map(term_score).sum()
    }
}

/// A passage that shares words with the question.
pub(super) struct LexicalMatch {
    pub(super) passage: Passage,
    pub(super) score: f32,
    pub(super) share: f32,
}

impl LexicalMatch {
    pub(super) fn at_rank(&self, rank: usize) -> LexicalRank {
        LexicalRank { rank, score: self.score, share: self.share }
    }
}

/// Returns the passages that share words with the question, best first.
pub(super) async fn search(
    service: &Search,
    task: &Task<'_>,
) -> Result<(WeightedQuery, Vec<LexicalMatch>)> {
    let expanded = ExpandedQuery::of(task.text, task.history);
    let question = &expanded.question;
    if question.is_empty() {
        return Ok((WeightedQuery::default(), Vec::new()));
    }
    let terms = question.words.iter().flat_map(|word| &word.terms);
    let groups: Vec<_> = terms.map(|term| vec![term.clone()]).collect();
    let postings_query = |groups| {
        let (workspace, among) = (task.workspace, task.documents);
        PostingsQuery { workspace, groups, most: MAX_POSTINGS, among }
    };
    let (passages, lists) = service.lexical.postings(postings_query(&groups)).await?;
    let mut lists = merge_by_word(question, lists);
    let rarities: Vec<_> = lists.iter().map(|list| rarity(passages, list)).collect();
    let weights = expanded.weights(&rarities);
    let query = WeightedQuery {
        question: expanded.question,
        question_words: expanded.question_words,
        weights,
    };
    let mut chunks = select_chunks(&lists, &query.weights, |list| !list.cut);
    if chunks.is_empty() && lists.iter().any(|list| list.cut) {
        // If each word is too common to select passages, all of them together may not be.
        let words = query.question.words.iter().take(query.question_words);
        let first_terms: Vec<_> = words.filter_map(|word| word.terms.first().cloned()).collect();
        let (_, postings) = service.lexical.postings(postings_query(&[first_terms])).await?;
        lists.extend(postings);
        let weights = vec![1.0; lists.len()];
        chunks = select_chunks(&lists, &weights, |_| true);
    }
    chunks.truncate((task.limit * READ_PER_HIT).max(MIN_READ));
    let passages = service.workspace_documents.passages(task.workspace, &chunks).await?;
    let matches = rank_passages(&query, passages);
    Ok((query, matches))
}

/// Merges the lists of each word's terms.
fn merge_by_word(question: &LexicalQuery, lists: Vec<Postings>) -> Vec<Postings> {
    let mut lists = lists.into_iter();
    let merge = |word: &carrel_domain::lexical::QuestionWord| {
        let mut postings = Postings::default();
        for list in lists.by_ref().take(word.terms.len()) {
            postings.cut |= list.cut;
            if postings.chunks.is_empty() {
                postings.chunks = list.chunks;
            } else {
                postings.chunks.extend(list.chunks);
                postings.chunks.sort_unstable();
                postings.chunks.dedup();
            }
        }
        postings
    };
    question.words.iter().map(merge).collect()
}

/// Returns the weight of a word, which is higher the fewer passages contain it.
fn rarity(passages: u64, list: &Postings) -> f32 {
    let with_word = list.chunks.len() as f32;
    let without_word = (passages as f32 - with_word).max(0.0);
    (1.0 + (without_word + 0.5) / (with_word + 0.5)).ln()
}

/// Returns the passages of the lists that `is_selective` accepts, sorted by the total weight of
/// their words.
fn select_chunks(
    lists: &[Postings],
    weights: &[f32],
    is_selective: fn(&Postings) -> bool,
) -> Vec<ChunkId> {
    let mut scores: HashMap<ChunkId, f32> = HashMap::new();
    let weighted_lists = lists.iter().zip(weights);
    for (list, weight) in
        weighted_lists.filter(|(list, weight)| is_selective(list) && **weight > 0.0)
    {
        for chunk in &list.chunks {
            *scores.entry(*chunk).or_default() += weight;
        }
    }
    let mut ranked: Vec<_> = scores.into_iter().collect();
    ranked.sort_unstable_by(|(a, a_score), (b, b_score)| {
        b_score.total_cmp(a_score).then_with(|| a.cmp(b))
    });
    ranked.into_iter().map(|(chunk, _)| chunk).collect()
}

fn rank_passages(query: &WeightedQuery, passages: Vec<Passage>) -> Vec<LexicalMatch> {
    let mut matcher = query.question.matcher();
    let mut compare =
        |passage: &Passage| matcher.compare(&passage.title_and_headings(), &passage.text);
    let occurrences: Vec<_> = passages.iter().map(&mut compare).collect();
    // The average over all passages is unknown; those read have the same chunk size.
    let words: usize = occurrences.iter().map(|item| item.length).sum();
    let average_length = words as f32 / occurrences.len() as f32;
    let score = |(passage, occurrences): (Passage, Occurrences)| LexicalMatch {
        passage,
        score: query.score(&occurrences, average_length),
        share: query.share(&occurrences),
    };
    let mut matches: Vec<_> = passages.into_iter().zip(occurrences).map(score).collect();
    matches.retain(|item| item.score > 0.0);
    matches.sort_unstable_by(|a, b| {
        let by_id = a.passage.chunk.cmp(&b.passage.chunk);
        b.score.total_cmp(&a.score).then(by_id)
    });
    matches
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
        let weights: Vec<_> = lists.iter().map(|list| rarity(10, list)).collect();
        assert!(weights[2] > weights[1] && weights[1] > weights[0] && weights[0] > 0.0);
        let ids: Vec<_> =
            select_chunks(&lists, &weights, |list| !list.cut).iter().map(|chunk| chunk.0).collect();
        assert_eq!(ids, [4, 9, 1, 2, 3]);
    }
}
