//! Writes tables with every cell in its column.
//!
//! A table becomes a Markdown table: a line for each row, however many lines its cells have, and
//! the first row as header. A cell that spans columns is written in the first of them; one that
//! spans rows is written in each of them. Columns without text are omitted. A layout table (with
//! tables in it, or with a single column) becomes plain text, cell after cell.
use super::Room;
use super::flow::Flow;

/// Maximum column span of a cell.
const WIDEST: usize = 1_000;
/// Bytes that a repeated cell costs in addition to its text.
const CELL: usize = 8;

/// The columns and rows that a cell spans.
#[derive(Clone, Copy, Debug)]
pub struct CellSpan {
    pub columns: usize,
    pub rows: usize,
    pub is_head: bool,
    /// Whether it continues the cell above and repeats its text.
    pub continues: bool,
}

impl Default for CellSpan {
    fn default() -> Self {
        Self { columns: 1, rows: 1, is_head: false, continues: false }
    }
}

pub struct TableBuffer {
    /// Content of the table outside of its cells.
    before: Flow,
    cell: Option<(Flow, CellSpan)>,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    in_row: bool,
    /// For each column, the remaining row span of the cell above, and its text.
    above: Vec<(usize, String)>,
    pub is_layout: bool,
    has_head: bool,
    room: Room,
}

impl TableBuffer {
    pub fn new(room: Room) -> Self {
        Self {
            before: Flow::new(room.clone()),
            cell: None,
            rows: Vec::new(),
            row: Vec::new(),
            in_row: false,
            above: Vec::new(),
            is_layout: false,
            has_head: false,
            room,
        }
    }

    pub fn flow(&mut self) -> &mut Flow {
        match &mut self.cell {
            Some((flow, _)) => flow,
            None => &mut self.before,
        }
    }

    pub fn open_row(&mut self) {
        self.close_row();
        self.in_row = true;
    }

    pub fn close_row(&mut self) {
        self.close_cell();
        if !self.in_row {
            return;
        }
        self.in_row = false;
        self.fill_from_above();
        self.rows.push(std::mem::take(&mut self.row));
    }

    pub fn open_cell(&mut self, span: CellSpan) {
        self.close_cell();
        self.in_row = true;
        self.fill_from_above();
        self.has_head |= span.is_head && self.rows.is_empty();
        self.cell = Some((Flow::new(self.room.clone()), span));
    }

    /// Repeats the cells of earlier rows that span this one.
    fn fill_from_above(&mut self) {
        while let Some((rows, text)) =
            self.above.get_mut(self.row.len()).filter(|(rows, _)| *rows > 0)
        {
            *rows -= 1;
            let text =
                if self.room.reserve(text.len() + CELL) { text.clone() } else { String::new() };
            self.row.push(text);
        }
    }

    pub fn close_cell(&mut self) {
        let Some((flow, span)) = self.cell.take() else { return };
        let at = self.row.len();
        let mut text = flow.finish();
        let columns = span.columns.clamp(1, WIDEST);
        if span.continues && text.is_empty() {
            let above = self.rows.last().and_then(|row| row.get(at)).cloned().unwrap_or_default();
            text = if self.room.reserve(above.len()) { above } else { String::new() };
        }
        for column in at..at + columns {
            if !self.room.reserve(CELL) {
                return;
            }
            let text = if column == at { std::mem::take(&mut text) } else { String::new() };
            if span.rows > 1 {
                if self.above.len() <= column {
                    self.above.resize(column + 1, (0, String::new()));
                }
                self.above[column] = (span.rows - 1, text.clone());
            }
            self.row.push(text);
        }
    }

    /// Returns the content outside of the cells, and the table.
    pub fn finish(mut self) -> (String, String) {
        self.close_row();
        let before = std::mem::replace(&mut self.before, Flow::new(self.room.clone())).finish();
        let width = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let is_used = |column: &usize| {
            self.rows.iter().any(|row| row.get(*column).is_some_and(|cell| !cell.is_empty()))
        };
        let columns: Vec<usize> = (0..width).filter(is_used).collect();
        self.rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        let has_paragraphs = || self.rows.iter().flatten().any(|cell| cell.contains("\n\n"));
        let is_layout = self.is_layout
            || columns.len() == 1
            || (self.rows.len() == 1 && !self.has_head && has_paragraphs());
        let text = match is_layout {
            true => self.blocks(),
            false => self.markdown(&columns),
        };
        (before, text)
    }

    fn blocks(&self) -> String {
        let cells = self.rows.iter().flatten().filter(|cell| !cell.is_empty());
        let mut text = String::new();
        for cell in cells {
            if !text.is_empty() {
                text.push_str(if cell.contains('\n') || text.ends_with('|') {
                    "\n\n"
                } else {
                    "\n"
                });
            }
            text.push_str(cell);
        }
        text
    }

    fn markdown(&self, columns: &[usize]) -> String {
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            text.push('|');
            for column in columns {
                text.push(' ');
                push_line(&mut text, row.get(*column).map_or("", String::as_str));
                text.push_str(" |");
            }
            text.push('\n');
            if number == 0 {
                text.push('|');
                columns.iter().for_each(|_| text.push_str(" --- |"));
                text.push('\n');
            }
        }
        text.truncate(text.trim_end_matches('\n').len());
        text
    }
}

/// Writes a cell on one line, with bars escaped.
fn push_line(text: &mut String, cell: &str) {
    let mut is_first = true;
    for word in cell.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()) {
        if !is_first {
            text.push(' ');
        }
        is_first = false;
        for c in word.chars() {
            if c == '|' {
                text.push('\\');
            }
            text.push(c);
        }
    }
}
