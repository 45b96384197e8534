//! Adds rare words of earlier turns to follow-up questions.
//!
//! "Who is the manager there?" after "Where is the Riga branch?" is about Riga. Instead of a model,
//! this searches for words of recent turns together with those of the question. A word weighs less
//! the older it is and the more words the question itself has.
use carrel_domain::lexical::LexicalQuery;

/// An earlier turn of the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationTurn {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// The number of turns considered.
const MAX_TURNS: usize = 3;
/// The weight of a word relative to one of the following turn.
const DECAY: f32 = 0.5;
/// The weight of a word in an answer relative to one in its question.
const ANSWER_WEIGHT: f32 = 0.5;
/// The number of characters of an answer considered.
const ANSWER_CHARS: usize = 300;
/// The maximum number of words added from earlier turns. The rarest are used.
const MAX_WORDS: usize = 6;
/// The maximum total weight of added words relative to the question's own.
const MAX_ADDED_WEIGHT: f32 = 0.9;
/// The number of own words at which a question is considered complete.
const COMPLETE_WORDS: f32 = 8.0;

/// Words of greeting and thanks, which ask nothing.
const COURTESIES: [&str; 48] = [
    "hello",
    "hi",
    "hey",
    "there",
    "good",
    "morning",
    "evening",
    "bye",
    "goodbye",
    "ok",
    "okay",
    "thanks",
    "thank",
    "you",
    "very",
    "much",
    "please",
    "hallo",
    "moin",
    "servus",
    "guten",
    "tag",
    "morgen",
    "danke",
    "schön",
    "bitte",
    "tschüss",
    "bonjour",
    "salut",
    "merci",
    "hola",
    "buenas",
    "gracias",
    "ciao",
    "grazie",
    "olá",
    "obrigado",
    "obrigada",
    "hoi",
    "dank",
    "je",
    "cześć",
    "dzięki",
    "merhaba",
    "привет",
    "спасибо",
    "你好",
    "谢谢",
];

/// Returns whether a message is only a greeting or thanks. Such a message neither continues
/// anything nor is continued.
fn is_courtesy(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_courteous = |word: &str| COURTESIES.contains(&word.to_lowercase().as_str());
    words.next().is_some_and(is_courteous) && words.all(is_courteous)
}

/// Returns the turns that a message may continue, newest first.
fn preceding_turns<'a>(
    text: &str,
    turns: &'a [ConversationTurn],
) -> impl Iterator<Item = &'a ConversationTurn> + use<'a> {
    let is_courtesy_text = is_courtesy(text);
    turns.iter().filter(move |turn| !is_courtesy_text && !is_courtesy(&turn.question))
}

/// The words of a question, followed by words of earlier turns, with a weight factor for each.
#[derive(Default)]
pub(super) struct ExpandedQuery {
    pub(super) question: LexicalQuery,
    /// The number of the question's own words, which come first.
    pub(super) question_words: usize,
    factors: Vec<f32>,
}

impl ExpandedQuery {
    /// Combines a question with earlier turns, newest first.
    pub(super) fn of(text: &str, turns: &[ConversationTurn]) -> Self {
        let mut question = LexicalQuery::of(text);
        let question_words = question.words.len();
        let mut factors = vec![1.0; question_words];
        let mut factor = dependence(question_words);
        for turn in preceding_turns(text, turns).take(MAX_TURNS) {
            let answer: String = turn.answer.chars().take(ANSWER_CHARS).collect();
            for (text, weight) in [(&turn.question, factor), (&answer, factor * ANSWER_WEIGHT)] {
                question.add(LexicalQuery::of(text));
                factors.resize(question.words.len(), weight);
            }
            factor *= DECAY;
        }
        Self { question, question_words, factors }
    }

    /// Returns the weight of each word in a search, given its rarity in the workspace.
    pub(super) fn weights(&self, rarity: &[f32]) -> Vec<f32> {
        let product = |(factor, rarity): (&f32, &f32)| factor * rarity;
        let mut weights: Vec<f32> = self.factors.iter().zip(rarity).map(product).collect();
        let question_weight: f32 = weights[..self.question_words].iter().sum();
        let added = &mut weights[self.question_words..];
        let mut order: Vec<_> = (0..added.len()).collect();
        order.sort_by(|a, b| added[*b].total_cmp(&added[*a]));
        for index in order.into_iter().skip(MAX_WORDS) {
            added[index] = 0.0;
        }
        let total: f32 = added.iter().sum();
        let max_weight = question_weight * MAX_ADDED_WEIGHT;
        if question_weight > 0.0 && total > max_weight {
            added.iter_mut().for_each(|weight| *weight *= max_weight / total);
        }
        weights
    }
}

/// Returns how much a question depends on earlier turns: 1 if it has no content of its own, 0 if it
/// is complete.
fn dependence(question_words: usize) -> f32 {
    (1.0 - question_words as f32 / COMPLETE_WORDS).max(0.0)
}

/// Returns the question joined with the previous one, and the weight of the joined text.
pub(super) fn join_previous_question(
    text: &str,
    turns: &[ConversationTurn],
) -> Option<(String, f32)> {
    let previous = preceding_turns(text, turns).next()?;
    let dependence = dependence(LexicalQuery::of(text).words.len());
    (dependence > 0.0).then(|| (format!("{}\n{text}", previous.question), dependence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(question: &str, answer: &str) -> ConversationTurn {
        ConversationTurn { question: question.into(), answer: answer.into() }
    }

    #[test]
    fn earlier_words_weigh_less_the_older_they_are() {
        let turns =
            [turn("Where is the Riga branch?", "In Elizabetes street."), turn("Vilnius?", "")];
        let query = ExpandedQuery::of("Who is the manager there?", &turns);
        assert_eq!(query.question_words, 1);
        let weights = query.weights(&vec![1.0; query.question.words.len()]);
        let (question, added) = weights.split_at(1);
        assert!(added.iter().sum::<f32>() < question[0], "{weights:?}");
        assert!(added[0] > added[2] && added[2] >= added[4], "{weights:?}");
    }

    #[test]
    fn a_complete_question_is_not_changed() {
        let question =
            "Which hospital in Dresden ordered ninety infusion pumps last November by telephone?";
        let turns = [turn("Where is the Riga branch?", "")];
        let query = ExpandedQuery::of(question, &turns);
        let weights = query.weights(&vec![1.0; query.question.words.len()]);
        assert!(weights[query.question_words..].iter().all(|weight| *weight == 0.0), "{weights:?}");
        assert_eq!(join_previous_question(question, &turns), None);
        assert_eq!(join_previous_question("Who leads it?", &[]), None);
    }

    #[test]
    fn greetings_and_thanks_continue_nothing_and_are_not_continued() {
        let riga = turn("Where is the Riga branch?", "In Elizabetes street.");
        for courtesy in ["hello", "Hi!", "Thank you very much.", "Guten Morgen", "谢谢"] {
            assert_eq!(join_previous_question(courtesy, std::slice::from_ref(&riga)), None);
            let question_words = LexicalQuery::of(courtesy).words.len();
            let query = ExpandedQuery::of(courtesy, std::slice::from_ref(&riga));
            assert_eq!(query.question.words.len(), question_words, "{courtesy}");
            let turns = [turn(courtesy, "Hello. What can I do for you?"), riga.clone()];
            let (text, _) = join_previous_question("Who leads it?", &turns).unwrap_or_default();
            assert_eq!(text, "Where is the Riga branch?\nWho leads it?");
        }
        assert!(join_previous_question("Why?", std::slice::from_ref(&riga)).is_some());
    }

    #[test]
    fn without_earlier_turns_nothing_changes() {
        let query = ExpandedQuery::of("red door", &[]);
        assert_eq!((query.question_words, query.weights(&[3.0, 2.0])), (2, vec![3.0, 2.0]));
    }

    #[test]
    fn only_the_rarest_words_of_long_answers_count() {
        let answer = (0..40).map(|number| format!("word{number} ")).collect::<String>();
        let query = ExpandedQuery::of("Who?", &[turn("What?", &answer)]);
        let rarity = vec![1.0; query.question.words.len()];
        let count =
            query.weights(&rarity)[query.question_words..].iter().filter(|w| **w > 0.0).count();
        assert_eq!(count, MAX_WORDS);
    }
}
