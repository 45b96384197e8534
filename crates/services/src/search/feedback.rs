//! Pseudo-relevance feedback: ranks passages similar to the best ones higher.
//!
//! If many passages contain the question's words about equally, those on the same subject as the
//! best are more likely to answer than those that share the words by chance. Passages are compared
//! by all of their words, with rare words weighted higher; no model and no index is used.
use std::collections::{BTreeMap, HashMap};

use carrel_domain::lexical::rough_terms;

use super::fusion::{Candidate, standardized};

/// The maximum number of candidates compared. The best are used.
pub(super) const MAX_COMPARED: usize = 100;

/// The number of best candidates that the others are compared with.
const REFERENCE_COUNT: usize = 10;

/// Adds to the score of each candidate its similarity to the best of the others: `weight` per
/// standard deviation above the mean. The candidates must be sorted, best first.
pub(super) fn add_feedback(candidates: &mut [Candidate], weight: f32) {
    let terms: Vec<_> = candidates.iter().map(terms).collect();
    let vectors = Vectors::of(&terms);
    let minimum = candidates.last().map_or(0.0, |last| last.score);
    let weights: Vec<_> = candidates
        .iter()
        .take(REFERENCE_COUNT)
        .map(|candidate| candidate.score - minimum)
        .collect();
    let similarities = standardized(vectors.similarities(&weights));
    for (candidate, similarity) in candidates.iter_mut().zip(similarities) {
        candidate.score += weight * similarity;
    }
}

fn terms(candidate: &Candidate) -> HashMap<String, u32> {
    let terms_of = |passage: &carrel_domain::library::Passage| {
        rough_terms(&passage.title_and_headings(), &passage.text)
    };
    candidate.passage.as_ref().map(terms_of).unwrap_or_default()
}

/// Passages as unit vectors over the terms of all of them.
struct Vectors {
    dimensions: usize,
    /// The terms and weights of each passage.
    vectors: Vec<Vec<(usize, f32)>>,
}

impl Vectors {
    /// Weights terms higher the more often a passage has them and the fewer passages do.
    fn of(passages: &[HashMap<String, u32>]) -> Self {
        // Sorted terms make sums reproducible to the last bit.
        let passages: Vec<BTreeMap<&str, u32>> = passages
            .iter()
            .map(|terms| terms.iter().map(|(term, count)| (term.as_str(), *count)).collect())
            .collect();
        let mut vocabulary: HashMap<&str, (usize, u32)> = HashMap::new();
        for term in passages.iter().flat_map(BTreeMap::keys) {
            let next = vocabulary.len();
            vocabulary.entry(term).or_insert((next, 0)).1 += 1;
        }
        let passage_count = passages.len() as f32;
        let weigh = |(term, count): (&&str, &u32)| {
            let (dimension, document_frequency) = *vocabulary.get(*term)?;
            let rarity = ((passage_count + 1.0) / (document_frequency as f32 + 0.5)).ln().max(0.0);
            // A term of a single passage does not affect comparisons.
            (document_frequency > 1).then(|| (dimension, (1.0 + (*count as f32).ln()) * rarity))
        };
        let vector = |passage: &BTreeMap<&str, u32>| {
            let mut vector: Vec<_> = passage.iter().filter_map(weigh).collect();
            let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            vector.iter_mut().for_each(|(_, weight)| *weight /= length.max(f32::EPSILON));
            vector
        };
        Self { dimensions: vocabulary.len(), vectors: passages.iter().map(vector).collect() }
    }

    /// Returns the similarity of each passage to the first ones except itself, weighted by `weights`.
    fn similarities(&self, weights: &[f32]) -> Vec<f32> {
        let mut sum = vec![0.0; self.dimensions];
        for (vector, own_weight) in self.vectors.iter().zip(weights) {
            for (dimension, weight) in vector {
                sum[*dimension] += own_weight * weight;
            }
        }
        let total: f32 = weights.iter().sum();
        let similarity = |(index, vector): (usize, &Vec<(usize, f32)>)| {
            let own_weight = weights.get(index).copied().unwrap_or_default();
            let total_similarity: f32 =
                vector.iter().map(|(dimension, weight)| sum[*dimension] * weight).sum();
            let self_similarity: f32 =
                vector.iter().map(|(_, weight)| own_weight * weight * weight).sum();
            (total_similarity - self_similarity) / (total - own_weight).max(1e-6)
        };
        self.vectors.iter().enumerate().map(similarity).collect()
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
        let scores = similarities(&texts, &[1.0, 0.5]);
        assert!(scores[1] > scores[2] && scores[1] > scores[3], "{scores:?}");
        assert!(scores[0] < 0.9, "a passage is not compared with itself: {scores:?}");
        let single = similarities(&texts[..1], &[1.0]);
        assert_eq!(single, [0.0]);
        assert_eq!(similarities(&[], &[]), [0.0; 0]);
        assert!(similarities(&["", "…"], &[0.0, 0.0]).iter().all(|value| value.is_finite()));
    }
}
