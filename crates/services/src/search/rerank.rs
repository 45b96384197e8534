//! Looking at the best passages again, each with the question beside it.
//!
//! No model is asked. What counts is what both rankings made of a passage, and besides how the words of the
//! question stand in it. `tests/retrieval/train_rerank.py` has learned how much each of these counts.
use std::collections::{BTreeSet, HashMap};

use carrel_domain::ChunkId;
use carrel_domain::lexical::{LexicalQuery, Likeness, Occurrence, Occurrences};

use super::Hit;
use super::words::Asked;

/// How many things are seen of a passage.
const FEATURES: usize = 5;

/// What each of them is worth beside what both rankings made of the passage; of [`TextFeatures`], in order.
const WEIGHTS: [f32; FEATURES] = [0.3, 0.4, 0.0, 0.0, 0.0];

/// Neighbours may have so many words less one between them.
const APART: usize = 3;

/// Words that stand together are within so many.
const TOGETHER: usize = 12;

/// How the words of a question stand in a passage. Each is a share of them, 0 to 1, whatever the language.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TextFeatures {
    /// Neighbours in the question that are neighbours in the passage, in the same order.
    pub neighbours: f32,
    /// Words that are there as they are written in the question.
    pub exact: f32,
    /// Words that are there in any form.
    pub found: f32,
    /// Words that stand together somewhere.
    pub together: f32,
    /// Words that are in the title.
    pub titled: f32,
}

impl TextFeatures {
    /// Of a question and a passage below its title.
    pub fn of(question: &LexicalQuery, title: &str, text: &str) -> Self {
        Self::within(question.words.len(), &question.matcher().compare(title, text))
    }

    /// Of the first so many words of a question.
    fn within(words: usize, of: &Occurrences) -> Self {
        if words == 0 {
            return Self::default();
        }
        let own: Vec<_> = of.found.iter().filter(|found| found.word < words).copied().collect();
        let share = |count: usize| count as f32 / words as f32;
        let held = |test: &dyn Fn(&Occurrence) -> bool| {
            share(distinct(own.iter().filter(|one| test(one))))
        };
        Self {
            neighbours: neighbours(words, &own),
            exact: held(&|one| one.likeness == Likeness::Exact),
            found: held(&|_| true),
            together: share(together(&own)),
            titled: held(&|one| one.at < of.title),
        }
    }

    /// The features in the order of their weights.
    pub fn values(self) -> [f32; FEATURES] {
        let Self { neighbours, exact, found, together, titled } = self;
        [neighbours, exact, found, together, titled]
    }

    fn worth(self) -> f32 {
        self.values().iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum()
    }
}

/// Reorders hits by both rankings and by their text, and stores the score of each.
pub(super) fn rerank(asked: &Asked, worth: &HashMap<ChunkId, f32>, hits: &mut [Hit]) {
    let mut matcher = asked.question.matcher();
    for hit in hits.iter_mut() {
        let of = matcher.compare(&hit.passage.title_and_headings(), &hit.passage.text);
        let of_text = TextFeatures::within(asked.own, &of).worth();
        let worth = worth.get(&hit.passage.chunk).copied().unwrap_or_default();
        hit.why.reranked = Some(share(worth + of_text));
    }
    hits.sort_by(|one, two| {
        let worth = |hit: &Hit| hit.why.reranked.unwrap_or_default();
        worth(two).total_cmp(&worth(one))
    });
}

/// Any number as one from 0 to 1, in the same order.
fn share(worth: f32) -> f32 {
    1.0 / (1.0 + (-worth).exp())
}

/// How many words of the question there are among occurrences.
fn distinct<'a>(of: impl Iterator<Item = &'a Occurrence>) -> usize {
    of.map(|one| one.word).collect::<BTreeSet<_>>().len()
}

/// The most words of the question that stand together.
fn together(own: &[Occurrence]) -> usize {
    let mut begin = 0;
    let within = (1..=own.len()).map(|end| {
        while own[end - 1].at - own[begin].at >= TOGETHER {
            begin += 1;
        }
        distinct(own[begin..end].iter())
    });
    within.max().unwrap_or_default()
}

/// The share of the question's neighbouring words that the passage has close to each other, in the
/// same order.
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
    fn shares_are_of_the_words_of_the_question() {
        let of = features("red doors house cat", "House", "the red door of the houses");
        assert_eq!((of.exact, of.found, of.titled), (0.5, 0.75, 0.25));
        assert_eq!(of.together, 0.75);
        let far = "word ".repeat(TOGETHER);
        let of = features("red doors house cat", "", &format!("red {far} doors {far} house"));
        assert_eq!((of.found, of.together), (0.75, 0.25));
        assert_eq!(features("", "a", "b"), TextFeatures::default());
        assert_eq!(features("red", "", ""), TextFeatures::default());
    }
}
