//! The built-in reranker, which compares the best passages with the question again.
//!
//! It uses no model. It combines the fused score of a passage with features of how the question's
//! words occur in it. `tests/retrieval/train_rerank.py` trained the weights.
use std::collections::{BTreeSet, HashMap};

use carrel_domain::ChunkId;
use carrel_domain::lexical::{LexicalQuery, Likeness, Occurrence, Occurrences};

use super::Hit;
use super::words::WeightedQuery;

/// The number of features.
const FEATURES: usize = 5;

/// The weight of each of [`TextFeatures`] relative to the fused score, in order.
const WEIGHTS: [f32; FEATURES] = [0.3, 0.4, 0.0, 0.0, 0.0];

/// The maximum distance of neighbouring words in a passage.
const APART: usize = 3;

/// The size of the window in which words count as being together.
const TOGETHER: usize = 12;

/// Features of a question's words in a passage. Each is a share, 0 to 1, independent of the
/// language.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TextFeatures {
    /// Neighbours in the question that are also neighbours in the passage, in the same order.
    pub neighbours: f32,
    /// Words that occur exactly as in the question.
    pub exact: f32,
    /// Words that occur in any form.
    pub found: f32,
    /// The most words that occur together.
    pub proximity: f32,
    /// Words that occur in the title.
    pub titled: f32,
}

impl TextFeatures {
    /// Computes the features of a question and a passage with its title.
    pub fn of(question: &LexicalQuery, title: &str, text: &str) -> Self {
        Self::within(question.words.len(), &question.matcher().compare(title, text))
    }

    /// Computes the features for the first `words` words of a question.
    fn within(words: usize, of: &Occurrences) -> Self {
        if words == 0 {
            return Self::default();
        }
        let own: Vec<_> = of.found.iter().filter(|found| found.word < words).copied().collect();
        let share = |count: usize| count as f32 / words as f32;
        let matched_share = |test: &dyn Fn(&Occurrence) -> bool| {
            share(distinct(own.iter().filter(|occurrence| test(occurrence))))
        };
        Self {
            neighbours: neighbours(words, &own),
            exact: matched_share(&|one| one.match_kind == Likeness::Exact),
            found: matched_share(&|_| true),
            proximity: share(proximity(&own)),
            titled: matched_share(&|one| one.at < of.title),
        }
    }

    /// Returns the features in the order of their weights.
    pub fn values(self) -> [f32; FEATURES] {
        let Self { neighbours, exact, found, proximity: together, titled } = self;
        [neighbours, exact, found, together, titled]
    }

    fn score(self) -> f32 {
        self.values().iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum()
    }
}

/// Reorders hits by fused score and features, and stores each score.
pub(super) fn rerank(query: &WeightedQuery, scores: &HashMap<ChunkId, f32>, hits: &mut [Hit]) {
    let mut matcher = query.question.matcher();
    for hit in hits.iter_mut() {
        let of = matcher.compare(&hit.passage.title_and_headings(), &hit.passage.text);
        let of_text = TextFeatures::within(query.own, &of).score();
        let score = scores.get(&hit.passage.chunk).copied().unwrap_or_default();
        hit.why.reranked = Some(share(score + of_text));
    }
    hits.sort_by(|one, two| {
        let reranked = |hit: &Hit| hit.why.reranked.unwrap_or_default();
        reranked(two).total_cmp(&reranked(one))
    });
}

/// Maps any number to the range 0 to 1, preserving order.
fn share(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

/// Counts the distinct question words among occurrences.
fn distinct<'a>(of: impl Iterator<Item = &'a Occurrence>) -> usize {
    of.map(|one| one.word).collect::<BTreeSet<_>>().len()
}

/// Returns the maximum number of distinct question words within the window.
fn proximity(own: &[Occurrence]) -> usize {
    let mut begin = 0;
    let within = (1..=own.len()).map(|end| {
        while own[end - 1].at - own[begin].at >= TOGETHER {
            begin += 1;
        }
        distinct(own[begin..end].iter())
    });
    within.max().unwrap_or_default()
}

/// Returns the share of neighbouring question words that are close to each other in the passage, in
/// the same order.
fn neighbours(words: usize, own: &[Occurrence]) -> f32 {
    let pairs = words.saturating_sub(1);
    if pairs == 0 {
        return 0.0;
    }
    let close = |pair: &usize| {
        own.iter().enumerate().any(|(index, one)| {
            one.word == *pair
                && own[index + 1..]
                    .iter()
                    .take_while(|next| next.at <= one.at + APART)
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
        let of = features("red doors house cat", "House", "the red door of the houses");
        assert_eq!((of.exact, of.found, of.titled), (0.5, 0.75, 0.25));
        assert_eq!(of.proximity, 0.75);
        let far = "word ".repeat(TOGETHER);
        let of = features("red doors house cat", "", &format!("red {far} doors {far} house"));
        assert_eq!((of.found, of.proximity), (0.75, 0.25));
        assert_eq!(features("", "a", "b"), TextFeatures::default());
        assert_eq!(features("red", "", ""), TextFeatures::default());
    }
}
