//! Workbooks of Excel 2 to 4, before they became compound files: records one after another.
use carrel_domain::document::Extracted;
use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};

use super::lines::{Full, Sheet};
use super::number::{Format, Formats};
use super::{MAX_SHEETS, document};
use crate::extract::Input;
use crate::extract::extract_error::ExtractError;
use crate::extract::rtf::code_page;

/// Formats of one workbook that are known.
const MAX_FORMATS: usize = 65_536;

/// Whether a file begins with the record that these workbooks begin with.
pub fn is_early(bytes: &[u8]) -> bool {
    matches!(bytes, [9, 0 | 2 | 4, 4..=16, 0, ..])
}

/// Each sheet becomes a document.
pub fn read(input: &Input<'_>, bytes: &[u8]) -> Result<Vec<Extracted>, ExtractError> {
    let room = usize::try_from(input.limits.text).unwrap_or(usize::MAX);
    let mut workbook = Workbook::new(room);
    let mut rest = bytes;
    while let [kind_low, kind_high, length_low, length_high, others @ ..] = rest {
        let kind = u16::from_le_bytes([*kind_low, *kind_high]);
        let length = usize::from(u16::from_le_bytes([*length_low, *length_high]));
        let Some((body, next)) = others.split_at_checked(length) else { break };
        if kind == FILE_PASSWORD {
            return Err(ExtractError::protected());
        }
        workbook.record(kind, body).map_err(|Full| ExtractError::TextTooLarge)?;
        rest = next;
    }
    workbook.end_sheet();
    Ok(workbook.documents)
}

const FILE_PASSWORD: u16 = 0x2f;

struct Workbook {
    /// The version of the current part: 2, 3 or 4.
    version: u8,
    encoding: &'static Encoding,
    is_1904: bool,
    formats: Formats,
    format_count: u32,
    /// The format of each cell style.
    styles: Vec<u32>,
    name: Option<String>,
    sheet: Option<Sheet>,
    room: usize,
    /// The place of a formula whose text follows.
    pending_string: Option<(u32, u32)>,
    documents: Vec<Extracted>,
}

impl Workbook {
    fn new(room: usize) -> Self {
        Self {
            version: 4,
            encoding: WINDOWS_1252,
            is_1904: false,
            formats: Formats::default(),
            format_count: 0,
            styles: Vec::new(),
            name: None,
            sheet: None,
            room,
            pending_string: None,
            documents: Vec::new(),
        }
    }

    fn record(&mut self, kind: u16, body: &[u8]) -> Result<(), Full> {
        match (kind, body) {
            (0x0009 | 0x0209 | 0x0409, [_, _, part, ..]) => {
                self.version = match kind {
                    0x0009 => 2,
                    0x0209 => 3,
                    _ => 4,
                };
                self.begin(*part);
            }
            (0x000a, _) => self.end_sheet(),
            (0x0022, [low, ..]) => self.is_1904 = *low == 1,
            (0x0042, [low, high]) => self.encoding = encoding(u16::from_le_bytes([*low, *high])),
            // The name of a sheet that follows in a workbook of several.
            (0x008f, [_, _, _, _, length, name @ ..]) => {
                let name = name.get(..usize::from(*length)).unwrap_or(name);
                self.name = Some(self.decoded(name));
            }
            (0x001e, [length, code @ ..]) | (0x041e, [_, _, length, code @ ..]) => {
                let code = code.get(..usize::from(*length)).unwrap_or(code);
                let code = self.decoded(code);
                self.formats.define(self.format_count, &code);
                self.format_count += 1;
            }
            (0x0243 | 0x0443, [_, format, ..]) if self.styles.len() < MAX_FORMATS => {
                self.styles.push(u32::from(*format));
            }
            (0x0007 | 0x0207, text) => {
                if let Some(place) = self.pending_string.take() {
                    let text = self.counted(text);
                    self.put(place, &text)?;
                }
            }
            (_, [row_low, row_high, column_low, column_high, cell @ ..]) => {
                let row = u16::from_le_bytes([*row_low, *row_high]);
                let column = u16::from_le_bytes([*column_low, *column_high]);
                self.cell(kind, (u32::from(row), u32::from(column)), cell)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Begins a part of the workbook: a sheet, or the list of them.
    fn begin(&mut self, part: u8) {
        self.end_sheet();
        if matches!(part, 0x10 | 0x40) && self.documents.len() < MAX_SHEETS {
            self.sheet = Some(Sheet::with_room(self.room));
            // Parts define their formats anew.
            (self.formats, self.format_count) = (Formats::default(), 0);
            self.styles.clear();
        }
    }

    fn end_sheet(&mut self) {
        self.pending_string = None;
        if let Some(sheet) = self.sheet.take() {
            self.room = sheet.room();
            let usual = || format!("Sheet{}", self.documents.len() + 1);
            let name = self.name.take().unwrap_or_else(usual);
            self.documents.push(document(name, false, sheet, &[]));
        }
    }

    fn cell(&mut self, kind: u16, place: (u32, u32), cell: &[u8]) -> Result<(), Full> {
        let Some((format, value)) = self.split(cell) else { return Ok(()) };
        match (kind, value) {
            (0x0002, [low, high]) => {
                let number = u16::from_le_bytes([*low, *high]);
                self.put_number(place, f64::from(number), &format)
            }
            (0x0003 | 0x0203, _) => match value.first_chunk() {
                Some(bytes) => self.put_number(place, f64::from_le_bytes(*bytes), &format),
                None => Ok(()),
            },
            (0x027e, _) => match value.first_chunk() {
                Some(bytes) => self.put_number(place, packed(i32::from_le_bytes(*bytes)), &format),
                None => Ok(()),
            },
            (0x0004 | 0x0204, _) => {
                let text = self.counted(value);
                self.put(place, &text)
            }
            (0x0005 | 0x0205, [value, is_error, ..]) => {
                self.put(place, truth_or_error(*value, *is_error == 1))
            }
            (0x0006 | 0x0206 | 0x0406, result) => self.formula(place, result, &format),
            _ => Ok(()),
        }
    }

    /// The result of a formula: a number, or something else that its last bytes announce.
    fn formula(&mut self, place: (u32, u32), result: &[u8], format: &Format) -> Result<(), Full> {
        match result {
            [0, _, _, _, _, _, 0xff, 0xff, ..] => {
                self.pending_string = Some(place);
                Ok(())
            }
            [1, _, value, _, _, _, 0xff, 0xff, ..] => {
                self.put(place, truth_or_error(*value, false))
            }
            [2, _, value, _, _, _, 0xff, 0xff, ..] => self.put(place, truth_or_error(*value, true)),
            [_, _, _, _, _, _, 0xff, 0xff, ..] => Ok(()),
            _ => match result.first_chunk() {
                Some(bytes) => self.put_number(place, f64::from_le_bytes(*bytes), format),
                None => Ok(()),
            },
        }
    }

    /// The format of a cell and the bytes of its value: the second version has the number of a
    /// format in the cell, later ones that of a style.
    fn split<'a>(&mut self, cell: &'a [u8]) -> Option<(Format, &'a [u8])> {
        let (id, value) = match (self.version, cell) {
            (2, [_, format, _, value @ ..]) => (u32::from(format & 0x3f), value),
            (3.., [low, high, value @ ..]) => {
                let style = usize::from(u16::from_le_bytes([*low, *high]));
                (self.styles.get(style).copied().unwrap_or(0), value)
            }
            _ => return None,
        };
        let is_known = id < self.format_count;
        Some((if is_known { self.formats.get(id) } else { Format::General }, value))
    }

    fn put_number(&mut self, place: (u32, u32), value: f64, format: &Format) -> Result<(), Full> {
        if !value.is_finite() {
            return Ok(());
        }
        let text = format.show(value, self.is_1904);
        self.put(place, &text)
    }

    fn put(&mut self, (row, column): (u32, u32), text: &str) -> Result<(), Full> {
        match self.sheet.as_mut().filter(|_| !text.is_empty()) {
            Some(sheet) => sheet.put(row, column, text),
            None => Ok(()),
        }
    }

    /// Text behind its length, which takes one byte in the second version.
    fn counted(&self, bytes: &[u8]) -> String {
        let (length, text) = match (self.version, bytes) {
            (2, [length, text @ ..]) => (usize::from(*length), text),
            (3.., [low, high, text @ ..]) => (usize::from(u16::from_le_bytes([*low, *high])), text),
            _ => return String::new(),
        };
        self.decoded(text.get(..length).unwrap_or(text))
    }

    fn decoded(&self, bytes: &[u8]) -> String {
        self.encoding.decode_without_bom_handling(bytes).0.into_owned()
    }
}

fn encoding(page: u16) -> &'static Encoding {
    match page {
        0x8000 | 10_000 => MACINTOSH,
        0x8001 => WINDOWS_1252,
        page => code_page(i32::from(page)).unwrap_or(WINDOWS_1252),
    }
}

/// A number in four bytes: an integer or the upper half of a fraction, perhaps in hundredths.
fn packed(value: i32) -> f64 {
    let number = match value & 2 {
        0 => f64::from_bits(u64::from(value as u32 & !3) << 32),
        _ => f64::from(value >> 2),
    };
    if value & 1 == 1 { number / 100.0 } else { number }
}

fn truth_or_error(value: u8, is_error: bool) -> &'static str {
    match (is_error, value) {
        (false, 0) => "FALSE",
        (false, _) => "TRUE",
        (true, 0x00) => "#NULL!",
        (true, 0x07) => "#DIV/0!",
        (true, 0x0f) => "#VALUE!",
        (true, 0x17) => "#REF!",
        (true, 0x1d) => "#NAME?",
        (true, 0x24) => "#NUM!",
        (true, _) => "#N/A",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::extract::pictures::Pictures;

    fn record(kind: u16, body: &[&[u8]]) -> Vec<u8> {
        let body = body.concat();
        [&kind.to_le_bytes(), &(body.len() as u16).to_le_bytes(), body.as_slice()].concat()
    }

    fn text_of(bytes: &[u8]) -> String {
        let file = tempfile::tempfile().unwrap();
        let input = Input::new(&file, Limits::text(1 << 20), Pictures::none());
        assert!(is_early(bytes));
        let documents = read(&input, bytes).unwrap();
        documents.into_iter().map(|document| document.text).collect()
    }

    #[test]
    fn cells_of_the_fourth_version_are_shown_in_their_formats() {
        let number = |value: f64| value.to_le_bytes();
        let text_result = [0, 0, 0, 0, 0, 0, 0xff, 0xff];
        let bytes = [
            record(0x409, &[&[0, 0, 0x10, 0, 0, 0]]),
            record(0x42, &[&[0xe4, 4]]),
            record(0x41e, &[&[0, 0, 7], b"General"]),
            record(0x41e, &[&[0, 0, 5], b"0.00%"]),
            record(0x443, &[&[0, 0], &[0; 10]]),
            record(0x443, &[&[0, 1], &[0; 10]]),
            record(0x204, &[&[0, 0, 0, 0, 0, 0, 4, 0], b"Caf\xe9"]),
            record(0x203, &[&[0, 0, 1, 0, 1, 0], &number(0.155)]),
            record(0x27e, &[&[1, 0, 0, 0, 0, 0], &((1234 << 2) | 3_i32).to_le_bytes()]),
            record(0x205, &[&[1, 0, 1, 0, 0, 0, 7, 1]]),
            record(0x406, &[&[1, 0, 2, 0, 0, 0], &text_result, &[0; 4]]),
            record(0x207, &[&[3, 0], b"yes"]),
            record(0x406, &[&[1, 0, 3, 0, 0, 0], &number(7.0), &[0; 4]]),
            record(0x0a, &[]),
        ];
        assert_eq!(text_of(&bytes.concat()), "Café,15.50%\n12.34,#DIV/0!,yes,7\n");
    }

    #[test]
    fn cells_of_the_second_version_are_read() {
        let bytes = [
            record(0x09, &[&[2, 0, 0x10, 0]]),
            record(0x02, &[&[0, 0, 0, 0, 0, 0, 0, 42, 0]]),
            record(0x04, &[&[0, 0, 1, 0, 0, 0, 0, 2], b"ab"]),
        ];
        let bytes = bytes.concat();
        assert_eq!(text_of(&bytes), "42,ab\n");
        for end in 4..bytes.len() {
            text_of(&bytes[..end]);
        }
    }
}
