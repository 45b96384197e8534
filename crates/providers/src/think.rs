//! Separates reasoning that a model writes into its text from the answer.
//!
//! Models mark it with `<think>` and `</think>`. With some chat templates, the opening tag is part
//! of the prompt and is not sent.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carrel_domain::model::Delta;

const MARKS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")];

/// The closing tag of models that send no opening tag.
const CLOSE: &str = "</think>";

/// True if a model starts with reasoning without an opening tag. Detected in its first answer.
pub(crate) type Unopened = Arc<AtomicBool>;

#[derive(Debug)]
enum State {
    /// Only white space or the beginning of an opening tag so far.
    Beginning,
    /// After an opening tag. White space before the reasoning is dropped.
    Opening(&'static str),
    /// Inside reasoning, until this closing tag.
    Reasoning(&'static str),
    /// Text that is reasoning if a closing tag follows, and the answer otherwise.
    Undecided,
    /// After the reasoning. White space before the answer is dropped.
    Between,
    Answer,
}

/// The position of a closing tag in the held text.
enum Close {
    At(usize),
    /// A closing tag only if the text after it confirms it.
    Perhaps(usize),
}

/// Splits the text of one answer.
#[derive(Debug)]
pub(crate) struct Splitter {
    state: State,
    /// Text that cannot be classified yet.
    undecided: String,
    /// Undecided text that was passed on as answer text.
    passed: String,
    unopened: Unopened,
}

/// Longest text before the closing tag of reasoning without an opening tag, in bytes.
const LONGEST_UNOPENED: usize = 256 << 10;

impl Splitter {
    pub fn new(unopened: Unopened) -> Self {
        let (undecided, passed) = (String::new(), String::new());
        Self { state: State::Beginning, undecided, passed, unopened }
    }

    /// Adds text.
    pub fn push(&mut self, text: &str) -> Vec<Delta> {
        let mut deltas = Vec::new();
        self.undecided.push_str(text);
        while self.step(&mut deltas) {}
        deltas
    }

    /// Records that the provider sends reasoning in a separate field, so the text contains none.
    pub fn set_separate(&mut self) {
        if matches!(self.state, State::Undecided) {
            self.state = State::Answer;
        }
    }

    /// Ends the text.
    pub fn end(&mut self) -> Vec<Delta> {
        let mut deltas = Vec::new();
        if let (State::Undecided, Some(Close::At(at) | Close::Perhaps(at))) =
            (&self.state, self.unopened_close())
        {
            self.close_unopened(at, &mut deltas);
        }
        let rest = std::mem::take(&mut self.undecided);
        deltas.extend(match self.state {
            State::Reasoning(_) => reasoning(&rest),
            State::Between | State::Opening(_) => None,
            _ => answer(&rest),
        });
        deltas
    }

    /// Finds the closing tag of reasoning without an opening tag. An answer may mention the tag in
    /// quotes, in a code block or within a sentence.
    fn unopened_close(&self) -> Option<Close> {
        let at = self.undecided.find(CLOSE)?;
        let before = format!("{}{}", self.passed, &self.undecided[..at]);
        let after = &self.undecided[at + CLOSE.len()..];
        if before.ends_with(is_quote) || before.matches("```").count() % 2 == 1 {
            return None;
        }
        let ends_a_line = before.trim_end_matches([' ', '\t']).ends_with('\n');
        let is_undecided =
            after.is_empty() || !ends_a_line && matches!(after, "\n" | "\r" | "\r\n");
        if is_undecided {
            return Some(Close::Perhaps(at));
        }
        let is_followed = after.starts_with("\n\n") || after.starts_with("\r\n\r\n");
        let is_tight = !before.ends_with(char::is_whitespace)
            && !after.starts_with(char::is_whitespace)
            && !after.starts_with(is_quote);
        let closes = is_followed || (ends_a_line || is_tight) && !continues_sentence(after);
        closes.then_some(Close::At(at))
    }

    fn close_unopened(&mut self, at: usize, deltas: &mut Vec<Delta>) {
        self.unopened.store(true, Ordering::Relaxed);
        if !self.passed.is_empty() {
            self.passed.clear();
            deltas.push(Delta::TextWasReasoning);
        }
        deltas.extend(reasoning(self.undecided[..at].trim_end()));
        self.undecided.drain(..at + CLOSE.len());
        self.state = State::Between;
    }

    /// Classifies a part of the held text. Returns true if there may be more to classify.
    fn step(&mut self, deltas: &mut Vec<Delta>) -> bool {
        match self.state {
            State::Beginning => {
                let start = self.undecided.trim_start();
                if let Some((open, close)) = MARKS.iter().find(|(open, _)| start.starts_with(open))
                {
                    self.undecided = start[open.len()..].to_owned();
                    self.state = State::Opening(close);
                } else if MARKS.iter().any(|(open, _)| open.starts_with(start)) {
                    return false;
                } else {
                    self.state = State::Undecided;
                }
            }
            State::Undecided => match self.unopened_close() {
                Some(Close::At(at)) => self.close_unopened(at, deltas),
                Some(Close::Perhaps(_)) => return false,
                None if self.passed.len() + self.undecided.len() > LONGEST_UNOPENED => {
                    self.state = State::Answer;
                }
                None if self.unopened.load(Ordering::Relaxed) => return false,
                None => {
                    // A tag may be cut off at the end.
                    let safe = self.undecided.len() - pending(&self.undecided, CLOSE);
                    deltas.extend(answer(&self.undecided[..safe]));
                    self.passed.extend(self.undecided.drain(..safe));
                    return false;
                }
            },
            State::Opening(close) => {
                self.undecided = self.undecided.trim_start().to_owned();
                if self.undecided.is_empty() {
                    return false;
                }
                self.state = State::Reasoning(close);
            }
            State::Reasoning(close) => match self.undecided.find(close) {
                Some(at) => {
                    deltas.extend(reasoning(self.undecided[..at].trim_end()));
                    self.undecided.drain(..at + close.len());
                    self.state = State::Between;
                }
                None => {
                    let safe = self.undecided.len() - pending(&self.undecided, close);
                    // White space before the tag is dropped.
                    let safe = self.undecided[..safe].trim_end().len();
                    deltas.extend(reasoning(&self.undecided[..safe]));
                    self.undecided.drain(..safe);
                    return false;
                }
            },
            State::Between => {
                self.undecided = self.undecided.trim_start().to_owned();
                if self.undecided.is_empty() {
                    return false;
                }
                self.state = State::Answer;
            }
            State::Answer => {
                deltas.extend(answer(&std::mem::take(&mut self.undecided)));
                return false;
            }
        }
        true
    }
}

/// True if a sentence continues after the tag.
fn continues_sentence(after: &str) -> bool {
    after.starts_with([' ', '.', ',', ':', ';', '?', '!', ')'])
}

fn is_quote(one: char) -> bool {
    matches!(one, '`' | '"' | '\'' | '“' | '”' | '‘' | '’' | '«' | '»')
}

/// Returns how many bytes at the end of `text` may be the beginning of `mark`.
fn pending(text: &str, mark: &str) -> usize {
    (1..mark.len()).rev().find(|length| text.ends_with(&mark[..*length])).unwrap_or(0)
}

fn reasoning(text: &str) -> Option<Delta> {
    (!text.is_empty()).then(|| Delta::Reasoning(text.to_owned()))
}

fn answer(text: &str) -> Option<Delta> {
    (!text.is_empty()).then(|| Delta::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the reasoning and the answer of a text that arrives in pieces.
    fn split(unopened: &Unopened, pieces: &[&str]) -> (String, String) {
        let mut splitter = Splitter::new(unopened.clone());
        let mut deltas: Vec<_> = pieces.iter().flat_map(|piece| splitter.push(piece)).collect();
        deltas.extend(splitter.end());
        let (mut reasoning, mut answer) = (String::new(), String::new());
        for delta in deltas {
            match delta {
                Delta::Reasoning(more) => reasoning.push_str(&more),
                Delta::Text(more) => answer.push_str(&more),
                Delta::TextWasReasoning => reasoning.push_str(&std::mem::take(&mut answer)),
                other => panic!("{other:?}"),
            }
        }
        (reasoning, answer)
    }

    fn both(reasoning: &str, answer: &str) -> (String, String) {
        (reasoning.into(), answer.into())
    }

    #[test]
    fn marked_reasoning_is_found_across_any_chunks() {
        for (text, expected) in [
            ("<think>\nplan\n</think>\n\nHello world", both("plan", "Hello world")),
            ("\n <thinking>plan</thinking>Hello", both("plan", "Hello")),
            ("<think></think>Hello", both("", "Hello")),
            ("<think>plan", both("plan", "")),
            ("<thin ice", both("", "<thin ice")),
            ("Hello <think> world", both("", "Hello <think> world")),
            ("  \n", both("", "  \n")),
        ] {
            let unopened = Unopened::default();
            assert_eq!(split(&unopened, &[text]), expected, "{text:?}");
            let single: Vec<_> = text.split_inclusive(|_| true).collect();
            assert_eq!(split(&unopened, &single), expected, "{text:?} in pieces");
        }
    }

    #[test]
    fn reasoning_without_an_opening_tag_is_found_and_remembered() {
        let unopened = Unopened::default();
        let first = split(&unopened, &["secret plan\n</think>\n\n", "Hello world"]);
        assert_eq!(first, both("secret plan", "Hello world"));
        let next = split(&unopened, &["an", "other ", "plan\n</th", "ink>\n", "\nHello"]);
        assert_eq!(next, both("another plan", "Hello"));
        let unthinking = split(&unopened, &["Hello", " world"]);
        assert_eq!(unthinking, both("", "Hello world"), "nothing is lost without a mark");
        let deltas =
            split(&Unopened::default(), &["sec", "ret plan\n", "</think>", "\n\n", "Hello"]);
        assert_eq!(deltas, both("secret plan\n", "Hello"), "text that was passed on is taken back");
        let in_line = split(&Unopened::default(), &["secret plan</think>Hello world"]);
        assert_eq!(in_line, both("secret plan", "Hello world"));
    }

    #[test]
    fn an_answer_may_mention_the_closing_tag() {
        for text in [
            "The mark `</think>` ends it.",
            "The mark </think> ends it.",
            "Write:\n```\n</think>\n```\nand go on",
        ] {
            assert_eq!(split(&Unopened::default(), &[text]), both("", text));
        }
    }
}
