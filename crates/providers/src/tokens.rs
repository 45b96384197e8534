//! Counts tokens as OpenAI's models do (`cl100k_base`). Other models have similar counts.
use std::sync::OnceLock;

use carrel_domain::model::Tokenizer;
use tiktoken_rs::CoreBPE;

/// Size of a block that is counted at once, in bytes. It bounds the cost of a long run of letters,
/// and lets counting stop soon after a limit.
const BLOCK: usize = 1024;

/// The vocabulary is loaded on first use. That takes a tenth of a second and about 20 MB, which
/// servers without ingestion and with short prompts never spend.
#[derive(Default)]
pub struct Cl100k {
    vocabulary: OnceLock<Option<CoreBPE>>,
}

impl Cl100k {
    fn count_block(&self, block: &str) -> usize {
        match self.vocabulary.get_or_init(|| tiktoken_rs::cl100k_base().ok()) {
            Some(vocabulary) => vocabulary.count_ordinary(block),
            // A safe upper bound.
            None => block.len(),
        }
    }
}

/// Returns the length of the first block of `text`: whole words if possible.
fn block(text: &str) -> usize {
    if text.len() <= BLOCK {
        return text.len();
    }
    let end = text.floor_char_boundary(BLOCK);
    text[..end].rfind(char::is_whitespace).filter(|space| *space > BLOCK / 2).unwrap_or(end)
}

/// Returns the start of the last block of `text`.
fn last_block(text: &str) -> usize {
    if text.len() <= BLOCK {
        return 0;
    }
    let start = text.ceil_char_boundary(text.len() - BLOCK);
    let space = text[start..].find(char::is_whitespace).filter(|space| *space < BLOCK / 2);
    start + space.unwrap_or(0)
}

impl Tokenizer for Cl100k {
    fn count(&self, mut text: &str, limit: usize) -> Option<usize> {
        let mut count = 0;
        while !text.is_empty() {
            let (block, rest) = text.split_at(block(text));
            count += self.count_block(block);
            if count > limit {
                return None;
            }
            text = rest;
        }
        Some(count)
    }

    fn prefix<'a>(&self, text: &'a str, limit: usize) -> &'a str {
        let (mut end, mut left) = (0, limit);
        while end < text.len() && left > 0 {
            let block = &text[end..end + block(&text[end..])];
            let weight = self.count_block(block);
            if weight > left {
                let most = |length: &usize| self.count_block(&block[..*length]) <= left;
                return &text
                    [..end + longest(block.len(), |at| block.floor_char_boundary(at), most)];
            }
            left -= weight;
            end += block.len();
        }
        &text[..end]
    }

    fn suffix<'a>(&self, text: &'a str, limit: usize) -> &'a str {
        let (mut start, mut left) = (text.len(), limit);
        while start > 0 && left > 0 {
            let block = &text[last_block(&text[..start])..start];
            let weight = self.count_block(block);
            if weight > left {
                let size = block.len();
                let most = |length: &usize| self.count_block(&block[size - length..]) <= left;
                let even = |at: usize| size - block.ceil_char_boundary(size - at);
                return &text[start - longest(size, even, most)..];
            }
            left -= weight;
            start -= block.len();
        }
        &text[start..]
    }
}

/// Returns the largest length up to `size` that satisfies `fits`, after rounding with `even`.
/// Assumes that a shorter text fits if a longer one does, which is nearly true.
fn longest(size: usize, even: impl Fn(usize) -> usize, fits: impl Fn(&usize) -> bool) -> usize {
    let (mut good, mut bad) = (0, size);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        match Some(even(middle)).filter(|length| fits(length)) {
            Some(_) => good = middle,
            None => bad = middle,
        }
    }
    even(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        Cl100k::default().count(text, usize::MAX).unwrap()
    }

    #[test]
    fn token_counts_match_those_of_the_models() {
        for (text, tokens) in [
            ("", 0),
            ("hello world", 2),
            ("Rotate keys every 90 days.", 7),
            ("The capital of France is Paris.", 7),
        ] {
            assert_eq!(count(text), tokens, "{text}");
        }
    }

    #[test]
    fn counting_long_text_in_blocks_is_nearly_exact() {
        let tokenizer = Cl100k::default();
        let text = "The quick brown fox jumps over the lazy dog, again. ".repeat(2000);
        let whole = tiktoken_rs::cl100k_base().unwrap().count_ordinary(&text);
        let counted = tokenizer.count(&text, usize::MAX).unwrap();
        assert!(counted.abs_diff(whole) <= whole / 100, "{counted} {whole}");
        assert_eq!(tokenizer.count(&text, 100), None);
    }

    #[test]
    fn beginnings_and_ends_have_the_requested_tokens() {
        let tokenizer = Cl100k::default();
        for text in
            ["word ".repeat(3000), "中文字".repeat(3000), "x".repeat(9000), " ".repeat(9000)]
        {
            for limit in [0, 1, 7, 500, 10_000] {
                let (beginning, end) =
                    (tokenizer.prefix(&text, limit), tokenizer.suffix(&text, limit));
                assert!(text.starts_with(beginning) && text.ends_with(end));
                for part in [beginning, end] {
                    let tokens = tokenizer.count(part, usize::MAX).unwrap();
                    assert!(tokens <= limit + 1 + limit / 50, "{tokens} of {limit}");
                    let is_all = part.len() == text.len();
                    assert!(is_all || tokens + 20 + limit / 50 >= limit, "{tokens} of {limit}");
                }
            }
        }
    }

    #[test]
    fn repetitive_text_is_counted_quickly() {
        let tokenizer = Cl100k::default();
        for text in
            ["a".repeat(300_000), " ".repeat(300_000), "\n ".repeat(100_000), "🙂".repeat(50_000)]
        {
            assert!(tokenizer.count(&text, usize::MAX).is_some());
        }
    }
}
