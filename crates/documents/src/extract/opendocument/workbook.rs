//! Reads OpenDocument spreadsheets, sheet by sheet.
use std::collections::HashSet;

use carrel_domain::document::Extracted;

use super::{CONTENT, Objects, objects, open};
use crate::extract::Input;
use crate::extract::extract_error::ExtractError;
use crate::extract::sheets::{self, Sheet};
use crate::extract::writer::Writer;
use crate::extract::xml::{self, Element, Visitor};

const WHAT: &str = "an OpenDocument spreadsheet (.ods)";
/// The maximum number of rows and columns in a sheet.
const MAX_COLUMNS: u32 = 16_384;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut archive = open(input, WHAT)?;
    let (objects, embedded) = objects(input, &mut archive)?;
    let mut workbook = Workbook::new(input, objects);
    archive.visit_needed(CONTENT, &mut workbook)?;
    let mut documents = workbook.try_finish()?;
    documents.extend(embedded.into_documents());
    Ok(documents)
}

/// Reads a workbook in a single XML file.
pub fn read_flat(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut workbook = Workbook::new(input, Objects::new());
    xml::walk(input.reader()?, &mut workbook).map_err(|_| ExtractError::damaged(WHAT))?;
    let sheets = workbook.try_finish()?;
    if sheets.is_empty() { Err(ExtractError::damaged(WHAT)) } else { Ok(sheets) }
}

/// Whether an element of a sheet is not part of its text.
fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "tracked-changes"
            | "ruby-text"
            | "forms"
            | "desc"
            | "title"
            | "creator"
            | "date"
            | "binary-data"
    )
}

/// The sheets of a workbook, with each cell as displayed.
struct Workbook {
    sheets: Vec<Extracted>,
    /// The name and content of the current sheet.
    sheet: Option<(String, Sheet)>,
    row: u32,
    column: u32,
    /// The repetitions of the current row.
    rows: u32,
    is_blank: bool,
    /// The repetitions of the current cell.
    times: u32,
    cell: Writer,
    /// Content outside the cells of the sheet.
    objects_beside: Vec<String>,
    remark: Option<Writer>,
    objects: Objects,
    /// Styles of hidden sheets.
    hidden_styles: HashSet<String>,
    style: String,
    is_hidden: bool,
    in_shapes: bool,
    limit: u64,
    hidden: usize,
    /// The remaining bytes of text.
    room: usize,
    is_too_large: bool,
}

impl Workbook {
    fn new(input: &Input<'_>, objects: Objects) -> Self {
        Self {
            sheets: Vec::new(),
            sheet: None,
            row: 0,
            column: 0,
            rows: 1,
            is_blank: true,
            times: 1,
            cell: Writer::with_limit(input.limits.text),
            objects_beside: Vec::new(),
            remark: None,
            objects,
            hidden_styles: HashSet::new(),
            style: String::new(),
            is_hidden: false,
            in_shapes: false,
            limit: input.limits.text,
            hidden: 0,
            room: usize::try_from(input.limits.text).unwrap_or(usize::MAX),
            is_too_large: false,
        }
    }

    fn try_finish(self) -> Result<Vec<Extracted>, ExtractError> {
        if self.is_too_large { Err(ExtractError::TextTooLarge) } else { Ok(self.sheets) }
    }

    /// Returns the current destination of text.
    fn current_writer(&mut self) -> &mut Writer {
        self.remark.as_mut().unwrap_or(&mut self.cell)
    }

    fn end_beside(&mut self, before: &str, after: &str) {
        let Some(writer) = self.remark.take() else { return };
        let text = writer.finish();
        if !text.is_empty() {
            self.objects_beside.push(format!("{before}{text}{after}"));
        }
    }

    fn end_cell(&mut self) {
        let text = std::mem::replace(&mut self.cell, Writer::with_limit(self.limit)).finish();
        let Some((_, sheet)) = &mut self.sheet else { return };
        if !text.is_empty() {
            self.is_blank = false;
            for column in self.column..self.column.saturating_add(self.times) {
                self.is_too_large |= sheet.put(self.row, column, &text).is_err();
                if self.is_too_large {
                    return;
                }
            }
        }
        self.column = self.column.saturating_add(self.times);
    }

    fn end_row(&mut self) {
        if let (Some((_, sheet)), false) = (&mut self.sheet, self.is_blank) {
            self.is_too_large |= sheet.repeat(self.rows - 1).is_err();
        }
        self.row = self.row.saturating_add(self.rows);
    }
}

impl Visitor for Workbook {
    fn start(&mut self, element: &Element<'_>) {
        let name = element.name();
        if self.hidden > 0 || is_hidden(name) || self.is_too_large {
            self.hidden += 1;
            return;
        }
        let repeated = |name| {
            let times = element.attribute(name).and_then(|times| times.parse::<u32>().ok());
            times.unwrap_or(1)
        };
        match name {
            "table" => {
                let name = element.attribute("name").unwrap_or_default().into_owned();
                let style = element.attribute("style-name").unwrap_or_default();
                self.is_hidden = self.hidden_styles.contains(&*style);
                self.sheet = Some((name, Sheet::with_room(self.room)));
                self.row = 0;
            }
            "table-row" => {
                self.column = 0;
                self.is_blank = true;
                self.rows = repeated("number-rows-repeated").max(1);
            }
            "table-cell" | "covered-table-cell" => {
                self.times = repeated("number-columns-repeated").clamp(1, MAX_COLUMNS);
            }
            "p" => self.current_writer().separate(1),
            "s" | "tab" => self.current_writer().text(" "),
            "line-break" => self.current_writer().line_break(),
            "style" => self.style = element.attribute("name").unwrap_or_default().into_owned(),
            "table-properties" if element.attribute("display").is_some_and(|is| is == "false") => {
                self.hidden_styles.insert(self.style.clone());
            }
            "annotation" => self.remark = Some(Writer::with_limit(self.limit)),
            "frame" | "custom-shape" | "text-box" if self.remark.is_none() => {
                self.in_shapes = true;
                self.remark = Some(Writer::with_limit(self.limit));
            }
            "object" => {
                let place = element.attribute("href").unwrap_or_default();
                let text = self.objects.remove(place.trim_start_matches("./"));
                self.objects_beside.extend(text.filter(|text| !text.is_empty()));
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.hidden > 0 {
            self.hidden -= 1;
            return;
        }
        match name {
            "table" => {
                if let Some((name, sheet)) = self.sheet.take() {
                    self.room = sheet.room();
                    let objects_beside = std::mem::take(&mut self.objects_beside);
                    self.sheets.push(sheets::document(
                        name,
                        self.is_hidden,
                        sheet,
                        &objects_beside,
                    ));
                }
            }
            "table-row" => self.end_row(),
            "annotation" => {
                let (row, column) = (self.row + 1, letters(self.column));
                self.end_beside(&format!("[Comment on {column}{row}: "), "]");
            }
            "frame" | "custom-shape" if self.in_shapes => {
                self.in_shapes = false;
                self.end_beside("", "");
            }
            "table-cell" | "covered-table-cell" => self.end_cell(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden == 0 && self.sheet.is_some() {
            self.current_writer().text(text);
        }
    }
}

/// Returns the letters of a column, counted from 0.
fn letters(mut column: u32) -> String {
    let mut letters = String::new();
    loop {
        letters.insert(0, char::from(b'A' + u8::try_from(column % 26).unwrap_or(0)));
        match (column / 26).checked_sub(1) {
            Some(more) => column = more,
            None => return letters,
        }
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::document::DocumentPart;

    use super::*;
    use crate::extract::pictures::Pictures;

    fn workbook(room: u64) -> Workbook {
        let file = tempfile::tempfile().unwrap();
        let limits = crate::Limits { file: 1_000, text: room, inflated: 1_000 };
        Workbook::new(&Input::new(&file, limits, Pictures::none()), Objects::new())
    }

    #[test]
    fn cells_are_repeated_and_sheets_are_separate() {
        let xml = "<b><t:table t:name='A'><t:table-row><t:table-cell><p>1</p></t:table-cell>\
            <t:table-cell t:number-columns-repeated='2'/><t:table-cell \
            t:number-columns-repeated='2'><p>x, y</p></t:table-cell></t:table-row><t:table-row \
            t:number-rows-repeated='1048575'><t:table-cell t:number-columns-repeated='16384'/>\
            </t:table-row></t:table><t:table t:name='B'><t:table-row><t:table-cell><p>z</p>\
            </t:table-cell></t:table-row></t:table></b>";
        let mut workbook = workbook(100);
        assert!(xml::walk(xml.as_bytes(), &mut workbook).is_ok());
        let sheets: Vec<_> = workbook.sheets.into_iter().map(|s| (s.part, s.text)).collect();
        let sheet =
            |name: &str, text: &str| (Some(DocumentPart::Sheet(name.into())), text.to_owned());
        assert_eq!(sheets, [sheet("A", "1,,,\"x, y\",\"x, y\"\n"), sheet("B", "z\n")]);
    }

    #[test]
    fn a_cell_that_fills_a_row_a_million_times_is_too_large() {
        let xml = "<b><t:table t:name='A'><t:table-row><t:table-cell \
            t:number-columns-repeated='16384'><p>xxxxxxxx</p></t:table-cell></t:table-row>\
            </t:table></b>";
        let mut workbook = workbook(1_000);
        assert!(xml::walk(xml.as_bytes(), &mut workbook).is_ok());
        assert!(workbook.is_too_large);
    }
}
