//! Renders a streamed text as HTML incrementally: finished blocks once, the last one repeatedly.
use std::sync::Arc;

use carrel_services::reasoning;

use super::markdown::{self, Citations};

/// A model's reasoning and answer so far.
#[derive(Clone, Debug, Default)]
pub struct IncrementalAnswer {
    pub reasoning: IncrementalMarkdown,
    pub answer: IncrementalMarkdown,
}

/// A text whose blocks are rendered one after another.
#[derive(Clone, Debug, Default)]
pub struct IncrementalMarkdown {
    /// HTML of the finished blocks.
    pub blocks: Vec<Arc<str>>,
    /// HTML of the last block, which may still change.
    pub tail: Arc<str>,
    /// Bytes of the text in finished blocks.
    rendered_bytes: usize,
    /// Length of the text at the last call.
    length: usize,
}

impl IncrementalAnswer {
    /// Processes the text so far. Citations link to `#<prefix>-<n>`.
    pub fn advance(&mut self, text: &str, prefix: &str) {
        self.render(text, prefix, without_partial_table);
    }

    /// Processes the complete text and finishes the last blocks.
    pub fn finish(&mut self, text: &str, prefix: &str) {
        self.render(text, prefix, |text| text);
        self.reasoning.finish();
        self.answer.finish();
    }

    fn render(&mut self, text: &str, prefix: &str, visible_part: fn(&str) -> &str) {
        let (reasoning, answer) = reasoning::split(text);
        if let Some(reasoning) = reasoning {
            self.reasoning.advance(visible_part(reasoning), &Citations::None);
        }
        self.answer.advance(visible_part(answer), &Citations::Pending(prefix));
    }
}

impl IncrementalMarkdown {
    fn advance(&mut self, text: &str, citations: &Citations<'_>) {
        if text.len() == self.length {
            return;
        }
        self.length = text.len();
        // Beyond the limit, the page displays plain text after the answer has ended.
        let text = &text[..text.floor_char_boundary(markdown::LIMIT)];
        let Some(remainder) = text.get(self.rendered_bytes..) else { return };
        // The type of a line is known at its end, so an incomplete table row is not a row yet.
        let lines = remainder.rfind('\n').map_or(0, |index| index + 1);
        let blocks = markdown::blocks(&remainder[..lines]);
        let finished_blocks =
            blocks.split_last().map_or(&[][..], |(_, finished_blocks)| finished_blocks);
        for block in finished_blocks {
            self.blocks.push(markdown::html(&remainder[block.clone()], citations).into());
        }
        let start = blocks.last().map_or(0, |last| last.start);
        self.rendered_bytes += start;
        self.tail = markdown::html(&remainder[start..], citations).into();
    }

    fn finish(&mut self) {
        if !self.tail.is_empty() {
            self.blocks.push(std::mem::take(&mut self.tail));
        }
    }
}

/// Returns the text without a table that is not recognizable yet: its header without the row below,
/// and a row that consists only of its first bar.
fn without_partial_table(text: &str) -> &str {
    let is_row = |line: &str| line.trim_start().starts_with('|');
    let (complete, last) = text.split_at(text.rfind('\n').map_or(0, |index| index + 1));
    if !last.is_empty() && !is_row(last) {
        return text;
    }
    let rows = complete.split_inclusive('\n').rev().take_while(|line| is_row(line));
    let (count, length) = rows.fold((0, 0), |(count, length), row| (count + 1, length + row.len()));
    match count {
        0 | 1 => &complete[..complete.len() - length],
        _ if last.trim() == "|" => complete,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_text_ends_like_one_rendered_at_once() {
        let text = "# Lamps\n\nTwo *lamps*, see [1].\n\n- a\n- b\n\n```rust\nlet a = 1;\n\nlet b;\n```\n\n\
                    | a | b |\n|---|--:|\n| 1 | 2 |\n\nThe end.";
        let mut incremental = IncrementalAnswer::default();
        for (end, _) in text.char_indices().skip(1) {
            incremental.advance(&text[..end], "a");
        }
        incremental.finish(text, "a");
        let html: String = incremental.answer.blocks.iter().map(|block| &**block).collect();
        assert_eq!(html, markdown::html(text, &Citations::Pending("a")));
    }

    #[test]
    fn a_growing_table_never_shows_its_bars() {
        let text =
            "Hours:\n\n| Lamp | Hours |\n|---|--:|\n| main | 12 |\n| reserve | 8 |\n\nThe end.";
        let mut incremental = IncrementalAnswer::default();
        for (end, _) in text.char_indices().skip(1) {
            incremental.advance(&text[..end], "a");
            assert!(!incremental.answer.tail.contains('|'), "{}", incremental.answer.tail);
        }
        for unfinished in ["| no table", "Either\n| or", "a | b\n|"] {
            let mut incremental = IncrementalAnswer::default();
            incremental.advance(unfinished, "a");
            incremental.finish(unfinished, "a");
            let html: String = incremental.answer.blocks.iter().map(|block| &**block).collect();
            assert_eq!(html, markdown::html(unfinished, &Citations::Pending("a")));
        }
    }

    #[test]
    fn closed_blocks_are_rendered_once() {
        let mut incremental = IncrementalAnswer::default();
        incremental.advance("One.\n\nTwo\n", "a");
        let first = Arc::clone(&incremental.answer.blocks[0]);
        incremental.advance("One.\n\nTwo\nand more", "a");
        assert!(Arc::ptr_eq(&first, &incremental.answer.blocks[0]));
        assert!(incremental.answer.tail.contains("more"));
    }

    #[test]
    fn reasoning_is_separate() {
        let mut incremental = IncrementalAnswer::default();
        incremental.advance("<think>Hm.\n\nWell\nand", "a");
        assert_eq!((incremental.reasoning.blocks.len(), incremental.answer.blocks.len()), (1, 0));
        incremental.advance("<think>Hm.\n\nWell\nand.</think>Yes.", "a");
        assert!(incremental.answer.tail.contains("Yes."));
    }
}
