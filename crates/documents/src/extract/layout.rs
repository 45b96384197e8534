//! Laying out running text: lines, paragraphs, lists and tables as plain text.

use super::fault::Fault;

/// Lists nested deeper are indented no further.
const DEEPEST_INDENT: usize = 8;

/// Of lists nested deeper only the number is known, so that a page of nothing but lists does not take
/// many times its size. Their items are not numbered.
const DEEPEST_LIST: usize = 64;

/// Plain text in the making. White space between words and line ends between blocks are noted when
/// they come up and written when text follows, so that none stand at the end or too many between.
#[derive(Default)]
pub struct Layout {
    out: String,
    /// How many line ends are due before the next text: 0, 1 or 2.
    lines: usize,
    /// Whether a space is due.
    space: bool,
    /// What is due after them: a list item's marker or the line between two cells.
    marker: String,
    /// What is due after that: the marks of a heading.
    heading: &'static str,
    /// Just inside an item or cell, where blocks that open need no new line.
    fresh: bool,
    preformatted: usize,
    /// Just inside preformatted text, where one line end is not part of it.
    leading: bool,
    /// For each open list the number of its next item; `None` when it has no numbers.
    lists: Vec<Option<usize>>,
    /// How many lists are open within those.
    deeper: usize,
    row: Row,
    /// The most bytes there may be; any number when absent.
    limit: Option<u64>,
    /// There was more, which is left out.
    is_over: bool,
}

/// What is known of the table row that is being written.
#[derive(Default)]
struct Row {
    has_text: bool,
    /// A cell held several lines, so that what follows cannot stand beside it.
    is_broken: bool,
}

impl Layout {
    /// Text of at most `limit` bytes.
    pub fn within(limit: u64) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    pub fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            let text = text.strip_prefix('\n').filter(|_| self.leading).unwrap_or(text);
            if !text.is_empty() {
                self.leading = false;
                self.write(text);
            }
            return;
        }
        let is_space = |c: char| c.is_ascii_whitespace() || c == '\u{a0}';
        self.space |= text.starts_with(is_space);
        let mut words = text.split(is_space).filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            self.write(word);
            self.space = words.peek().is_some() || text.ends_with(is_space);
        }
    }

    /// At least `lines` line ends before the next text, 0 for none.
    pub fn separate(&mut self, lines: usize) {
        if lines > 0 && !self.fresh {
            self.lines = self.lines.max(lines);
        }
    }

    pub fn line_break(&mut self) {
        if self.preformatted > 0 {
            self.write("\n");
        } else {
            self.lines = (self.lines + 1).min(2);
        }
    }

    pub fn open_preformatted(&mut self) {
        self.separate(2);
        self.preformatted += 1;
        self.leading = true;
    }

    pub fn close_preformatted(&mut self) {
        self.preformatted = self.preformatted.saturating_sub(1);
        self.separate(2);
    }

    pub fn open_list(&mut self, numbered: bool) {
        self.separate_lists();
        match self.lists.len() < DEEPEST_LIST {
            true => self.lists.push(numbered.then_some(1)),
            false => self.deeper += 1,
        }
    }

    pub fn close_list(&mut self) {
        match self.deeper {
            0 => drop(self.lists.pop()),
            _ => self.deeper -= 1,
        }
        self.separate_lists();
    }

    fn separate_lists(&mut self) {
        if self.lists.is_empty() { self.end_line(2) } else { self.close_line() }
    }

    pub fn open_item(&mut self) {
        self.end_line(1);
        self.marker = "  ".repeat(self.lists.len().saturating_sub(1).min(DEEPEST_INDENT));
        match self.lists.last_mut().filter(|_| self.deeper == 0) {
            Some(Some(number)) => {
                self.marker.push_str(&format!("{number}. "));
                *number += 1;
            }
            _ => self.marker.push_str("- "),
        }
        self.fresh = true;
    }

    pub fn open_row(&mut self) {
        self.end_line(1);
        self.row = Row::default();
    }

    pub fn open_cell(&mut self) {
        if self.row.has_text && !self.row.is_broken {
            self.lines = 0;
            self.space = false;
            self.marker = " | ".to_owned();
        } else {
            self.separate(1);
        }
        self.fresh = true;
    }

    /// The end of an item or row: what was due in it is not any more, and the next follows closely.
    pub fn close_line(&mut self) {
        self.end_line(1);
        self.lines = 1;
    }

    /// What comes is a heading, before which `marks` stand once it has text.
    pub fn open_heading(&mut self, marks: &'static str) {
        self.heading = marks;
    }

    pub fn close_heading(&mut self) {
        self.heading = "";
    }

    /// Another text after this one, as a paragraph of its own.
    pub fn append(&mut self, other: Self) {
        let text = other.finish();
        if !text.is_empty() {
            self.end_line(2);
            self.write(&text);
        }
    }

    /// All of it, [`Fault::TextTooLarge`] when it did not fit.
    pub fn whole(self) -> Result<String, Fault> {
        if self.is_over { Err(Fault::TextTooLarge) } else { Ok(self.finish()) }
    }

    pub fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out
    }

    fn end_line(&mut self, lines: usize) {
        self.fresh = false;
        self.marker.clear();
        self.separate(lines);
    }

    /// Writes `text` after all that is due before it.
    fn write(&mut self, text: &str) {
        let length = (self.out.len() + text.len()) as u64;
        self.is_over |= self.limit.is_some_and(|limit| length > limit);
        if self.is_over {
            return;
        }
        if self.lines > 0 && !self.out.is_empty() {
            let there = self.out.bytes().rev().take(2).take_while(|byte| *byte == b'\n').count();
            self.out.extend(std::iter::repeat_n('\n', self.lines.saturating_sub(there)));
            self.row.is_broken |= !self.fresh;
        } else if self.space && self.marker.is_empty() && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(&self.marker);
        if !text.trim_start().is_empty() {
            self.out.push_str(std::mem::take(&mut self.heading));
        }
        self.out.push_str(text);
        self.marker.clear();
        self.lines = 0;
        self.space = false;
        self.fresh = false;
        self.row.has_text = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_lists_are_remembered_to_a_depth_only() {
        let mut layout = Layout::default();
        for _ in 0..100_000 {
            layout.open_list(true);
        }
        layout.open_item();
        layout.text("deep");
        assert!(layout.lists.capacity() <= 2 * DEEPEST_LIST);
        for _ in 0..100_000 - 2 {
            layout.close_list();
        }
        for word in ["one", "two"] {
            layout.open_item();
            layout.text(word);
        }
        layout.close_list();
        layout.close_list();
        layout.text("after");
        let deep = format!("{}- deep", "  ".repeat(DEEPEST_INDENT));
        assert_eq!(layout.finish(), format!("{deep}\n  1. one\n  2. two\n\nafter"));
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let mut layout = Layout::within(7);
        for _ in 0..1_000 {
            layout.text("four ");
        }
        assert!(layout.out.len() <= 7, "{:?}", layout.out);
        assert_eq!(layout.whole(), Err(Fault::TextTooLarge));
        let mut layout = Layout::within(7);
        layout.text("sev en ");
        assert_eq!(layout.whole().as_deref(), Ok("sev en"));
    }
}
