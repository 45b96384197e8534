//! Selects the sentences most relevant to a question: those that share its rarer words.
use std::collections::BTreeSet;

use super::sentences::sentences;
use super::terms::{term_similarity, terms};

/// Most quotations in an answer.
const MAX_QUOTES: usize = 4;
/// Most words of the question that count.
const MAX_TERMS: usize = 200;
/// Share of the best sentence's gain that a further sentence must add to be quoted.
const WORTH_QUOTING: f64 = 0.35;
/// A sentence with a smaller gain is quoted if it contains a new word with at least this share of the
/// heaviest word's weight.
const WORTH_ADDING: f64 = 0.6;
/// Relative weight of words of one to three letters, which are seldom the subject.
const WORTH_OF_SMALL: f64 = 0.4;
/// Factor for a word's weight once a quoted sentence contains it.
const WORN: f64 = 0.6;
/// A shorter quotation, in characters, is likely a heading and includes the next sentence.
const TOO_SHORT: usize = 50;

/// Why the quotations were selected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Relevance {
    /// The quotations share words with the question.
    Shared,
    /// No sentence shares words with the question, so the quotations are the first sentences of the
    /// first passages.
    Nearest,
}

/// Consecutive sentences of one text. `context` is the position of the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quote {
    pub context: usize,
    pub text: String,
}

struct Sentence {
    context: usize,
    text: String,
    terms: BTreeSet<String>,
    /// Weight of the passage.
    weight: f64,
}

impl Sentence {
    fn is_question(&self) -> bool {
        self.text
            .trim_end_matches(|c: char| !"?？؟".contains(c) && !c.is_alphanumeric())
            .ends_with(['?', '？', '؟'])
    }
}

/// Returns the best quotations from texts with their weights, best first.
pub(super) fn quotes(question: &str, texts: &[(&str, f64)]) -> (Relevance, Vec<Quote>) {
    let mut unique = BTreeSet::new();
    let mut all = Vec::new();
    for (context, (text, weight)) in texts.iter().enumerate() {
        for text in sentences(text) {
            // Neighboring passages overlap, so a sentence may occur twice.
            if unique.insert(text.clone()) {
                let terms = terms(&text).into_iter().collect();
                all.push(Sentence { context, text, terms, weight: *weight });
            }
        }
    }
    // A question without an answer after it may share every word and still answer nothing.
    for place in 0..all.len() {
        if all[place].is_question() && answer(&all, place).is_none() {
            all[place].weight = 0.0;
        }
    }
    let mut words = words_of(question, &all);
    if words.is_empty() {
        all.iter_mut().for_each(|sentence| sentence.weight = 1.0);
        words = words_of(question, &all);
    }
    if words.is_empty() {
        return (Relevance::Nearest, first_sentences(&all));
    }
    (Relevance::Shared, joined(&all, &chosen(&words, &all)))
}

/// A word of the question that occurs in a sentence.
struct Word {
    /// Larger for rarer words.
    weight: f64,
    /// How closely each sentence matches it, 0 to 1.
    similarities: Vec<f64>,
}

fn words_of(question: &str, all: &[Sentence]) -> Vec<Word> {
    let terms: BTreeSet<_> = terms(question).into_iter().take(MAX_TERMS).collect();
    let word = |term: &String| {
        let similarities: Vec<_> =
            all.iter().map(|sentence| term_similarity_of(sentence, term)).collect();
        let containing =
            similarities.iter().filter(|term_similarity| **term_similarity > 0.0).count();
        let rarity = (1.0 + all.len() as f64 / containing as f64).ln();
        let small = term.len() <= 3 && term.starts_with(char::is_alphabetic);
        let weight = if small { rarity * WORTH_OF_SMALL } else { rarity };
        (containing > 0).then_some(Word { weight, similarities })
    };
    terms.iter().filter_map(word).collect()
}

/// Returns how closely a sentence matches `term`, 0 to 1; 0 for a sentence without weight.
fn term_similarity_of(sentence: &Sentence, term: &str) -> f64 {
    if sentence.weight <= 0.0 {
        return 0.0;
    }
    if sentence.terms.contains(term) {
        return 1.0;
    }
    sentence.terms.iter().map(|other| term_similarity(term, other)).fold(0.0, f64::max)
}

/// Returns the positions of the sentences to quote, best first. Each is selected for what it adds:
/// words that an earlier selection contains count little.
fn chosen(words: &[Word], all: &[Sentence]) -> Vec<usize> {
    let heaviest = words.iter().map(|word| word.weight).fold(0.0, f64::max);
    let mut chosen: Vec<usize> = Vec::new();
    let mut covered = vec![0f64; words.len()];
    let mut best = 0.0;
    while chosen.len() < MAX_QUOTES {
        let mut next = None;
        let mut most = 0.0;
        for place in (0..all.len()).filter(|place| !chosen.contains(place)) {
            let mut shared = 0.0;
            let mut adds = false;
            for (word, covered) in words.iter().zip(&covered) {
                shared += word.weight * word.similarities[place] * (1.0 - WORN * covered);
                let new = *covered == 0.0 && word.similarities[place] > 0.0;
                adds |= new && word.weight >= heaviest * WORTH_ADDING;
            }
            let gain = shared * all[place].weight;
            // The first of equal sentences wins.
            if gain > most && (adds || gain >= best * WORTH_QUOTING) {
                (next, most) = (Some(place), gain);
            }
        }
        let Some(place) = next else { break };
        best = f64::max(best, most);
        chosen.push(place);
        for (covered, word) in covered.iter_mut().zip(words) {
            *covered = f64::max(*covered, word.similarities[place]);
        }
    }
    chosen
}

/// Returns the first sentences of the first two texts.
fn first_sentences(all: &[Sentence]) -> Vec<Quote> {
    let contexts: BTreeSet<_> = all.iter().map(|sentence| sentence.context).collect();
    let first = |context| all.iter().position(|sentence| sentence.context == context);
    let places: Vec<_> = contexts.into_iter().take(2).filter_map(first).collect();
    let with_next = places.iter().flat_map(|place| [*place, place + 1]);
    let within: Vec<_> = with_next.filter(|place| *place < all.len()).collect();
    joined(all, &within)
}

/// Returns the sentence after `place` in the same text.
fn following(all: &[Sentence], place: usize) -> Option<usize> {
    let next = all.get(place + 1)?;
    (next.context == all[place].context).then_some(place + 1)
}

/// Returns the sentence that answers the question at `place`, as in a list of questions and
/// answers.
fn answer(all: &[Sentence], place: usize) -> Option<usize> {
    following(all, place).filter(|next| all[place].is_question() && !all[*next].is_question())
}

/// Joins adjacent selected sentences to quotations, ordered by the best sentence of each.
fn joined(all: &[Sentence], chosen: &[usize]) -> Vec<Quote> {
    let mut added: BTreeSet<usize> = chosen.iter().copied().collect();
    for place in chosen {
        let short = all[*place].text.chars().count() < TOO_SHORT;
        added.extend(if short { following(all, *place) } else { answer(all, *place) });
    }
    let mut quotes = Vec::new();
    for place in chosen {
        if !added.contains(place) {
            continue;
        }
        let context = all[*place].context;
        let same = |place: &usize| added.contains(place) && all[*place].context == context;
        let mut start = *place;
        while start.checked_sub(1).is_some_and(|before| same(&before)) {
            start -= 1;
        }
        let mut end = *place + 1;
        while end < all.len() && same(&end) {
            end += 1;
        }
        let parts: Vec<_> = all[start..end].iter().map(|sentence| sentence.text.as_str()).collect();
        added.retain(|place| !(start..end).contains(place));
        quotes.push(Quote { context, text: parts.join(" ") });
    }
    quotes
}
