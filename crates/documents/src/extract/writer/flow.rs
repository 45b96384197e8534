//! Writes running text: words, lines, paragraphs and lists.
use super::Room;
use crate::extract::PAGE_END;

/// Maximum indentation of nested lists.
const DEEPEST_INDENT: usize = 8;

/// Deeper lists are only counted, so that a page of nothing but lists does not take many times its
/// size. Their items are not numbered.
const DEEPEST_LIST: usize = 64;

pub struct Flow {
    out: String,
    /// Number of pending line ends: 0, 1 or 2.
    lines: usize,
    /// Whether a space is pending.
    space: bool,
    /// A pending list marker, written after the line ends.
    marker: String,
    /// Pending heading marks, written after the list marker.
    pub heading: &'static str,
    /// Whether an item has just started, so that a block in it needs no new line.
    fresh: bool,
    preformatted: usize,
    /// Whether preformatted text has just started, where one line end is ignored.
    leading: bool,
    /// For each open list, the number of its next item; `None` if it is not numbered.
    lists: Vec<Option<usize>>,
    /// Number of open lists beyond the deepest.
    deeper: usize,
    /// Text to insert after the current paragraph.
    pub notes: Vec<String>,
    /// Whether the text consists of pages.
    has_pages: bool,
    room: Room,
}

impl Flow {
    pub fn new(room: Room) -> Self {
        Self {
            out: String::new(),
            lines: 0,
            space: false,
            marker: String::new(),
            heading: "",
            fresh: false,
            preformatted: 0,
            leading: false,
            lists: Vec::new(),
            deeper: 0,
            notes: Vec::new(),
            has_pages: false,
            room,
        }
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

    pub fn separate(&mut self, lines: usize) {
        if lines > 0 && !self.fresh {
            self.lines = self.lines.max(lines);
        }
        if lines > 0 && !self.notes.is_empty() {
            for note in std::mem::take(&mut self.notes) {
                self.block(&note);
            }
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

    pub fn open_list(&mut self, first: Option<usize>) {
        self.separate_lists();
        match self.lists.len() < DEEPEST_LIST {
            true => self.lists.push(first),
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
        let mut marker = "  ".repeat(self.lists.len().saturating_sub(1).min(DEEPEST_INDENT));
        match self.lists.last_mut().filter(|_| self.deeper == 0) {
            Some(Some(number)) => {
                marker.push_str(&format!("{number}. "));
                *number += 1;
            }
            _ => marker.push_str("- "),
        }
        self.open_marked(&marker);
    }

    pub fn open_marked(&mut self, marker: &str) {
        self.end_line(1);
        marker.clone_into(&mut self.marker);
        self.fresh = true;
    }

    pub fn close_line(&mut self) {
        self.end_line(1);
        self.lines = 1;
    }

    fn end_line(&mut self, lines: usize) {
        self.fresh = false;
        self.marker.clear();
        self.separate(lines);
    }

    /// Writes text that is already charged to the limit as a separate paragraph.
    pub fn block(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.lines = 2;
        self.write_free(text);
        self.lines = 2;
    }

    /// Ends a page.
    pub fn end_page(&mut self) {
        self.end_line(2);
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
        self.out.push('\u{c}');
        (self.lines, self.space, self.has_pages) = (2, false, true);
    }

    pub fn finish(mut self) -> String {
        self.separate(2);
        self.out.truncate(self.out.trim_end().len());
        if self.has_pages && !self.out.is_empty() {
            self.out.push_str(PAGE_END);
        }
        self.out
    }

    /// Writes `text` after the pending output.
    fn write(&mut self, text: &str) {
        if self.room.reserve(text.len() + self.marker.len()) {
            self.write_free(text);
        }
    }

    fn write_free(&mut self, text: &str) {
        if self.lines > 0 && !self.out.is_empty() {
            let there = self.out.bytes().rev().take(2).take_while(|byte| *byte == b'\n').count();
            self.out.extend(std::iter::repeat_n('\n', self.lines.saturating_sub(there)));
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
    }
}
