//! The part of a text that matches a search, with the matches marked.

/// Number of characters before and after the first match.
const CONTEXT_BEFORE: usize = 60;
const CONTEXT_AFTER: usize = 140;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnippetPart {
    pub text: String,
    pub is_match: bool,
}

/// Returns the text around the first match of `query`, split into matches and other text. Returns
/// the beginning if nothing matches.
pub fn excerpt(text: &str, query: &str) -> Vec<SnippetPart> {
    let words: Vec<Vec<char>> = query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().map(to_lowercase).collect())
        .collect();
    let text: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let lowercase: Vec<char> = text.iter().copied().map(to_lowercase).collect();
    let match_at = |index: usize| words.iter().find(|word| lowercase[index..].starts_with(word));
    let first = (0..text.len()).find(|index| match_at(*index).is_some()).unwrap_or(0);
    let start = first.saturating_sub(CONTEXT_BEFORE);
    let end = (first + CONTEXT_AFTER).min(text.len());
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
    let mut position = start;
    while position < end {
        let length = match_at(position).map_or(0, Vec::len);
        match length {
            0 => push(&text[position..position + 1], false),
            _ => push(&text[position..position + length], true),
        }
        position += length.max(1);
    }
    if position < text.len() {
        push(&['…'], false);
    }
    parts
}

/// Returns the part of `text` that matches, or that of `fallback` if only that matches.
pub fn first_match(text: &str, fallback: &str, query: &str) -> Vec<SnippetPart> {
    let has_match = |parts: &[SnippetPart]| parts.iter().any(|part| part.is_match);
    let parts = excerpt(text, query);
    if has_match(&parts) {
        return parts;
    }
    Some(excerpt(fallback, query)).filter(|parts| has_match(parts)).unwrap_or(parts)
}

/// Returns a letter in lower case, if that is a single letter.
fn to_lowercase(c: char) -> char {
    let mut lowercase = c.to_lowercase();
    match (lowercase.next(), lowercase.next()) {
        (Some(letter), None) => letter,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked_text(text: &str, query: &str) -> String {
        let part =
            |part: SnippetPart| if part.is_match { format!("[{}]", part.text) } else { part.text };
        excerpt(text, query).into_iter().map(part).collect()
    }

    #[test]
    fn matches_are_shown_in_context() {
        assert_eq!(marked_text("The Lamp is on.", "lamp ON"), "The [Lamp] is [on].");
        let long = format!("{} The lamp {}", "before ".repeat(40), "after ".repeat(60));
        let excerpt = marked_text(&long, "lamp");
        assert!(
            excerpt.starts_with('…') && excerpt.ends_with('…') && excerpt.contains("[lamp]"),
            "{excerpt}"
        );
        assert_eq!(marked_text("灯台は港にある", "港"), "灯台は[港]にある");
        assert_eq!(marked_text("", "x"), "");
        assert_eq!(marked_text("İstanbul", "i"), "İstanbul");
    }

    #[test]
    fn the_question_is_shown_if_only_it_matches() {
        let excerpt_text = |query: &str| {
            let parts = first_match("At noon.", "When is high water?", query);
            parts.into_iter().map(|part| part.text).collect::<String>()
        };
        assert_eq!(excerpt_text("noon"), "At noon.");
        assert_eq!(excerpt_text("water"), "When is high water?");
        assert_eq!(excerpt_text("crane"), "At noon.");
    }
}
