//! The built-in reranker, which compares the best passages with the question again.
//!
//! It uses no model. It combines the fused score of a passage with features of how the question's
//! words occur in it. `tests/retrieval/train_rerank.py` trained the weights.
use std::collections::{BTreeSet, HashMap};

use carrel_domain::ChunkId;
use carrel_domain::lexical::{LexicalQuery, Likeness, Occurrence, Occurrences};

use super::Hit;
use super::lexical::WeightedQuery;

/// The number of features.
const FEATURES: usize = 5;

/// The weight of each of [`TextFeatures`] relative to the fused score, in order.
const WEIGHTS: [f32; FEATURES] = [0.3, 0.4, 0.0, 0.0, 0.0];

/// The maximum distance of neighbouring words in a passage.
const MAX_DISTANCE: usize = 3;

/// The size of the window in which words count as being together.
const WINDOW: usize = 12;

/// Features of a question's words in a passage. Each is a share, 0 to 1, independent of the
/// language.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TextFeatures {
    /// Neighbours in the question that are also neighbours in the passage, in the same order.
    pub neighbours: f32,
    /// Words that occur exactly as in the question.
    pub exact: f32,
    /// Words that occur in any form.
    pub any_form: f32,
    /// The most words that occur together.
    pub proximity: f32,
    /// Words that occur in the title.
    pub in_title: f32,
}

impl TextFeatures {
    /// Computes the features of a question and a passage with its title.
    pub fn of(question: &LexicalQuery, title: &str, text: &str) -> Self {
        Self::from_occurrences(question.words.len(), &question.matcher().compare(title, text))
    }

    /// Computes the features for the first `words` words of a question.
    fn from_occurrences(words: usize, occurrences: &Occurrences) -> Self {
        if words == 0 {
            return Self::default();
        }
        let title_words = occurrences.title;
        let occurrences = occurrences.found.iter().filter(|occurrence| occurrence.word < words);
        let occurrences: Vec<_> = occurrences.copied().collect();
        let share = |count: usize| count as f32 / words as f32;
        let share_of = |test: &dyn Fn(&Occurrence) -> bool| {
            share(distinct(occurrences.iter().filter(|occurrence| test(occurrence))))
        };
        Self {
            neighbours: neighbours(words, &occurrences),
            exact: share_of(&|occurrence| occurrence.match_kind == Likeness::Exact),
            any_form: share_of(&|_| true),
            proximity: share(proximity(&occurrences)),
            in_title: share_of(&|occurrence| occurrence.at < title_words),
        }
    }

    /// Returns the features in the order of their weights.
    pub fn values(self) -> [f32; FEATURES] {
        let Self { neighbours, exact, any_form, proximity, in_title } = self;
        [neighbours, exact, any_form, proximity, in_title]
    }

    fn score(self) -> f32 {
        self.values().iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum()
    }
}

/// Reorders hits by fused score and features, and stores each score.
pub(super) fn rerank(query: &WeightedQuery, scores: &HashMap<ChunkId, f32>, hits: &mut [Hit]) {
    let mut matcher = query.question.matcher();
    for hit in hits.iter_mut() {
        let occurrences = matcher.compare(&hit.passage.title_and_headings(), &hit.passage.text);
        let text_score = TextFeatures::from_occurrences(query.question_words, &occurrences).score();
        let score = scores.get(&hit.passage.chunk).copied().unwrap_or_default();
        hit.ranking.rerank_score = Some(share(score + text_score));
    }
    hits.sort_by(|a, b| {
        let score = |hit: &Hit| hit.ranking.rerank_score.unwrap_or_default();
        score(b).total_cmp(&score(a))
    });
}

/// Maps any number to the range 0 to 1, preserving order.
fn share(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

/// Counts the distinct question words among occurrences.
fn distinct<'a>(occurrences: impl Iterator<Item = &'a Occurrence>) -> usize {
    occurrences.map(|occurrence| occurrence.word).collect::<BTreeSet<_>>().len()
}

/// Returns the maximum number of distinct question words within the window.
fn proximity(occurrences: &[Occurrence]) -> usize {
    let mut begin = 0;
    let counts = (1..=occurrences.len()).map(|end| {
        while occurrences[end - 1].at - occurrences[begin].at >= WINDOW {
            begin += 1;
        }
        distinct(occurrences[begin..end].iter())
    });
    counts.max().unwrap_or_default()
}

/// Returns the share of neighbouring question words that are close to each other in the passage, in
/// the same order.
fn neighbours(words: usize, occurrences: &[Occurrence]) -> f32 {
    let pairs = words.saturating_sub(1);
    if pairs == 0 {
        return 0.0;
    }
    let close = |pair: &usize| {
        occurrences.iter().enumerate().any(|(index, occurrence)| {
            occurrence.word == *pair
                && occurrences[index + 1..]
                    .iter()
                    .take_while(|next| next.at <= occurrence.at + MAX_DISTANCE)
                    .any(|next| next.word == *pair + 1)
        })
    };
    (0..pairs).filter(close).count() as f32 / pairs as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(question: &str, title: &str, text: &str) -> TextFeatures {
        TextFeatures::of(&LexicalQuery::of(question), title, text)
    }

    #[test]
    fn neighbours_count_in_their_order_and_close_by() {
        let share =
            |question| features(question, "", "the red and heavy door of the house").neighbours;
        assert_eq!(share("red door"), 1.0);
        assert_eq!(share("door red"), 0.0);
        assert_eq!(share("red door house cat"), 2.0 / 3.0);
        assert_eq!((share("red"), share("")), (0.0, 0.0));
    }

    #[test]
    fn features_are_shares_of_the_question_words() {
        let result = features("red doors house cat", "House", "the red door of the houses");
        assert_eq!((result.exact, result.any_form, result.in_title), (0.5, 0.75, 0.25));
        assert_eq!(result.proximity, 0.75);
        let far = "word ".repeat(WINDOW);
        let result = features("red doors house cat", "", &format!("red {far} doors {far} house"));
        assert_eq!((result.any_form, result.proximity), (0.75, 0.25));
        assert_eq!(features("", "a", "b"), TextFeatures::default());
        assert_eq!(features("red", "", ""), TextFeatures::default());
    }
}
