//! Writes text from the events of any format: paragraphs, lists, and tables as Markdown.
//!
//! White space between words and line ends between blocks are recorded first and written only
//! before the next text, so the output has none at its end and never too many.
mod flow;
mod table;

use std::cell::Cell;
use std::rc::Rc;

use super::extract_error::ExtractError;
use flow::Flow;
pub use table::CellSpan;
use table::TableBuffer;

/// Maximum nesting of tables; deeper ones become running text.
const DEEPEST_TABLE: usize = 16;

/// The remaining bytes, shared by all parts of a text.
#[derive(Clone)]
struct Room {
    left: Rc<Cell<u64>>,
    is_over: Rc<Cell<bool>>,
}

impl Room {
    /// Reserves room for `bytes`; returns whether there was enough.
    fn reserve(&self, bytes: usize) -> bool {
        let left = self.left.get().checked_sub(bytes as u64).filter(|_| !self.is_over.get());
        match left {
            Some(left) => self.left.set(left),
            None => self.is_over.set(true),
        }
        left.is_some()
    }
}

pub struct Writer {
    root: Flow,
    frames: Vec<Frame>,
    /// Number of open tables beyond the deepest.
    deeper: usize,
    room: Room,
}

/// The open elements of the text, innermost last.
enum Frame {
    Table(Box<TableBuffer>),
    /// Content that follows the current paragraph.
    Aside {
        flow: Box<Flow>,
        before: &'static str,
        after: &'static str,
    },
}

impl Writer {
    /// Creates a writer for text of at most `limit` bytes.
    pub fn with_limit(limit: u64) -> Self {
        let room = Room { left: Rc::new(Cell::new(limit)), is_over: Rc::default() };
        Self { root: Flow::new(room.clone()), frames: Vec::new(), deeper: 0, room }
    }

    fn flow(&mut self) -> &mut Flow {
        match self.frames.last_mut() {
            None => &mut self.root,
            Some(Frame::Table(table)) => table.flow(),
            Some(Frame::Aside { flow, .. }) => flow,
        }
    }

    pub fn text(&mut self, text: &str) {
        self.flow().text(text);
    }

    /// Requests at least `lines` line ends before the next text. If this ends a paragraph, its
    /// notes follow it.
    pub fn separate(&mut self, lines: usize) {
        self.flow().separate(lines);
    }

    /// Ends a page or a slide.
    pub fn end_page(&mut self) {
        self.root.end_page();
    }

    pub fn line_break(&mut self) {
        self.flow().line_break();
    }

    pub fn open_preformatted(&mut self) {
        self.flow().open_preformatted();
    }

    pub fn close_preformatted(&mut self) {
        self.flow().close_preformatted();
    }

    pub fn open_list(&mut self, first: Option<usize>) {
        self.flow().open_list(first);
    }

    pub fn close_list(&mut self) {
        self.flow().close_list();
    }

    pub fn open_item(&mut self) {
        self.flow().open_item();
    }

    /// Starts an item with its own marker.
    pub fn open_marked(&mut self, marker: &str) {
        self.flow().open_marked(marker);
    }

    /// Ends an item: its pending output is dropped, and the next item follows without an empty
    /// line.
    pub fn close_line(&mut self) {
        self.flow().close_line();
    }

    /// Starts a heading: `marks` are written before its first text.
    pub fn open_heading(&mut self, marks: &'static str) {
        self.flow().heading = marks;
    }

    pub fn close_heading(&mut self) {
        self.flow().heading = "";
    }

    /// Adds a block that follows the current paragraph.
    pub fn push_note(&mut self, text: String) {
        if !text.trim().is_empty() && self.room.reserve(text.len()) {
            self.flow().notes.push(text);
        }
    }

    /// Writes a separate block unchanged.
    pub fn block(&mut self, text: &str) {
        if !text.trim().is_empty() && self.room.reserve(text.len()) {
            self.flow().block(text.trim_matches('\n'));
        }
    }

    /// Starts content that follows the paragraph, between the two texts, until
    /// [`Writer::close_aside`].
    pub fn open_aside(&mut self, before: &'static str, after: &'static str) {
        let flow = Box::new(Flow::new(self.room.clone()));
        self.frames.push(Frame::Aside { flow, before, after });
    }

    pub fn close_aside(&mut self) {
        // Closing an aside closes everything that is open within it.
        while let Some(frame) = self.frames.pop() {
            match frame {
                Frame::Table(table) => self.write_table(*table),
                Frame::Aside { flow, before, after } => {
                    let text = flow.finish();
                    if !text.is_empty() {
                        self.flow().notes.push(format!("{before}{text}{after}"));
                    }
                    return;
                }
            }
        }
    }

    pub fn open_table(&mut self) {
        if self.frames.len() >= DEEPEST_TABLE {
            self.deeper += 1;
            self.separate(1);
            return;
        }
        if let Some(Frame::Table(table)) = self.frames.last_mut() {
            table.is_layout = true;
        }
        self.frames.push(Frame::Table(Box::new(TableBuffer::new(self.room.clone()))));
    }

    /// Marks the current table as a layout table.
    pub fn is_layout(&mut self) {
        if let (0, Some(Frame::Table(table))) = (self.deeper, self.frames.last_mut()) {
            table.is_layout = true;
        }
    }

    pub fn open_row(&mut self) {
        self.in_table(1, TableBuffer::open_row);
    }

    pub fn close_row(&mut self) {
        self.in_table(1, TableBuffer::close_row);
    }

    pub fn open_cell(&mut self, span: CellSpan) {
        self.in_table(1, |table| table.open_cell(span));
    }

    pub fn close_cell(&mut self) {
        self.in_table(0, TableBuffer::close_cell);
    }

    fn in_table(&mut self, lines: usize, act: impl FnOnce(&mut TableBuffer)) {
        match self.frames.last_mut() {
            Some(Frame::Table(table)) if self.deeper == 0 => act(table),
            _ => self.separate(lines),
        }
    }

    pub fn close_table(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return self.separate(1);
        }
        match self.frames.pop() {
            Some(Frame::Table(table)) => self.write_table(*table),
            Some(other) => self.frames.push(other),
            None => {}
        }
    }

    fn write_table(&mut self, table: TableBuffer) {
        let (before, text) = table.finish();
        let flow = self.flow();
        flow.block(&before);
        flow.block(&text);
    }

    /// Writes a table of finished cells. The first row is the header.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        self.open_table();
        for row in rows {
            self.open_row();
            for cell in row {
                self.open_cell(CellSpan::default());
                self.text(cell);
                self.close_cell();
            }
            self.close_row();
        }
        self.close_table();
    }

    /// Returns the text, or [`ExtractError::TextTooLarge`] if it exceeds the limit.
    pub fn try_finish(self) -> Result<String, ExtractError> {
        let is_over = Rc::clone(&self.room.is_over);
        let text = self.finish();
        if is_over.get() { Err(ExtractError::TextTooLarge) } else { Ok(text) }
    }

    /// Returns as much of the text as fits the limit.
    pub fn finish(mut self) -> String {
        self.deeper = 0;
        while let Some(frame) = self.frames.last() {
            match frame {
                Frame::Table(_) => self.close_table(),
                Frame::Aside { .. } => self.close_aside(),
            }
        }
        self.root.finish()
    }
}
