//! Adds rare words of earlier turns to follow-up questions.
//!
//! "Who is the manager there?" after "Where is the Riga branch?" is about Riga. Instead of a model,
//! this searches for words of recent turns together with those of the question. A word weighs less
//! the older it is and the more words the question itself has.
use carrel_domain::lexical::LexicalQuery;

/// An earlier turn of the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierTurn {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// The number of turns considered.
const TURNS: usize = 3;
/// The weight of a word relative to one of the following turn.
const DECAY: f32 = 0.5;
/// The weight of a word in an answer relative to one in its question.
const OF_ANSWER: f32 = 0.5;
/// The number of characters of an answer considered.
const BEGINNING: usize = 300;
/// The maximum number of words added from earlier turns. The rarest are used.
const MOST_WORDS: usize = 6;
/// The maximum total weight of added words relative to the question's own.
const MOST_WEIGHT: f32 = 0.9;
/// The number of own words at which a question is considered complete.
const WHOLE: f32 = 8.0;

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
fn continued<'a>(
    text: &str,
    earlier: &'a [EarlierTurn],
) -> impl Iterator<Item = &'a EarlierTurn> + use<'a> {
    let none = is_courtesy(text);
    earlier.iter().filter(move |turn| !none && !is_courtesy(&turn.question))
}

/// The words of a question, followed by words of earlier turns, with a weight factor for each.
#[derive(Default)]
pub(super) struct Continued {
    pub(super) question: LexicalQuery,
    /// The number of the question's own words, which come first.
    pub(super) own: usize,
    factors: Vec<f32>,
}

impl Continued {
    /// Combines a question with earlier turns, newest first.
    pub(super) fn of(text: &str, earlier: &[EarlierTurn]) -> Self {
        let mut question = LexicalQuery::of(text);
        let own = question.words.len();
        let mut factors = vec![1.0; own];
        let mut factor = need(own);
        for turn in continued(text, earlier).take(TURNS) {
            let answer: String = turn.answer.chars().take(BEGINNING).collect();
            for (text, weight) in [(&turn.question, factor), (&answer, factor * OF_ANSWER)] {
                question.add(LexicalQuery::of(text));
                factors.resize(question.words.len(), weight);
            }
            factor *= DECAY;
        }
        Self { question, own, factors }
    }

    /// Returns the weight of each word in a search, given its rarity in the workspace.
    pub(super) fn weights(&self, rarity: &[f32]) -> Vec<f32> {
        let weighted = |(factor, rarity): (&f32, &f32)| factor * rarity;
        let mut weights: Vec<f32> = self.factors.iter().zip(rarity).map(weighted).collect();
        let own: f32 = weights[..self.own].iter().sum();
        let earlier = &mut weights[self.own..];
        let mut order: Vec<_> = (0..earlier.len()).collect();
        order.sort_by(|one, two| earlier[*two].total_cmp(&earlier[*one]));
        for left_out in order.into_iter().skip(MOST_WORDS) {
            earlier[left_out] = 0.0;
        }
        let all: f32 = earlier.iter().sum();
        let most = own * MOST_WEIGHT;
        if own > 0.0 && all > most {
            earlier.iter_mut().for_each(|weight| *weight *= most / all);
        }
        weights
    }
}

/// Returns how much a question depends on earlier turns: 1 if it has no content of its own, 0 if it
/// is complete.
fn need(own: usize) -> f32 {
    (1.0 - own as f32 / WHOLE).max(0.0)
}

/// Returns the question joined with the previous one, and the weight of the joined text.
pub(super) fn with_question_before(text: &str, earlier: &[EarlierTurn]) -> Option<(String, f32)> {
    let before = continued(text, earlier).next()?;
    let need = need(LexicalQuery::of(text).words.len());
    (need > 0.0).then(|| (format!("{}\n{text}", before.question), need))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(question: &str, answer: &str) -> EarlierTurn {
        EarlierTurn { question: question.into(), answer: answer.into() }
    }

    #[test]
    fn earlier_words_weigh_less_the_older_they_are() {
        let earlier =
            [turn("Where is the Riga branch?", "In Elizabetes street."), turn("Vilnius?", "")];
        let continued = Continued::of("Who is the manager there?", &earlier);
        assert_eq!(continued.own, 1);
        let weights = continued.weights(&vec![1.0; continued.question.words.len()]);
        let (own, rest) = weights.split_at(1);
        assert!(rest.iter().sum::<f32>() < own[0], "{weights:?}");
        assert!(rest[0] > rest[2] && rest[2] >= rest[4], "{weights:?}");
    }

    #[test]
    fn a_complete_question_is_not_changed() {
        let whole =
            "Which hospital in Dresden ordered ninety infusion pumps last November by telephone?";
        let earlier = [turn("Where is the Riga branch?", "")];
        let continued = Continued::of(whole, &earlier);
        let weights = continued.weights(&vec![1.0; continued.question.words.len()]);
        assert!(weights[continued.own..].iter().all(|weight| *weight == 0.0), "{weights:?}");
        assert_eq!(with_question_before(whole, &earlier), None);
        assert_eq!(with_question_before("Who leads it?", &[]), None);
    }

    #[test]
    fn greetings_and_thanks_continue_nothing_and_are_not_continued() {
        let riga = turn("Where is the Riga branch?", "In Elizabetes street.");
        for courtesy in ["hello", "Hi!", "Thank you very much.", "Guten Morgen", "谢谢"] {
            assert_eq!(with_question_before(courtesy, std::slice::from_ref(&riga)), None);
            let own = LexicalQuery::of(courtesy).words.len();
            let continued = Continued::of(courtesy, std::slice::from_ref(&riga));
            assert_eq!(continued.question.words.len(), own, "{courtesy}");
            let earlier = [turn(courtesy, "Hello. What can I do for you?"), riga.clone()];
            let (text, _) = with_question_before("Who leads it?", &earlier).unwrap_or_default();
            assert_eq!(text, "Where is the Riga branch?\nWho leads it?");
        }
        assert!(with_question_before("Why?", std::slice::from_ref(&riga)).is_some());
    }

    #[test]
    fn without_earlier_turns_nothing_changes() {
        let continued = Continued::of("red door", &[]);
        assert_eq!((continued.own, continued.weights(&[3.0, 2.0])), (2, vec![3.0, 2.0]));
    }

    #[test]
    fn only_the_rarest_words_of_long_answers_count() {
        let long = (0..40).map(|number| format!("word{number} ")).collect::<String>();
        let continued = Continued::of("Who?", &[turn("What?", &long)]);
        let rarity = vec![1.0; continued.question.words.len()];
        let counted =
            continued.weights(&rarity)[continued.own..].iter().filter(|w| **w > 0.0).count();
        assert_eq!(counted, MOST_WORDS);
    }
}
