//! The words of a question, and their occurrences in passages.
use std::collections::HashMap;

use super::language::{self, Language};
use super::terms::{beginning, forms};
use super::{MAX_QUERY_WORDS, compounds, fold, words};

/// The number of bytes of a query that are analysed.
const LONGEST_QUERY: usize = 4 << 10;
/// The number of bytes of a passage that are analysed.
const LONGEST_PASSAGE: usize = 256 << 10;
/// The maximum number of forms searched per word.
const MAX_FORMS: usize = 6;

/// A word of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionWord {
    /// The word in lower case, with accents.
    written: String,
    /// The index terms of the word: its spellings, then its stems.
    pub terms: Vec<String>,
    spellings: usize,
}

/// The content words of a question, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LexicalQuery {
    /// The distinct words, at most 32.
    pub words: Vec<QuestionWord>,
    languages: Vec<Language>,
}

impl LexicalQuery {
    /// Extracts the words of a question. Drops stop words unless there are no others.
    pub fn of(text: &str) -> Self {
        let all = words::cut(&fold::plain(beginning(text, LONGEST_QUERY)), true);
        let language = language::guess(all.iter().map(String::as_str));
        let is_content = |word: &&String| {
            language.is_none_or(|language| {
                !language::is_stop_word(&fold::without_marks(word), language)
            })
        };
        let mut content: Vec<_> = all.iter().filter(is_content).collect();
        if content.is_empty() {
            content = all.iter().collect();
        }
        let mut question = Self::default();
        for word in content {
            if question.words.len() == MAX_QUERY_WORDS {
                break;
            }
            if question.words.iter().any(|known| known.written == *word) {
                continue;
            }
            let languages = match language {
                Some(language) => vec![language],
                None => language::possible(word).collect(),
            };
            let spellings = forms(word, &[]).len();
            let mut terms = forms(word, &languages);
            terms.truncate(MAX_FORMS);
            for language in languages {
                if !question.languages.contains(&language) {
                    question.languages.push(language);
                }
            }
            question.words.push(QuestionWord { written: word.clone(), terms, spellings });
        }
        question
    }

    /// Returns whether there are no words to search for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Adds the new words of another text, up to the maximum.
    pub fn add(&mut self, other: Self) {
        for word in other.words {
            let is_known = |known: &QuestionWord| known.terms.contains(&word.terms[0]);
            if self.words.len() < MAX_QUERY_WORDS && !self.words.iter().any(is_known) {
                self.words.push(word);
            }
        }
        for language in other.languages {
            if !self.languages.contains(&language) {
                self.languages.push(language);
            }
        }
    }

    /// Returns a matcher that compares passages with the question.
    pub fn matcher(&self) -> Matcher<'_> {
        Matcher { question: self, known: HashMap::new() }
    }
}

/// How closely a word of a passage matches a word of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// One word is part of the other.
    Part,
    /// Another form of the word.
    Stem,
    /// The same word except for accents and spelling variants.
    Folded,
    /// The same word.
    Exact,
}

/// An occurrence of a question word in a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The position of the word, from 0. The words of the title come first.
    pub at: usize,
    /// The index of the question word.
    pub word: usize,
    /// How closely the words match.
    pub match_kind: Likeness,
}

/// The occurrences of question words in a passage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occurrences {
    /// The occurrences, in text order.
    pub found: Vec<Occurrence>,
    /// The number of words in the title.
    pub title: usize,
    /// The number of words in the title and the passage.
    pub length: usize,
}

/// Compares passages with a question. Caches words, so use one matcher for all passages of a
/// search.
pub struct Matcher<'a> {
    question: &'a LexicalQuery,
    known: HashMap<String, Option<(usize, Likeness)>>,
}

impl Matcher<'_> {
    /// Finds the words of the question in a passage and its title.
    pub fn compare(&mut self, title: &str, text: &str) -> Occurrences {
        let mut occurrences = Occurrences::default();
        for (is_title, part) in [(true, title), (false, text)] {
            for word in words::cut(&fold::plain(beginning(part, LONGEST_PASSAGE)), false) {
                if let Some((of, match_kind)) = self.like(&word) {
                    let at = occurrences.length;
                    occurrences.found.push(Occurrence { at, word: of, match_kind });
                }
                occurrences.length += 1;
            }
            if is_title {
                occurrences.title = occurrences.length;
            }
        }
        occurrences
    }

    fn like(&mut self, word: &str) -> Option<(usize, Likeness)> {
        if let Some(known) = self.known.get(word) {
            return *known;
        }
        let like = self.question.like(word);
        self.known.insert(word.to_owned(), like);
        like
    }
}

impl LexicalQuery {
    /// Returns the question word that best matches a word of a passage.
    fn like(&self, word: &str) -> Option<(usize, Likeness)> {
        let by = |test: &dyn Fn(&QuestionWord) -> bool| self.words.iter().position(test);
        if let Some(at) = by(&|queried| queried.written == word) {
            return Some((at, Likeness::Exact));
        }
        let spelled = forms(word, &[]);
        if let Some(at) =
            by(&|queried| spelled.iter().any(|term| queried.spellings().contains(term)))
        {
            return Some((at, Likeness::Folded));
        }
        let is_form = |form: &String| by(&|queried| queried.terms.contains(form));
        let stem = spelled.iter().find_map(is_form).or_else(|| {
            let may_be = |language: &&Language| {
                let begins = |queried: &QuestionWord| begins_like(&queried.terms[0], &spelled[0]);
                !language.keeps_beginnings() || self.words.iter().any(begins)
            };
            let languages = self.languages.iter().filter(may_be);
            languages.flat_map(|language| language.stems(word)).find_map(|stem| is_form(&stem))
        });
        let joined = || self.joined(word, &spelled[0]).map(|at| (at, Likeness::Part));
        stem.map(|at| (at, Likeness::Stem)).or_else(joined)
    }

    /// Returns the question word that contains a word of a passage or is contained in it.
    fn joined(&self, word: &str, folded: &str) -> Option<usize> {
        let [language] = self.languages[..] else { return None };
        if !language.joins_words() || language::is_stop_word(folded, language) {
            return None;
        }
        let begins = self.words.iter().any(|queried| begins_like(&queried.terms[0], folded));
        let stem = if begins { language.stems(word).next() } else { None };
        let stem = stem.as_deref().unwrap_or(folded);
        self.words.iter().position(|queried| {
            compounds::is_joined_of(&queried.terms[0], folded, stem)
                || compounds::is_joined_of(folded, &queried.terms[0], queried.stem())
        })
    }
}

impl QuestionWord {
    fn spellings(&self) -> &[String] {
        &self.terms[..self.spellings.min(self.terms.len())]
    }

    /// Returns the first stem, or the word itself if it has none.
    fn stem(&self) -> &str {
        self.terms.get(self.spellings).unwrap_or(&self.terms[0])
    }
}

/// Returns whether two words share their first two characters, as forms of one word usually do.
fn begins_like(one: &str, other: &str) -> bool {
    one.chars().take(2).eq(other.chars().take(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        LexicalQuery::of(text).words.into_iter().map(|word| word.written).collect()
    }

    fn match_kinds(question: &str, passage: &str) -> Vec<Likeness> {
        let question = LexicalQuery::of(question);
        let found = question.matcher().compare("", passage).found;
        found.into_iter().map(|found| found.match_kind).collect()
    }

    #[test]
    fn stop_words_are_dropped_unless_there_are_no_others() {
        assert_eq!(words("What are the opening hours of the shop?"), ["opening", "hours", "shop"]);
        assert_eq!(words("Wann öffnet der Laden?"), ["öffnet", "laden"]);
        assert_eq!(words("The Who"), ["the", "who"]);
        assert_eq!(words("EL-2648"), ["el", "2648", "el2648"]);
    }

    #[test]
    fn a_word_matches_its_spellings_and_forms() {
        use Likeness::{Exact, Folded, Stem};
        assert_eq!(
            match_kinds("Where is the hotel?", "hotel Hotels HÔTEL motel"),
            [Exact, Stem, Folded]
        );
        assert_eq!(
            match_kinds("Wo wohnt der Mueller?", "Müller Mueller Müllers"),
            [Folded, Exact, Stem]
        );
        assert_eq!(match_kinds("أين يقع كتاب", "الكتاب"), [Stem]);
        assert_eq!(match_kinds("臺灣", "台湾"), [Exact]);
    }

    #[test]
    fn parts_of_compounds_match_in_compounding_languages() {
        use Likeness::{Exact, Part};
        let question = "Welche Kündigungsfrist gilt für die Wohnung?";
        assert_eq!(match_kinds(question, "Die Frist der Mietwohnung"), [Part, Part]);
        assert_eq!(match_kinds(question, "Kündigung einer Wohnung"), [Part, Exact]);
        assert_eq!(match_kinds("Welches Unternehmen ist das?", "unter uns"), []);
        assert_eq!(match_kinds("Where is the ladder of the house?", "stepladder"), []);
    }

    #[test]
    fn an_undetected_language_uses_every_possible_stemmer() {
        assert_eq!(match_kinds("hotels", "hotel"), [Likeness::Stem]);
        assert_eq!(match_kinds("Kündigungsfristen", "Kündigungsfrist"), [Likeness::Stem]);
        assert_eq!(match_kinds("E0277", "E0277 E0278"), [Likeness::Exact]);
    }

    #[test]
    fn the_number_of_question_words_is_bounded() {
        let many: String = (0..100_000).map(|n| format!("w{n} ")).collect();
        assert_eq!(LexicalQuery::of(&many).words.len(), MAX_QUERY_WORDS);
        let combining = "\u{301}".repeat(1 << 20);
        assert!(LexicalQuery::of(&combining).words.len() <= MAX_QUERY_WORDS);
    }

    #[test]
    fn words_of_the_title_come_first() {
        let question = LexicalQuery::of("red door");
        let of = question.matcher().compare("Doors", "a red one");
        let at: Vec<_> = of.found.iter().map(|found| found.at).collect();
        assert_eq!((at, of.title, of.length), (vec![0, 2], 1, 4));
    }
}
