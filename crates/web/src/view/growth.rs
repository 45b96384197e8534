//! Renders a growing text as HTML: finished blocks once, the last one repeatedly.
use std::sync::Arc;

use carrel_services::reasoning;

use super::markdown::{self, Citations};

/// A model's reasoning and answer so far.
#[derive(Clone, Debug, Default)]
pub struct Growth {
    pub thinking: GrowthPart,
    pub answer: GrowthPart,
}

/// A text whose blocks are rendered one after another.
#[derive(Clone, Debug, Default)]
pub struct GrowthPart {
    /// HTML of the finished blocks.
    pub closed: Vec<Arc<str>>,
    /// HTML of the last block, which may still change.
    pub tail: Arc<str>,
    /// Bytes of the text in finished blocks.
    until: usize,
    /// Length of the text at the last call.
    length: usize,
}

impl Growth {
    /// Processes the text so far. Citations link to `#<prefix>-<n>`.
    pub fn advance(&mut self, text: &str, prefix: &str) {
        self.render(text, prefix, shown);
    }

    /// Processes the whole text and finishes the last blocks.
    pub fn finish(&mut self, text: &str, prefix: &str) {
        self.render(text, prefix, |text| text);
        self.thinking.close();
        self.answer.close();
    }

    fn render(&mut self, text: &str, prefix: &str, shown: fn(&str) -> &str) {
        let (thinking, answer) = reasoning::split(text);
        if let Some(thinking) = thinking {
            self.thinking.advance(shown(thinking), &Citations::None);
        }
        self.answer.advance(shown(answer), &Citations::Pending(prefix));
    }
}

impl GrowthPart {
    fn advance(&mut self, text: &str, citations: &Citations<'_>) {
        if text.len() == self.length {
            return;
        }
        self.length = text.len();
        // Beyond the limit, the page shows plain text once the answer has ended.
        let shown = &text[..text.floor_char_boundary(markdown::LIMIT)];
        let Some(open) = shown.get(self.until..) else { return };
        // The type of a line is known at its end, so an incomplete table row is not a row yet.
        let lines = open.rfind('\n').map_or(0, |at| at + 1);
        let blocks = markdown::blocks(&open[..lines]);
        let closed = blocks.split_last().map_or(&[][..], |(_, closed)| closed);
        for block in closed {
            self.closed.push(markdown::html(&open[block.clone()], citations).into());
        }
        let start = blocks.last().map_or(0, |last| last.start);
        self.until += start;
        self.tail = markdown::html(&open[start..], citations).into();
    }

    fn close(&mut self) {
        if !self.tail.is_empty() {
            self.closed.push(std::mem::take(&mut self.tail));
        }
    }
}

/// Returns the text without a table that is not recognizable yet: its header without the row below,
/// and a row of which only the first bar is there.
fn shown(text: &str) -> &str {
    let is_row = |line: &str| line.trim_start().starts_with('|');
    let (complete, last) = text.split_at(text.rfind('\n').map_or(0, |at| at + 1));
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
        let mut growth = Growth::default();
        for (end, _) in text.char_indices().skip(1) {
            growth.advance(&text[..end], "a");
        }
        growth.finish(text, "a");
        let grown: String = growth.answer.closed.iter().map(|block| &**block).collect();
        assert_eq!(grown, markdown::html(text, &Citations::Pending("a")));
    }

    #[test]
    fn a_growing_table_never_shows_its_bars() {
        let text =
            "Hours:\n\n| Lamp | Hours |\n|---|--:|\n| main | 12 |\n| reserve | 8 |\n\nThe end.";
        let mut growth = Growth::default();
        for (end, _) in text.char_indices().skip(1) {
            growth.advance(&text[..end], "a");
            assert!(!growth.answer.tail.contains('|'), "{}", growth.answer.tail);
        }
        for unfinished in ["| no table", "Either\n| or", "a | b\n|"] {
            let mut growth = Growth::default();
            growth.advance(unfinished, "a");
            growth.finish(unfinished, "a");
            let grown: String = growth.answer.closed.iter().map(|block| &**block).collect();
            assert_eq!(grown, markdown::html(unfinished, &Citations::Pending("a")));
        }
    }

    #[test]
    fn closed_blocks_are_rendered_once() {
        let mut growth = Growth::default();
        growth.advance("One.\n\nTwo\n", "a");
        let first = Arc::clone(&growth.answer.closed[0]);
        growth.advance("One.\n\nTwo\nand more", "a");
        assert!(Arc::ptr_eq(&first, &growth.answer.closed[0]));
        assert!(growth.answer.tail.contains("more"));
    }

    #[test]
    fn reasoning_is_separate() {
        let mut growth = Growth::default();
        growth.advance("<think>Hm.\n\nWell\nand", "a");
        assert_eq!((growth.thinking.closed.len(), growth.answer.closed.len()), (1, 0));
        growth.advance("<think>Hm.\n\nWell\nand.</think>Yes.", "a");
        assert!(growth.answer.tail.contains("Yes."));
    }
}
