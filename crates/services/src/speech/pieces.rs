//! Splits a long text at natural pauses.

/// Splits `text` into pieces of at most `limit` characters: after sentences, or after words in a
/// longer sentence, or anywhere in a longer word.
pub(super) fn pieces(text: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while let Some((end, _)) = rest.char_indices().nth(limit) {
        let head = &rest[..end];
        // A sentence that ends in the first third would make the piece too short.
        let minimum = end / 3;
        let sentence = sentence_ends(head).filter(|at| *at > minimum).last();
        let word = || head.rfind(char::is_whitespace).filter(|at| *at > minimum);
        let at = sentence.or_else(word).unwrap_or(end);
        pieces.push(rest[..at].trim());
        rest = rest[at..].trim_start();
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Returns the ends of sentences in `text`, after their punctuation.
fn sentence_ends(text: &str) -> impl Iterator<Item = usize> {
    let mut characters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        while let Some((at, character)) = characters.next() {
            let end = at + character.len_utf8();
            let next = characters.peek().map(|(_, next)| *next);
            let is_end = match character {
                '\n' | '。' | '！' | '？' | '؟' | '।' => true,
                '.' | '!' | '?' | '…' => next.is_some_and(char::is_whitespace),
                _ => false,
            };
            if is_end {
                return Some(end);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_after_sentences_without_loss() {
        let text = "The sea roars. The wind, at 3.5 knots, is calm! Is it? Yes";
        assert_eq!(pieces(text, 100), [text]);
        let pieces_of_text = pieces(text, 20);
        assert_eq!(
            pieces_of_text,
            ["The sea roars.", "The wind, at 3.5", "knots, is calm!", "Is it? Yes"]
        );
        assert_eq!(pieces("", 10), [""; 0]);
    }

    #[test]
    fn text_without_sentences_or_words_is_split() {
        let text = "海".repeat(25);
        let pieces_of_text = pieces(&text, 10);
        assert_eq!(
            pieces_of_text.iter().map(|piece| piece.chars().count()).collect::<Vec<_>>(),
            [10, 10, 5]
        );
        assert_eq!(pieces("海は広い。空も広い。", 6), ["海は広い。", "空も広い。"]);
    }
}
