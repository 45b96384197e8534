//! Pseudo-relevance feedback: ranks passages similar to the best ones higher.
//!
//! If many passages contain the question's words about equally, those on the same subject as the
//! best are more likely to answer than those that share the words by chance. Passages are compared
//! by all of their words, with rare words weighted higher; no model and no index is used.
use std::collections::{BTreeMap, HashMap};

use carrel_domain::lexical::rough_terms;

use super::fusion::{Candidate, standardized};

/// The maximum number of candidates compared. The best are used.
pub(super) const MOST_COMPARED: usize = 100;

/// The number of best candidates that the others are compared with.
const BEST: usize = 10;

/// Adds to the score of each candidate its similarity to the best of the others: `weight` per
/// standard deviation above the mean. The candidates must be sorted, best first.
pub(super) fn add_feedback(candidates: &mut [Candidate], weight: f32) {
    let terms: Vec<_> = candidates.iter().map(terms).collect();
    let vectors = Vectors::of(&terms);
    let least = candidates.last().map_or(0.0, |last| last.score);
    let weights: Vec<_> = candidates.iter().take(BEST).map(|best| best.score - least).collect();
    let similarities = standardized(vectors.similarities(&weights));
    for (candidate, similarity) in candidates.iter_mut().zip(similarities) {
        candidate.score += weight * similarity;
    }
}

fn terms(candidate: &Candidate) -> HashMap<String, u32> {
    let of = |passage: &carrel_domain::library::Passage| {
        rough_terms(&passage.title_and_headings(), &passage.text)
    };
    candidate.passage.as_ref().map(of).unwrap_or_default()
}

/// Passages as unit vectors over the terms of all of them.
struct Vectors {
    dimensions: usize,
    /// The terms and weights of each passage.
    all: Vec<Vec<(usize, f32)>>,
}

impl Vectors {
    /// Weights terms higher the more often a passage has them and the fewer passages do.
    fn of(passages: &[HashMap<String, u32>]) -> Self {
        // Sorted terms make sums reproducible to the last bit.
        let passages: Vec<BTreeMap<&str, u32>> = passages
            .iter()
            .map(|terms| terms.iter().map(|(term, times)| (term.as_str(), *times)).collect())
            .collect();
        let mut known: HashMap<&str, (usize, u32)> = HashMap::new();
        for term in passages.iter().flat_map(BTreeMap::keys) {
            let next = known.len();
            known.entry(term).or_insert((next, 0)).1 += 1;
        }
        let count = passages.len() as f32;
        let weighted = |(term, times): (&&str, &u32)| {
            let (dimension, containing) = *known.get(*term)?;
            let rarity = ((count + 1.0) / (containing as f32 + 0.5)).ln().max(0.0);
            // A term of a single passage does not affect comparisons.
            (containing > 1).then(|| (dimension, (1.0 + (*times as f32).ln()) * rarity))
        };
        let vector = |passage: &BTreeMap<&str, u32>| {
            let mut vector: Vec<_> = passage.iter().filter_map(weighted).collect();
            let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            vector.iter_mut().for_each(|(_, weight)| *weight /= length.max(f32::EPSILON));
            vector
        };
        Self { dimensions: known.len(), all: passages.iter().map(vector).collect() }
    }

    /// Returns the similarity of each passage to the first ones except itself, weighted by `weights`.
    fn similarities(&self, weights: &[f32]) -> Vec<f32> {
        let mut sum = vec![0.0; self.dimensions];
        for (vector, own_weight) in self.all.iter().zip(weights) {
            for (dimension, weight) in vector {
                sum[*dimension] += own_weight * weight;
            }
        }
        let whole: f32 = weights.iter().sum();
        let similarity = |(place, vector): (usize, &Vec<(usize, f32)>)| {
            let own = weights.get(place).copied().unwrap_or_default();
            let with_all: f32 = vector.iter().map(|(at, weight)| sum[*at] * weight).sum();
            let with_itself: f32 = vector.iter().map(|(_, weight)| own * weight * weight).sum();
            (with_all - with_itself) / (whole - own).max(1e-6)
        };
        self.all.iter().enumerate().map(similarity).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similarities(texts: &[&str], weights: &[f32]) -> Vec<f32> {
        let passages: Vec<_> = texts.iter().map(|text| rough_terms("", text)).collect();
        Vectors::of(&passages).similarities(weights)
    }

    #[test]
    fn likeness_uses_rare_words_and_excludes_the_passage_itself() {
        let texts = [
            "the shock wave ahead of a blunt body at hypersonic speed",
            "a blunt body and its shock layer",
            "the price of bread",
            "bread, butter and the price of both",
        ];
        let of = similarities(&texts, &[1.0, 0.5]);
        assert!(of[1] > of[2] && of[1] > of[3], "{of:?}");
        assert!(of[0] < 0.9, "a passage is not compared with itself: {of:?}");
        let single = similarities(&texts[..1], &[1.0]);
        assert_eq!(single, [0.0]);
        assert_eq!(similarities(&[], &[]), [0.0; 0]);
        assert!(similarities(&["", "…"], &[0.0, 0.0]).iter().all(|value| value.is_finite()));
    }
}
