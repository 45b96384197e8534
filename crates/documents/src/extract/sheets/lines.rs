//! Writes a sheet as comma-separated lines, without the empty cells at its edges and in wide gaps.

/// Maximum number of consecutive empty lines. After a longer gap, the row number is written
/// instead, because sheets may have a million rows.
const MAX_EMPTY_ROWS: u32 = 20;
/// A wider gap of columns is written as one column, because sheets may have 16,384 columns.
const WIDEST_GAP: u32 = 64;

/// A sheet being written. Cells arrive row by row, from left to right.
#[derive(Default)]
pub struct Sheet {
    lines: String,
    /// The position of the last written cell.
    last: Option<(u32, u32)>,
    /// The start of the line of the last written row.
    line: usize,
    /// The remaining number of bytes.
    room: usize,
}

/// The sheet exceeds its limit.
#[derive(Debug, PartialEq)]
pub struct Full;

impl Sheet {
    pub fn with_room(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    pub fn room(&self) -> usize {
        self.room
    }

    pub fn put(&mut self, row: u32, column: u32, text: &str) -> Result<(), Full> {
        let before = self.lines.len();
        let gap = match self.last {
            Some((last_row, last)) if last_row == row => column.saturating_sub(last).max(1),
            last => {
                self.begin_row(last.map(|(row, _)| row), row);
                column
            }
        };
        let gap = if gap > WIDEST_GAP { 1 } else { gap };
        self.lines.extend(std::iter::repeat_n(',', gap as usize));
        if text.contains([',', '"', '\n', '\r']) {
            self.lines.push('"');
            self.lines.push_str(&text.replace('"', "\"\""));
            self.lines.push('"');
        } else {
            self.lines.push_str(text);
        }
        self.last = Some((row, column));
        let written = self.lines.len() - before;
        self.room = self.room.checked_sub(written).ok_or(Full)?;
        Ok(())
    }

    /// Ends the line of the last row and starts the one of `row`.
    fn begin_row(&mut self, last: Option<u32>, row: u32) {
        if last.is_some() {
            self.lines.push('\n');
        }
        let empty = last.map_or(row, |last| row.saturating_sub(last + 1));
        match empty <= MAX_EMPTY_ROWS {
            true => self.lines.extend(std::iter::repeat_n('\n', empty as usize)),
            false => self.lines.push_str(&format!("[Row {}]\n", u64::from(row) + 1)),
        }
        self.line = self.lines.len();
    }

    /// Repeats the last row.
    pub fn repeat(&mut self, times: u32) -> Result<(), Full> {
        let line = self.lines[self.line..].to_owned();
        for _ in 0..times {
            self.room = self.room.checked_sub(line.len() + 1).ok_or(Full)?;
            self.lines.push('\n');
            self.line = self.lines.len();
            self.lines.push_str(&line);
        }
        self.last = self.last.map(|(row, column)| (row.saturating_add(times), column));
        Ok(())
    }

    pub fn finish(mut self) -> String {
        if self.last.is_some() {
            self.lines.push('\n');
        }
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_their_columns_and_their_rows() {
        let mut sheet = Sheet::with_room(100);
        for (row, column, text) in
            [(0, 0, "a"), (0, 1, "b"), (2, 1, "c, d"), (2, 3, "\"e\""), (1_048_575, 16_383, "f")]
        {
            sheet.put(row, column, text).unwrap();
        }
        assert_eq!(sheet.finish(), "a,b\n\n,\"c, d\",,\"\"\"e\"\"\"\n[Row 1048576]\n,f\n");
        assert_eq!(Sheet::default().finish(), "");
    }

    #[test]
    fn a_row_is_repeated() {
        let mut sheet = Sheet::with_room(20);
        sheet.put(0, 0, "a").unwrap();
        sheet.put(1, 0, "b").unwrap();
        sheet.repeat(2).unwrap();
        sheet.put(4, 0, "c").unwrap();
        assert_eq!(sheet.repeat(1_048_576), Err(Full));
        assert!(sheet.finish().starts_with("a\nb\nb\nb\nc\n"));
    }

    #[test]
    fn a_sheet_is_never_longer_than_its_limit() {
        let mut sheet = Sheet::with_room(5);
        assert_eq!(sheet.put(0, 0, "abc"), Ok(()));
        assert_eq!(sheet.room(), 2);
        assert_eq!(sheet.put(0, 1, "de"), Err(Full));
    }
}
