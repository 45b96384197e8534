//! Reads Excel workbooks in XML.
use carrel_domain::document::Extracted;

use super::lines::Sheet;
use super::number::general;
use super::strings::Strings;
use super::styles::CellStyles;
use super::{MAX_SHEETS, comments, document};
use crate::extract::Input;
use crate::extract::archive::Archive;
use crate::extract::dublin_core::{self, DublinCore};
use crate::extract::embedded::Embedded;
use crate::extract::extract_error::ExtractError;
use crate::extract::office::package::{Relations, main_part};
use crate::extract::xml::{Element, Visitor};

const WHAT: &str = "an Excel workbook (.xlsx)";
/// Maximum number of columns.
const MAX_COLUMNS: u32 = 16_384;
const MAX_ROWS: u32 = 1_048_576;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut archive = Archive::open(input, WHAT)?;
    let main = main_part(&mut archive, "xl/workbook.xml")?;
    let mut workbook = Workbook::default();
    archive.visit_needed(&main, &mut workbook)?;
    if workbook.sheets.len() > MAX_SHEETS {
        return Err(ExtractError::unreadable(format!("has more than {MAX_SHEETS} sheets.")));
    }
    let relations = Relations::of(&mut archive, &main)?;
    let mut strings = Strings::default();
    if let Some(part) = relations.first(&archive, "/sharedStrings", "xl/sharedStrings.xml") {
        archive.visit(&part, &mut strings)?;
    }
    let mut styles = CellStyles::default();
    if let Some(part) = relations.first(&archive, "/styles", "xl/styles.xml") {
        archive.visit(&part, &mut styles)?;
    }
    let mut room = usize::try_from(input.limits.text).unwrap_or(usize::MAX);
    let mut documents = Vec::with_capacity(workbook.sheets.len());
    let mut embedded = Embedded::default();
    for (Listed { name, id, is_hidden }, number) in workbook.sheets.into_iter().zip(1..) {
        let part = relations.part_or(&id, || format!("xl/worksheets/sheet{number}.xml"));
        let Some(part) = part.filter(|part| archive.has(part)) else {
            input.warn(format!("The sheet {name} is missing in the file."));
            continue;
        };
        let mut cells =
            Cells::new(Sheet::with_room(room), &strings.texts, &mut styles, workbook.is_1904);
        archive.visit(&part, &mut cells)?;
        if cells.is_full {
            return Err(ExtractError::TextTooLarge);
        }
        let sheet = cells.sheet;
        room = sheet.room();
        let more = comments::read(input, &mut archive, &part)?;
        let own = Relations::of(&mut archive, &part)?;
        for kind in ["/package", "/oleObject"] {
            for (_, part) in own.of_kind(kind) {
                embedded.read(input, &mut archive, part)?;
            }
        }
        let warnings = input.take_warnings();
        documents.push(Extracted { warnings, ..document(name, is_hidden, sheet, &more) });
    }
    if let Some(author) = DublinCore::of(&mut archive, dublin_core::OF_OFFICE).author() {
        documents.iter_mut().for_each(|sheet| sheet.author.clone_from(&author));
    }
    documents.extend(embedded.into_documents());
    Ok(documents)
}

/// A sheet as the workbook lists it.
struct Listed {
    name: String,
    id: String,
    is_hidden: bool,
}

#[derive(Default)]
struct Workbook {
    sheets: Vec<Listed>,
    is_1904: bool,
}

impl Visitor for Workbook {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "workbookPr" => {
                let is_1904 = element.attribute("date1904");
                self.is_1904 = is_1904.is_some_and(|is| is == "1" || is == "true");
            }
            "sheet" if self.sheets.len() <= MAX_SHEETS => {
                let is_hidden = element.attribute("state").is_some_and(|state| state != "visible");
                let name = element.attribute("name").unwrap_or_default().into_owned();
                let id = element.prefixed("id").unwrap_or_default().into_owned();
                self.sheets.push(Listed { name, id, is_hidden });
            }
            _ => {}
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// The cells of a sheet, written as they are read.
struct Cells<'a> {
    sheet: Sheet,
    strings: &'a [String],
    styles: &'a mut CellStyles,
    is_1904: bool,
    is_full: bool,
    row: u32,
    column: u32,
    kind: String,
    style: usize,
    value: String,
    formula: String,
    within: Within,
    phonetic: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Within {
    Nothing,
    Value,
    Formula,
    Inline,
}

impl<'a> Cells<'a> {
    fn new(sheet: Sheet, strings: &'a [String], styles: &'a mut CellStyles, is_1904: bool) -> Self {
        Self {
            sheet,
            strings,
            styles,
            is_1904,
            is_full: false,
            row: 0,
            column: 0,
            kind: String::new(),
            style: 0,
            value: String::new(),
            formula: String::new(),
            within: Within::Nothing,
            phonetic: 0,
        }
    }

    fn cell_text(&mut self) -> String {
        let value = self.value.as_str();
        match self.kind.as_str() {
            "s" => {
                let at = value.trim().parse::<usize>().ok();
                at.and_then(|at| self.strings.get(at).cloned()).unwrap_or_default()
            }
            "str" | "inlineStr" | "e" => value.to_owned(),
            "b" => match value.trim() {
                "1" | "true" => "TRUE".to_owned(),
                "" => String::new(),
                _ => "FALSE".to_owned(),
            },
            "d" => value.trim_end_matches("T00:00:00").replace('T', " "),
            _ => match value.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => {
                    let formatted = self.styles.format(self.style).show(number, self.is_1904);
                    // A format that hides the number is meant for viewers of the colored sheet.
                    if formatted.is_empty() { general(number) } else { formatted }
                }
                _ => value.to_owned(),
            },
        }
    }

    fn end_cell(&mut self) {
        let mut text = self.cell_text();
        if text.trim().is_empty() && self.value.trim().is_empty() && !self.formula.is_empty() {
            text = format!("={}", self.formula);
        }
        if !text.is_empty() && !self.is_full {
            self.is_full = self.sheet.put(self.row, self.column, &text).is_err();
        }
        self.column = (self.column + 1).min(MAX_COLUMNS);
    }
}

impl Visitor for Cells<'_> {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "row" => {
                let number = element.attribute("r").and_then(|number| number.parse::<u32>().ok());
                self.row = match number {
                    Some(number) => number.saturating_sub(1).min(MAX_ROWS),
                    None => (self.row + u32::from(self.column > 0)).min(MAX_ROWS),
                };
                self.column = 0;
            }
            "c" => {
                if let Some(column) = element.attribute("r").and_then(|place| column(&place)) {
                    self.column = column;
                }
                self.kind = element.attribute("t").unwrap_or_default().into_owned();
                let style = element.attribute("s").and_then(|style| style.parse().ok());
                self.style = style.unwrap_or(0);
                self.value.clear();
                self.formula.clear();
            }
            "v" => self.within = Within::Value,
            "f" => self.within = Within::Formula,
            "is" => self.within = Within::Inline,
            "rPh" => self.phonetic += 1,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "v" | "f" | "is" => self.within = Within::Nothing,
            "rPh" => self.phonetic = self.phonetic.saturating_sub(1),
            "c" => self.end_cell(),
            // Rows without a number are consecutive.
            "row" if self.column == 0 => self.column = 1,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        match self.within {
            Within::Value => self.value.push_str(text),
            Within::Formula => self.formula.push_str(text),
            Within::Inline if self.phonetic == 0 => self.value.push_str(text),
            Within::Inline | Within::Nothing => {}
        }
    }
}

/// Returns the column, counted from 0, of a reference such as `BC12`.
fn column(place: &str) -> Option<u32> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let number = letters.take(4).fold(0u32, |number, letter| {
        number * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1
    });
    number.checked_sub(1).filter(|column| *column < MAX_COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_letters() {
        assert_eq!(column("A1"), Some(0));
        assert_eq!(column("XFD9"), Some(16_383));
        assert_eq!(column("XFE1"), None);
        assert_eq!(column("12"), None);
    }
}
