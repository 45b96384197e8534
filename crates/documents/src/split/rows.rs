//! Cuts tables that are longer than a chunk between rows. Each chunk gets the header row.
use std::ops::Range;

use carrel_domain::Result;

use super::cutter::{Boundary, Cutter, Window, units};

/// Number of records that determine the delimiter and the header.
const LOOKED_AT: usize = 50;
const LOOKED_AT_BYTES: usize = 64 << 10;
/// A longer quoted value, in bytes, lacks its closing quote.
const LONGEST_QUOTED: usize = 64 << 10;
/// Maximum number of rows above the header.
const LONGEST_PREAMBLE: usize = 20;
/// Prefix of a row whose number does not follow from the lines above it.
const ROW_MARK: &str = "[Row ";

/// A text of separated values.
pub(super) struct Delimited {
    pub(super) records: Vec<Record>,
    /// The index of the header.
    header: Option<usize>,
    /// The ends of the records, in bytes.
    pub(super) end: usize,
}

pub(super) struct Record {
    /// The range in bytes, with the end of the line.
    pub(super) range: Range<usize>,
    /// Row number as in spreadsheet programs, from 1.
    pub(super) number: u32,
}

impl Delimited {
    pub(super) fn read(text: &str) -> Self {
        // Text after a form feed is outside the cells.
        let end = text.find('\u{c}').unwrap_or(text.len());
        let text = &text[..end];
        let start = &text[..text.floor_char_boundary(LOOKED_AT_BYTES)];
        let (delimiter, columns) = delimiter(start);
        let mut records = Vec::new();
        let mut number = 0;
        for range in (Records { text, delimiter, at: 0 }) {
            let line = &text[range.clone()];
            let marked = line.trim().strip_prefix(ROW_MARK).and_then(|rest| rest.strip_suffix(']'));
            if let Some(next) = marked.and_then(|number| number.parse::<u32>().ok()) {
                number = next.saturating_sub(1);
                continue;
            }
            number += 1;
            if !line.trim().is_empty() {
                records.push(Record { range, number });
            }
        }
        let header = columns.and_then(|columns| {
            let mut first = records.iter().take(LONGEST_PREAMBLE);
            first.position(|record| names_columns(&text[record.range.clone()], delimiter, columns))
        });
        Self { records, header, end }
    }
}

/// Whether a record has about `columns` values, and most of them are words or years.
fn names_columns(record: &str, delimiter: char, columns: usize) -> bool {
    let values = values(record, delimiter);
    let used = values.iter().filter(|value| !value.is_empty()).count();
    let numbers = values.iter().filter(|value| is_number(value)).count();
    used >= 2 && used * 5 >= columns * 3 && numbers * 2 <= used
}

fn is_number(value: &str) -> bool {
    let is_year =
        value.len() == 4 && matches!(value.as_bytes(), [b'1', b'9', ..] | [b'2', b'0', ..]);
    value.contains(|c: char| c.is_ascii_digit())
        && !value.contains(|c: char| c.is_alphabetic())
        && !is_year
}

/// Returns the values of a record without their quotes.
fn values(record: &str, delimiter: char) -> Vec<String> {
    let (mut values, mut value, mut quoted) = (Vec::new(), String::new(), false);
    for c in record.trim_end_matches(['\r', '\n']).chars() {
        match c {
            '"' => quoted = !quoted,
            _ if c == delimiter && !quoted => values.push(std::mem::take(&mut value)),
            _ => value.push(c),
        }
    }
    values.push(value);
    values.iter().map(|value| value.trim().to_owned()).collect()
}

/// Detects the delimiter, and the number of columns if there are several.
fn delimiter(start: &str) -> (char, Option<usize>) {
    let counted = [',', ';', '\t', '|'].into_iter().filter_map(|delimiter| {
        let records = Records { text: start, delimiter, at: 0 }.map(|range| &start[range]);
        let records = records.filter(|record| !record.trim().is_empty()).take(LOOKED_AT);
        let counts: Vec<_> = records.map(|record| values(record, delimiter).len()).collect();
        let usual = *counts.iter().max_by_key(|count| {
            let equal = counts.iter().filter(|other| other == count).count();
            (usize::from(**count > 1) * equal, **count)
        })?;
        let equal = counts.iter().filter(|count| **count == usual).count();
        (usual > 1).then_some((equal, usual, delimiter))
    });
    match counted.max_by_key(|(equal, columns, _)| (*equal, *columns)) {
        Some((_, columns, delimiter)) => (delimiter, Some(columns)),
        None => (',', None),
    }
}

/// Iterates over the records of a text, each with the end of its line. A quoted value may span
/// lines.
struct Records<'a> {
    text: &'a str,
    delimiter: char,
    at: usize,
}

impl Iterator for Records<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let plain = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let length = quoted_length(rest, self.delimiter).unwrap_or(plain);
        self.at = start + length;
        Some(start..self.at)
    }
}

/// Returns the length of the first record by the rules of quoting, or `None` if a quote is not
/// closed.
fn quoted_length(text: &str, delimiter: char) -> Option<usize> {
    let (mut quoted_from, mut begins) = (None, true);
    for (at, c) in text.char_indices() {
        match (quoted_from, c) {
            (Some(from), _) if at - from > LONGEST_QUOTED => return None,
            (Some(_), '"') => quoted_from = None,
            (Some(_), _) => {}
            // A doubled quote closes and opens again.
            (None, '"') if begins || text[..at].ends_with('"') => quoted_from = Some(at),
            (None, '\n') => return Some(at + 1),
            (None, _) => {}
        }
        begins = quoted_from.is_none() && (c == delimiter || (begins && c == ' '));
    }
    quoted_from.is_none().then_some(text.len())
}

impl Cutter<'_> {
    /// Cuts separated values between records.
    pub(super) fn delimited(&mut self, table: &Delimited) -> Result<()> {
        let ranges = |records: &[Record]| -> Vec<Range<usize>> {
            records.iter().map(|record| record.range.clone()).collect()
        };
        let Some(header) = table.header else {
            return self.rows(None, &ranges(&table.records), Window::default());
        };
        let mut window = Window::default();
        for record in &table.records[..header] {
            let piece = self.piece(record.range.clone());
            self.join(&mut window, piece)?;
        }
        if window.units * 4 > self.size {
            self.finish(&mut window)?;
        }
        let head = table.records[header].range.clone();
        self.rows(Some(head), &ranges(&table.records[header + 1..]), window)
    }

    /// Cuts a table between rows. `carried` and the header precede the first row; copies of the
    /// header start the other chunks.
    pub(super) fn rows(
        &mut self,
        mut head: Option<Range<usize>>,
        rows: &[Range<usize>],
        mut carried: Window,
    ) -> Result<()> {
        let mut head_units = head.clone().map_or(0, |head| units(&self.text[head]));
        if carried.units + head_units > self.size {
            self.finish(&mut carried)?;
        }
        if let Some(long) = head.take_if(|_| head_units > self.size) {
            self.long_row(long, None, 0)?;
            head_units = 0;
        }
        let copied = head.clone().filter(|_| head_units * 2 <= self.size);
        let copied_units = if copied.is_some() { head_units } else { 0 };
        let first = carried.start().or(head.as_ref().map(|head| head.start));
        let mut open = first.map(|start| start..head.map_or(start, |head| head.end));
        let (mut used, mut above, mut has_rows) = (carried.units + head_units, None, false);
        for row in rows {
            let more = units(&self.text[row.clone()]);
            if used + more > self.size && (has_rows || open.is_some()) {
                if let Some(stretch) = open.take() {
                    self.push(above.clone(), stretch, is_line_end)?;
                }
                (used, above) = (copied_units, copied.clone());
            }
            if used + more > self.size {
                self.long_row(row.clone(), above.clone(), used)?;
                continue;
            }
            open = Some(open.map_or(row.start, |stretch| stretch.start)..row.end);
            (used, has_rows) = (used + more, true);
        }
        match open {
            Some(stretch) => self.push(above, stretch, is_line_end),
            None => Ok(()),
        }
    }

    /// Cuts a row that does not fit below the header.
    fn long_row(
        &mut self,
        row: Range<usize>,
        above: Option<Range<usize>>,
        used: usize,
    ) -> Result<()> {
        let mut inner = self.resized((self.size - used).max(1));
        let boundaries = [Boundary::Sentence, Boundary::Before(" ")];
        inner.cut(row, &boundaries, Window::default())?;
        for cut in inner.cuts {
            self.push(above.clone(), cut.range, is_line_end)?;
        }
        Ok(())
    }
}

/// Whether a character ends a line. Tabs and spaces are not trimmed, because they mean empty cells.
fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(u32, &str)>, Option<&str>) {
        let table = Delimited::read(text);
        let line = |record: &Record| text[record.range.clone()].trim_end();
        let records = table.records.iter().map(|record| (record.number, line(record))).collect();
        (records, table.header.map(|at| line(&table.records[at])))
    }

    #[test]
    fn the_header_names_the_columns_below_a_title() {
        let (records, header) = read("Price list;;\n\nName;City;2024\nA;Riga;12,50\nB;Oslo;1,00\n");
        assert_eq!(header, Some("Name;City;2024"));
        assert_eq!(records.last(), Some(&(5, "B;Oslo;1,00")));
        assert_eq!(read("1,2\n3,4\n5,6\n").1, None);
        assert_eq!(read("one\ntwo\n").1, None);
    }

    #[test]
    fn a_value_in_quotes_may_have_several_lines() {
        let text = "a,b\n\"x\ny, \"\"z\"\"\",2\n[Row 10]\nq,3\n";
        assert_eq!(read(text).0, [(1, "a,b"), (2, "\"x\ny, \"\"z\"\"\",2"), (10, "q,3")]);
        let unclosed = "a,b\n\"x,1\ny,2\n";
        assert_eq!(read(unclosed).0.len(), 3);
        assert_eq!(read("5\" pipe,1\n6\" pipe,2\n").0.len(), 2);
    }
}
