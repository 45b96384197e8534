//! Looking at the best passages again, each with the question beside it.
//!
//! No model is asked. What counts is what both rankings made of a passage, and besides whether words
//! that are neighbours in the question are neighbours there too.
use carrel_domain::lexical::Occurrences;

use super::Hit;
use super::words::Asked;

/// What neighbours add to the worth of a passage, which is 1 at most. They decide between passages
/// that both rankings find almost alike.
const OF_NEIGHBOURS: f32 = 0.1;

/// Between neighbours there may be so many words less one.
const APART: usize = 3;

/// Orders hits anew, and notes with each what it is worth.
pub(super) fn rerank(asked: &Asked, hits: &mut [Hit]) {
    let mut matcher = asked.question.matcher();
    for hit in hits.iter_mut() {
        let of = matcher.compare(&hit.passage.title_and_headings(), &hit.passage.text);
        let close = neighbours(asked.own, &of);
        let worth = hit.why.reranked.unwrap_or_default() + OF_NEIGHBOURS * close;
        hit.why.reranked = Some(worth / (1.0 + OF_NEIGHBOURS));
    }
    hits.sort_by(|one, two| {
        let worth = |hit: &Hit| hit.why.reranked.unwrap_or_default();
        worth(two).total_cmp(&worth(one))
    });
}

/// The share of the question's neighbouring words that the passage has close to each other, in the
/// same order.
fn neighbours(words: usize, of: &Occurrences) -> f32 {
    let pairs = words.saturating_sub(1);
    if pairs == 0 {
        return 0.0;
    }
    let close = |pair: &usize| {
        of.found.iter().enumerate().any(|(index, one)| {
            one.word == *pair
                && of.found[index + 1..]
                    .iter()
                    .take_while(|next| next.at <= one.at + APART)
                    .any(|next| next.word == *pair + 1)
        })
    };
    (0..pairs).filter(close).count() as f32 / pairs as f32
}

#[cfg(test)]
mod tests {
    use carrel_domain::lexical::Question;

    use super::*;

    #[test]
    fn neighbours_count_in_their_order_and_close_by() {
        let share = |question: &str| {
            let question = Question::of(question);
            let of = question.matcher().compare("", "the red and heavy door of the house");
            neighbours(question.words.len(), &of)
        };
        assert_eq!(share("red door"), 1.0);
        assert_eq!(share("door red"), 0.0);
        assert_eq!(share("red door house cat"), 2.0 / 3.0);
        assert_eq!((share("red"), share("")), (0.0, 0.0));
    }
}
