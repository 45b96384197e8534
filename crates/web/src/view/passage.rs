//! Renders a passage in its document as HTML, and highlights the sentence that an answer cites.
use std::collections::HashSet;
use std::ops::Range;

use carrel_domain::text_kind::TextKind;

use super::markdown::{self, Citations};

mod table;

/// Markers around the sentence: private-use characters, which do not occur in texts.
const OPEN: char = '\u{f8e0}';
const CLOSE: char = '\u{f8e1}';

/// Start tag of a highlighted text.
const HIGHLIGHT_START: &str = "<strong class=\"lit\">";

/// A sentence supports an answer if it shares at least this fraction of its words, and at least
/// this number.
const MIN_SHARE: f64 = 0.34;
const MIN_COMMON_WORDS: usize = 2;

/// HTML of a text around a passage.
#[derive(Clone, Debug, Default)]
pub struct RenderedPassage {
    pub before: String,
    pub passage: String,
    pub after: String,
}

/// A text around a passage.
#[derive(Clone, Debug, Default)]
pub struct Excerpt {
    pub text: String,
    /// Bytes of the passage in the text.
    pub passage: Range<usize>,
    pub kind: TextKind,
    /// The first row of a table, if the text begins below it.
    pub header: String,
}

/// Renders a text with its passage. `citation` is the answer, and the number by which it cites
/// the passage.
pub fn render(excerpt: &Excerpt, citation: Option<(String, usize)>) -> RenderedPassage {
    let (text, Range { start, end }) = (&excerpt.text, excerpt.passage.clone());
    let passage = &text[start..end];
    let sentence = citation.and_then(|(answer, number)| sentence(passage, &answer, number));
    match excerpt.kind {
        TextKind::Table => table::render(excerpt, sentence),
        TextKind::Code => RenderedPassage {
            before: code(&text[..start], None),
            passage: code(passage, sentence),
            after: code(&text[end..], None),
        },
        TextKind::Prose | TextKind::Slides | TextKind::Transcript => RenderedPassage {
            before: prose(&text[..start]),
            passage: highlight_sentence(passage, sentence).unwrap_or_else(|| prose(passage)),
            after: prose(&text[end..]),
        },
    }
}

fn prose(text: &str) -> String {
    match text.trim().is_empty() {
        true => String::new(),
        false => markdown::html(text, &Citations::None),
    }
}

/// Renders a passage with its sentence highlighted; `None` if the sentence is not plain text.
fn highlight_sentence(passage: &str, sentence: Option<Range<usize>>) -> Option<String> {
    let range = sentence?;
    let (before, rest) = passage.split_at(range.start);
    let (quotation, after) = rest.split_at(range.end - range.start);
    replace_markers(&prose(&format!("{before}{OPEN}{quotation}{CLOSE}{after}")))
}

/// Renders source code line by line, as it is.
fn code(text: &str, highlight: Option<Range<usize>>) -> String {
    let text = text.trim_matches('\n');
    if text.is_empty() {
        return String::new();
    }
    let range = highlight.filter(|range| text.get(range.clone()).is_some());
    let Range { start, end } = range.unwrap_or(0..0);
    let mut html = String::from("<div class=\"code\"><pre tabindex=\"0\"><code>");
    markdown::escape(&text[..start], &mut html);
    push_highlight(&text[start..end], &mut html);
    markdown::escape(&text[end..], &mut html);
    html.push_str("</code></pre></div>");
    html
}

/// Writes a highlighted text, unless it is empty.
fn push_highlight(text: &str, html: &mut String) {
    if !text.is_empty() {
        html.push_str(HIGHLIGHT_START);
        markdown::escape(text, html);
        html.push_str("</strong>");
    }
}

/// Replaces the markers by an element; `None` if there are other elements between them.
fn replace_markers(html: &str) -> Option<String> {
    let (before, rest) = html.split_once(OPEN)?;
    let (sentence, after) = rest.split_once(CLOSE)?;
    let is_plain = !sentence.contains('<');
    is_plain.then(|| format!("{before}{HIGHLIGHT_START}{sentence}</strong>{after}"))
}

/// Returns the sentence of `passage` most similar to the sentences of `answer` that cite `number`.
fn sentence(passage: &str, answer: &str, number: usize) -> Option<Range<usize>> {
    let claim: String = sentences(answer)
        .into_iter()
        .filter(|range| markdown::cites(&answer[range.clone()], number))
        .map(|range| &answer[range])
        .collect::<Vec<_>>()
        .join(" ");
    let claim_words = words(&claim);
    let similarity = |range: &Range<usize>| {
        let words = words(&passage[range.clone()]);
        let common = words.intersection(&claim_words).count();
        let share = common as f64 / words.len().max(1) as f64;
        (common >= MIN_COMMON_WORDS && share >= MIN_SHARE).then_some(common as f64 * share)
    };
    let candidates =
        sentences(passage).into_iter().filter_map(|range| Some((similarity(&range)?, range)));
    let best = candidates.max_by(|(left, _), (right, _)| left.total_cmp(right));
    best.map(|(_, range)| range)
}

/// Returns the sentences of a text, which end at punctuation or a line break.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let is_end = match character {
            '\n' | '。' | '！' | '？' | '؟' => true,
            '.' | '!' | '?' => next.is_none_or(char::is_whitespace),
            _ => next.is_none(),
        };
        if is_end {
            let mut end = index + character.len_utf8();
            // A citation follows its sentence.
            let rest = text[end..].trim_start_matches(' ');
            if character != '\n' && rest.starts_with('[') {
                let close = rest.find(']').map_or(0, |close| close + 1);
                end = text.len() - rest.len() + close;
            }
            ranges.extend(trim_sentence(text, start..end.max(start)));
            start = end.max(start);
        }
    }
    ranges
}

fn trim_sentence(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let sentence = &text[range.clone()];
    let start = range.start + (sentence.len() - sentence.trim_start().len());
    let content = sentence.trim().trim_start_matches(['#', '>', '-', '*', ' ']);
    let start = start + (sentence.trim().len() - content.len());
    (!content.is_empty()).then(|| start..start + content.len())
}

/// Returns the words of a text in lower case; pairs of characters for scripts without spaces.
fn words(text: &str) -> HashSet<String> {
    let mut words = HashSet::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let letters: Vec<char> = word.chars().collect();
        match letters.iter().any(|c| ('\u{2e80}'..'\u{a000}').contains(c)) {
            true => words.extend(letters.windows(2).map(|pair| pair.iter().collect::<String>())),
            false => words.extend(Some(word.to_lowercase())),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an excerpt that consists of the passage only.
    pub(super) fn excerpt_of(text: &str, kind: TextKind) -> Excerpt {
        Excerpt { text: text.to_owned(), passage: 0..text.len(), kind, header: String::new() }
    }

    #[test]
    fn code_is_shown_as_it_is() {
        let text = "fn main() {\n    let lamp = \"<b>\" * 2;\n}\n";
        let rendered = render(&excerpt_of(text, TextKind::Code), Some((format!("{text} [1]"), 1)));
        assert!(
            rendered.passage.contains("<code>fn main() {\n    let lamp"),
            "{}",
            rendered.passage
        );
        assert!(rendered.passage.contains("&lt;b&gt;&quot; * 2;"), "{}", rendered.passage);
    }

    #[test]
    fn the_cited_sentence_is_found() {
        let passage = "Ships call on channel twelve. The crane in the old harbour is called Berta. It is old.";
        let answer = "Ships call first [2]. The crane is called Berta [1]. More.";
        let range = sentence(passage, answer, 1).unwrap();
        assert_eq!(&passage[range], "The crane in the old harbour is called Berta.");
        assert_eq!(sentence(passage, answer, 3), None);
        let rendered = render(&excerpt_of(passage, TextKind::Prose), Some((answer.to_owned(), 1)));
        assert!(
            rendered.passage.contains("<strong class=\"lit\">The crane in"),
            "{}",
            rendered.passage
        );
        let japanese = "灯台は港にあります。予備の灯は八秒で点きます。";
        let range = sentence(japanese, "予備の灯は八秒で点きます【1】。", 1).unwrap();
        assert_eq!(&japanese[range], "予備の灯は八秒で点きます。");
    }

    #[test]
    fn any_text_and_markup_can_be_shown() {
        for text in ["", ".", "\n\n", "a [1", "**a. b** c. [1][2] d", "é. ü [1]", "| a | b. |\n"]
        {
            for range in sentences(text) {
                assert!(!text[range].is_empty());
            }
            for kind in [TextKind::Prose, TextKind::Table, TextKind::Code, TextKind::Transcript] {
                render(&excerpt_of(text, kind), Some((format!("{text} [1]"), 1)));
            }
        }
    }
}
