//! Splits text into sentences by punctuation, in any script.

/// Longest sentence, in characters. Longer ones are cut, between words if possible.
const LONGEST: usize = 500;

/// Returns the sentences of `text`, each on one line. Wrapped lines are joined; an empty line, a
/// heading or a list item starts a new sentence.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for block in blocks(text) {
        // A table row is one sentence, whatever punctuation its cells contain.
        if block.starts_with('|') {
            let row = block.trim_matches(|c: char| c == '|' || c.is_whitespace());
            sentences.extend(row.contains(char::is_alphanumeric).then(|| row.to_owned()));
            continue;
        }
        let mut rest = block.as_str();
        while !rest.is_empty() {
            let (sentence, after) = rest.split_at(end_of_first(rest));
            let sentence = sentence.trim();
            if sentence.chars().any(char::is_alphanumeric) {
                sentences.push(sentence.to_owned());
            }
            rest = after.trim_start();
        }
    }
    sentences
}

/// Returns groups of lines that belong together, each joined to one line.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let heading = words.starts_with('#');
        match blocks.last_mut() {
            _ if words.is_empty() => {}
            Some(block) if open && !heading && !is_item(&words) => {
                block.push(' ');
                block.push_str(&words);
            }
            _ => blocks.push(words.trim_start_matches('#').trim_start().to_owned()),
        }
        open = !words.is_empty() && !heading;
    }
    blocks
}

/// True if a line is a list item, a table row or a comma-separated record.
fn is_item(line: &str) -> bool {
    if line.matches(',').count() >= line.matches(", ").count() + 2 {
        return true;
    }
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* ", "+ ", "• ", "|"].iter().any(|mark| line.starts_with(mark))
        || (numbered.len() < line.len()
            && (numbered.starts_with(". ") || numbered.starts_with(") ")))
}

/// Returns the end of the first sentence of `text`, in bytes.
fn end_of_first(text: &str) -> usize {
    let mut last_gap = None;
    for (count, (at, character)) in text.char_indices().enumerate() {
        if count >= LONGEST {
            return last_gap.unwrap_or(at);
        }
        if character.is_whitespace() {
            last_gap = Some(at);
        }
        let end = at + character.len_utf8();
        match character {
            '。' | '！' | '？' | '｡' | '।' | '॥' | '۔' | '؟' => {
                return after_closing(text, end);
            }
            '.' | '!' | '?' | '…' => {
                let end = after_closing(text, end);
                let mut after = text[end..].chars();
                let gap = after.next().is_none_or(char::is_whitespace);
                let number = text[..at].chars().all(|c| c.is_ascii_digit());
                // A lower-case letter after the gap indicates an abbreviation.
                if gap && !number && !after.next().is_some_and(char::is_lowercase) {
                    return end;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Returns the end of the quotation marks, brackets and repeated periods after `end`.
fn after_closing(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    let closing = |c: char| ".!?…。！？\"'”’»)]」』）】".contains(c);
    end + rest.len() - rest.trim_start_matches(closing).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_punctuation_not_at_decimals_or_abbreviations() {
        assert_eq!(
            sentences("It costs 3.14 euros, i.e. little. \"Really?\" Yes!\nIt wraps\nhere. End"),
            ["It costs 3.14 euros, i.e. little.", "\"Really?\"", "Yes!", "It wraps here.", "End"]
        );
    }

    #[test]
    fn scripts_without_spaces_have_sentences_too() {
        assert_eq!(
            sentences("図書館は9時に開く。「静かに。」月曜は休み！"),
            ["図書館は9時に開く。", "「静かに。」", "月曜は休み！"]
        );
        assert_eq!(sentences("पहला वाक्य। दूसरा वाक्य।"), ["पहला वाक्य।", "दूसरा वाक्य।"]);
    }

    #[test]
    fn headings_and_items_stand_alone() {
        assert_eq!(
            sentences(
                "# Rules\nBe quiet\n- no food\n1. One\n\n---\n\n|a|b|\n|-|-|\n| A. | Why? |\n\nAfter"
            ),
            ["Rules", "Be quiet", "- no food", "1. One", "a|b", "A. | Why?", "After"]
        );
    }

    #[test]
    fn records_stand_alone() {
        let table = "from,to,at\nKjerring,Ostrand,07:45\nKjerring,Ostrand,19:00";
        assert_eq!(sentences(table).len(), 3);
        assert_eq!(sentences("red, green,\nblue, and 1,000 more").len(), 1);
    }

    #[test]
    fn endless_sentences_are_cut() {
        let long = "word ".repeat(1000);
        assert!(sentences(&long).iter().all(|sentence| sentence.chars().count() <= LONGEST));
        assert_eq!(sentences(&"字".repeat(1200)).len(), 3);
    }
}
