//! Handles paragraphs, and the rows and cells of tables.
use super::{Kind, Reader};
use crate::extract::writer::CellSpan;

/// Maximum number of cells of a row.
const MAX_CELLS: usize = 1_000;

#[derive(Default)]
pub struct Row {
    is_table_open: bool,
    is_row_open: bool,
    is_cell_open: bool,
    /// Properties of the next cell to end, and of all cells of the row.
    merges: (bool, bool),
    cells: Vec<(bool, bool)>,
    at: usize,
}

impl Reader {
    /// Opens the cell of the next text, or closes the table before it.
    pub fn place(&mut self) {
        let in_note = matches!(self.group().kind, Kind::Note | Kind::Comment);
        if in_note {
            return;
        }
        if !self.group().in_table {
            return self.close_table();
        }
        self.open_cell();
    }

    fn open_cell(&mut self) {
        if !std::mem::replace(&mut self.row.is_table_open, true) {
            self.writer.open_table();
        }
        if !std::mem::replace(&mut self.row.is_row_open, true) {
            self.writer.open_row();
            self.row.at = 0;
        }
        if !std::mem::replace(&mut self.row.is_cell_open, true) {
            let (merges_left, above) = self.row.cells.get(self.row.at).copied().unwrap_or_default();
            self.writer
                .open_cell(CellSpan { continues: above && !merges_left, ..CellSpan::default() });
        }
    }

    pub fn close_table(&mut self) {
        if std::mem::take(&mut self.row.is_table_open) {
            self.writer.close_table();
            (self.row.is_row_open, self.row.is_cell_open) = (false, false);
        }
    }

    /// Handles control words for characters, and for the ends of lines, paragraphs, cells and rows.
    pub fn layout(&mut self, word: &str) {
        let character = match word {
            "emdash" => "—",
            "endash" => "–",
            "lquote" => "‘",
            "rquote" => "’",
            "ldblquote" => "“",
            "rdblquote" => "”",
            "bullet" => "•",
            "tab" | "emspace" | "enspace" | "qmspace" => " ",
            "chcbpat" | "zwj" | "zwnj" => "",
            _ => return self.structure(word),
        };
        self.flush();
        self.write(character);
    }

    fn structure(&mut self, word: &str) {
        match word {
            "par" | "sect" | "page" | "column" => {
                self.flush();
                self.writer.separate(2);
            }
            "line" => {
                self.flush();
                self.writer.line_break();
            }
            "pard" => {
                self.flush();
                self.group().in_table = false;
            }
            "intbl" => {
                self.flush();
                self.group().in_table = true;
            }
            "trowd" => {
                self.row.cells.clear();
                self.row.merges = (false, false);
            }
            "clmrg" => self.row.merges.0 = true,
            "clvmrg" => self.row.merges.1 = true,
            "cellx" => {
                let merges = std::mem::take(&mut self.row.merges);
                if self.row.cells.len() < MAX_CELLS {
                    self.row.cells.push(merges);
                }
            }
            "cell" if !self.group().in_table && self.row.cells.is_empty() => {
                // Cells outside of rows only end their text.
                self.flush();
                self.writer.separate(1);
            }
            "cell" => {
                self.flush();
                self.open_cell();
                self.row.is_cell_open = false;
                self.row.at += 1;
                self.writer.close_cell();
            }
            "nestcell" => {
                self.flush();
                self.writer.text(" | ");
            }
            "nestrow" => {
                self.flush();
                self.writer.separate(1);
            }
            "row" => {
                self.flush();
                (self.row.is_row_open, self.row.is_cell_open) = (false, false);
                self.writer.close_row();
            }
            _ => {}
        }
    }
}
