//! Citations in an answer: turns `[1]`, `[1, 2]`, `[1-3]`, `[1][2]`, `【1】` into links to the
//! sources.
use std::fmt::Write as _;
use std::ops::Range;

use super::writer::escape;

/// Maximum number of sources in one pair of brackets.
const MAX_NUMBERS: usize = 20;

/// The targets of citations.
pub enum Citations<'a> {
    /// None: numbers in brackets are text.
    None,
    /// The address of each source, from 1; empty for a source without a page.
    Sources(&'a [String]),
    /// The answer is in progress and its sources are not known yet. Links lead to `#<prefix>-<n>`.
    Pending(&'a str),
}

/// Numbers in brackets.
#[derive(Debug, PartialEq, Eq)]
pub struct Citation {
    pub range: Range<usize>,
    pub numbers: Vec<usize>,
}

impl Citations<'_> {
    /// Writes the links of a citation, or `text` unchanged if the citation names no source.
    pub fn write(&self, citation: &Citation, text: &str, html: &mut String) {
        let has_source = |number: &usize| match self {
            Self::None => false,
            Self::Sources(addresses) => (1..=addresses.len()).contains(number),
            Self::Pending(_) => (1..100).contains(number),
        };
        if !citation.numbers.iter().all(has_source) {
            return escape(text, html);
        }
        for &number in &citation.numbers {
            match self {
                Self::Sources(addresses) if !addresses[number - 1].is_empty() => {
                    html.push_str("<a class=\"cite\" href=\"");
                    escape(&addresses[number - 1], html);
                    let _ = write!(html, "\">{number}</a>");
                }
                Self::Pending(prefix) => {
                    let _ =
                        write!(html, "<a class=\"cite\" href=\"#{prefix}-{number}\">{number}</a>");
                }
                _ => {
                    let _ = write!(html, "<span class=\"cite\">{number}</span>");
                }
            }
        }
    }
}

/// True if a text cites the source with this number.
pub fn cites(text: &str, number: usize) -> bool {
    find(text).iter().any(|citation| citation.numbers.contains(&number))
}

/// Finds the citations in running text.
pub fn find(text: &str) -> Vec<Citation> {
    let mut citations = Vec::new();
    let mut start = 0;
    while let Some(open) = text[start..].find(['[', '【']).map(|offset| start + offset) {
        start = open + 1;
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let close = if text[open..].starts_with('[') { ']' } else { '】' };
        // Longer brackets contain no citation.
        let rest = &text[start..];
        let Some(length) = rest.char_indices().take(64).find(|(_, c)| *c == close) else {
            continue;
        };
        if let Some(numbers) = numbers(&rest[..length.0]) {
            let end = start + length.0 + close.len_utf8();
            citations.push(Citation { range: open..end, numbers });
            start = end;
        }
    }
    citations
}

/// Parses `1`, `1, 2`, `1-3` and combinations.
fn numbers(text: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for part in text.split([',', ';', '，', '、']) {
        let part = part.trim().trim_start_matches('†').trim();
        let mut bounds = part.split(['-', '–', '—']).map(str::trim);
        let first = number(bounds.next()?)?;
        let last = bounds.next().map_or(Some(first), number)?;
        if bounds.next().is_some() || last < first || last - first >= MAX_NUMBERS {
            return None;
        }
        numbers.extend(first..=last);
    }
    (numbers.len() <= MAX_NUMBERS).then_some(numbers)
}

fn number(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok().filter(|&number| number > 0) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers_in(text: &str) -> Vec<Vec<usize>> {
        find(text).into_iter().map(|citation| citation.numbers).collect()
    }

    #[test]
    fn numbers_in_brackets_are_citations_however_they_are_written() {
        assert_eq!(numbers_in("a [1][2]."), [vec![1], vec![2]]);
        assert_eq!(numbers_in("a [1, 2] b [3;4]"), [vec![1, 2], vec![3, 4]]);
        assert_eq!(numbers_in("[1-3] [2–4]"), [vec![1, 2, 3], vec![2, 3, 4]]);
        assert_eq!(numbers_in("灯【1】と【2】"), [vec![1], vec![2]]);
    }

    #[test]
    fn other_brackets_are_text() {
        for text in ["[]", "[a]", "[0]", "[1", "[2024]", "[1-99]", "[3-1]", "[1-2-3]", "[1.5]"] {
            assert!(numbers_in(text).is_empty(), "{text}");
        }
    }
}
