//! The part of a text that matches a search, with the matches marked.

/// Characters shown before and after the first match.
const BEFORE: usize = 60;
const AFTER: usize = 140;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnippetPart {
    pub text: String,
    pub is_match: bool,
}

/// Returns the text around the first match of `query`, split into matches and other text. Returns
/// the beginning if nothing matches.
pub fn around(text: &str, query: &str) -> Vec<SnippetPart> {
    let words: Vec<Vec<char>> = query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().map(small).collect())
        .collect();
    let text: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let small_text: Vec<char> = text.iter().copied().map(small).collect();
    let matched = |at: usize| words.iter().find(|word| small_text[at..].starts_with(word));
    let first = (0..text.len()).find(|at| matched(*at).is_some()).unwrap_or(0);
    let start = first.saturating_sub(BEFORE);
    let end = (first + AFTER).min(text.len());
    let mut parts: Vec<SnippetPart> = Vec::new();
    let mut push = |text: &[char], is_match: bool| {
        let text: String = text.iter().collect();
        match parts.last_mut() {
            Some(last) if last.is_match == is_match => last.text.push_str(&text),
            _ => parts.push(SnippetPart { text, is_match }),
        }
    };
    if start > 0 {
        push(&['…'], false);
    }
    let mut at = start;
    while at < end {
        let length = matched(at).map_or(0, Vec::len);
        match length {
            0 => push(&text[at..at + 1], false),
            _ => push(&text[at..at + length], true),
        }
        at += length.max(1);
    }
    if at < text.len() {
        push(&['…'], false);
    }
    parts
}

/// Returns the part of `text` that matches, or that of `other` if only that matches.
pub fn of_either(text: &str, other: &str, query: &str) -> Vec<SnippetPart> {
    let has_match = |parts: &[SnippetPart]| parts.iter().any(|part| part.is_match);
    let found = around(text, query);
    if has_match(&found) {
        return found;
    }
    Some(around(other, query)).filter(|parts| has_match(parts)).unwrap_or(found)
}

/// Returns a letter in lower case, if that is a single letter.
fn small(c: char) -> char {
    let mut small = c.to_lowercase();
    match (small.next(), small.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, query: &str) -> String {
        let part =
            |part: SnippetPart| if part.is_match { format!("[{}]", part.text) } else { part.text };
        around(text, query).into_iter().map(part).collect()
    }

    #[test]
    fn matches_are_shown_in_context() {
        assert_eq!(shown("The Lamp is on.", "lamp ON"), "The [Lamp] is [on].");
        let long = format!("{} The lamp {}", "before ".repeat(40), "after ".repeat(60));
        let said = shown(&long, "lamp");
        assert!(said.starts_with('…') && said.ends_with('…') && said.contains("[lamp]"), "{said}");
        assert_eq!(shown("灯台は港にある", "港"), "灯台は[港]にある");
        assert_eq!(shown("", "x"), "");
        assert_eq!(shown("İstanbul", "i"), "İstanbul");
    }

    #[test]
    fn the_question_is_shown_if_only_it_matches() {
        let shown = |query: &str| {
            let parts = of_either("At noon.", "When is high water?", query);
            parts.into_iter().map(|part| part.text).collect::<String>()
        };
        assert_eq!(shown("noon"), "At noon.");
        assert_eq!(shown("water"), "When is high water?");
        assert_eq!(shown("crane"), "At noon.");
    }
}
