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
    pub fn advance(&mut self, said: &str, prefix: &str) {
        let (thinking, answer) = reasoning::split(said);
        if let Some(thinking) = thinking {
            self.thinking.advance(thinking, &Citations::None);
        }
        self.answer.advance(answer, &Citations::Pending(prefix));
    }

    /// Finishes the last blocks.
    pub fn close(&mut self) {
        self.thinking.close();
        self.answer.close();
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
        growth.advance(text, "a");
        growth.close();
        let grown: String = growth.answer.closed.iter().map(|block| &**block).collect();
        assert_eq!(grown, markdown::html(text, &Citations::Pending("a")));
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
