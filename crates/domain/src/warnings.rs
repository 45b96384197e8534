//! Warnings about unread parts of a file.
use std::fmt;

/// The maximum number of sentences per document.
const LIMIT: usize = 50;
/// The maximum length of a sentence, in characters.
const LONGEST: usize = 400;

/// Sentences that each name one part of the file missing from the text, in the order found. Stored
/// as lines of one text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Warnings(String);

impl Warnings {
    /// Collects distinct sentences, each on one line and truncated to 400 characters. Beyond 50
    /// sentences, the last one states how many more there are.
    pub fn new(sentences: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut sentences_shown: Vec<String> = Vec::new();
        let mut more = 0;
        for sentence in sentences {
            let sentence = one_line(sentence.as_ref());
            if sentence.is_empty() || sentences_shown.contains(&sentence) {
                continue;
            }
            if sentences_shown.len() < LIMIT - 1 {
                sentences_shown.push(sentence)
            } else {
                more += 1
            }
        }
        if more > 0 {
            sentences_shown.push(format!("{more} more parts of the file were left out."));
        }
        Self(sentences_shown.join("\n"))
    }

    /// Parses the form written by [`Warnings::as_lines`].
    pub fn from_lines(lines: impl Into<String>) -> Self {
        Self(lines.into())
    }

    /// Returns the sentences, one per line.
    pub fn as_lines(&self) -> &str {
        &self.0
    }

    /// Iterates over the sentences.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }

    /// Returns whether there are no warnings.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn one_line(sentence: &str) -> String {
    let words = sentence.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_unique_and_on_one_line() {
        let warnings = Warnings::new(["A\n chart.", "", "A chart.", "A\u{0}page."]);
        assert_eq!(warnings.iter().collect::<Vec<_>>(), ["A chart.", "A page."]);
        assert_eq!(Warnings::from_lines(warnings.as_lines()), warnings);
        assert!(Warnings::new([""; 0]).is_empty() && Warnings::default().iter().next().is_none());
    }

    #[test]
    fn the_number_and_length_of_sentences_are_bounded() {
        let warnings = Warnings::new((0..1_000).map(|n| format!("Part {n}.{}", "é".repeat(1_000))));
        assert_eq!(warnings.iter().count(), LIMIT);
        assert!(warnings.iter().all(|sentence| sentence.chars().count() <= LONGEST + 1));
        assert_eq!(warnings.iter().last(), Some("951 more parts of the file were left out."));
    }
}
