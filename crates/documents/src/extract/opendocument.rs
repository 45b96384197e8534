//! OpenDocument texts, presentations and spreadsheets.
use carrel_domain::document::Extracted;

use super::archive::Archive;
use super::fault::Fault;
use super::layout::Layout;
use super::sheet::Sheet;
use super::xml::{Element, Visitor};
use super::{Input, by_nobody, sheets};

const CONTENT: &str = "content.xml";
/// As many as a sheet can have.
const MOST_COLUMNS: u32 = 16_384;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let mut archive = open(input, "an OpenDocument file")?;
    let mut text = Running::default();
    archive.visit_needed(CONTENT, &mut text)?;
    let Running { mut layout, notes, .. } = text;
    layout.append(notes);
    Ok(vec![by_nobody(layout.finish(), "Office file uploaded by the user.")])
}

/// Each sheet on its own.
pub fn read_sheets(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let mut archive = open(input, "an OpenDocument spreadsheet (.ods)")?;
    let room = usize::try_from(input.limits.text).unwrap_or(usize::MAX);
    let mut workbook = Workbook { room, rows: 1, ..Workbook::default() };
    archive.visit_needed(CONTENT, &mut workbook)?;
    if workbook.is_too_large {
        return Err(Fault::TextTooLarge);
    }
    Ok(workbook.sheets)
}

fn open<'a>(input: &Input<'a>, what: &'static str) -> Result<Archive<'a>, Fault> {
    let mut archive = Archive::open(input, what)?;
    let mut manifest = Manifest::default();
    archive.visit("META-INF/manifest.xml", &mut manifest)?;
    if manifest.is_sealed { Err(Fault::protected()) } else { Ok(archive) }
}

/// Whether parts are encrypted.
#[derive(Default)]
struct Manifest {
    is_sealed: bool,
}

impl Visitor for Manifest {
    fn start(&mut self, element: &Element<'_>) {
        self.is_sealed |= element.name() == "encryption-data";
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// The text of a document. What is said in notes comes at its end.
#[derive(Default)]
struct Running {
    layout: Layout,
    notes: Layout,
    /// How many elements are open since one whose content is not shown, that one included.
    hidden: usize,
    /// How many paragraphs are open; text is in one of them.
    paragraphs: usize,
    in_note: bool,
}

impl Running {
    fn out(&mut self) -> &mut Layout {
        if self.in_note { &mut self.notes } else { &mut self.layout }
    }
}

fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "annotation"
            | "tracked-changes"
            | "ruby-text"
            | "note-citation"
            | "page-number"
            | "forms"
            | "shapes"
            | "desc"
            | "title"
    )
}

impl Visitor for Running {
    fn start(&mut self, element: &Element<'_>) {
        let name = element.name();
        if self.hidden > 0 || is_hidden(name) {
            self.hidden += 1;
            return;
        }
        match name {
            "p" | "h" => {
                self.paragraphs += 1;
                self.out().separate(2);
            }
            "s" | "tab" => self.out().text(" "),
            "line-break" => self.out().line_break(),
            "list" => self.out().open_list(false),
            "list-item" => self.out().open_item(),
            "table-row" => self.out().open_row(),
            "table-cell" => self.out().open_cell(),
            "table" | "page" | "notes" | "text-box" => self.out().separate(2),
            "note-body" => {
                self.in_note = true;
                self.notes.separate(2);
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
            "p" | "h" => {
                self.paragraphs = self.paragraphs.saturating_sub(1);
                self.out().separate(2);
            }
            "list" => self.out().close_list(),
            "list-item" | "table-row" => self.out().close_line(),
            "table" | "page" | "text-box" => self.out().separate(2),
            "note-body" => self.in_note = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.paragraphs > 0 && self.hidden == 0 {
            self.out().text(text);
        }
    }
}

/// The sheets of a workbook, each cell as it is shown.
#[derive(Default)]
struct Workbook {
    sheets: Vec<Extracted>,
    /// The name of the sheet that is being read, and what is in it.
    sheet: Option<(String, Sheet)>,
    row: u32,
    column: u32,
    /// How often the row that is being read stands in the sheet, and whether it is empty.
    rows: u32,
    is_blank: bool,
    /// How often the cell that is being read stands in the row.
    times: u32,
    cell: Layout,
    hidden: usize,
    /// How many bytes of text there may still be.
    room: usize,
    is_too_large: bool,
}

impl Workbook {
    fn end_cell(&mut self) {
        let text = std::mem::take(&mut self.cell).finish();
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
                self.sheet = Some((name, Sheet::with_room(self.room)));
                self.row = 0;
            }
            "table-row" => {
                self.column = 0;
                self.is_blank = true;
                self.rows = repeated("number-rows-repeated").max(1);
            }
            "table-cell" | "covered-table-cell" => {
                self.times = repeated("number-columns-repeated").clamp(1, MOST_COLUMNS);
            }
            "p" => self.cell.separate(1),
            "s" | "tab" => self.cell.text(" "),
            "line-break" => self.cell.line_break(),
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
                    self.sheets.push(sheets::document(name, sheet));
                }
            }
            "table-row" => self.end_row(),
            "table-cell" | "covered-table-cell" => self.end_cell(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden == 0 && self.sheet.is_some() {
            self.cell.text(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::document::Part;

    use super::*;
    use crate::extract::xml;

    #[test]
    fn notes_come_at_the_end_and_remarks_not_at_all() {
        let xml = "<o:body><t:h>Title</t:h>\n<t:p>One<t:s t:c='2'/>two<t:note><t:note-citation>1\
            </t:note-citation><t:note-body><t:p>Aside.</t:p></t:note-body></t:note> three\
            <o:annotation><t:p>no</t:p></o:annotation>.</t:p><t:list><t:list-item><t:p>a</t:p>\
            </t:list-item><t:list-item><t:p>b</t:p></t:list-item></t:list></o:body>";
        let mut text = Running::default();
        assert!(xml::walk(xml.as_bytes(), &mut text).is_ok());
        text.layout.append(text.notes);
        assert_eq!(text.layout.finish(), "Title\n\nOne two three.\n\n- a\n- b\n\nAside.");
    }

    #[test]
    fn cells_are_repeated_and_sheets_are_apart() {
        let xml = "<b><t:table t:name='A'><t:table-row><t:table-cell><p>1</p></t:table-cell>\
            <t:table-cell t:number-columns-repeated='2'/><t:table-cell \
            t:number-columns-repeated='2'><p>x, y</p></t:table-cell></t:table-row><t:table-row \
            t:number-rows-repeated='1048575'><t:table-cell t:number-columns-repeated='16384'/>\
            </t:table-row></t:table><t:table t:name='B'><t:table-row><t:table-cell><p>z</p>\
            </t:table-cell></t:table-row></t:table></b>";
        let mut workbook = Workbook { room: 100, ..Workbook::default() };
        assert!(xml::walk(xml.as_bytes(), &mut workbook).is_ok());
        let sheets: Vec<_> = workbook.sheets.into_iter().map(|s| (s.part, s.text)).collect();
        let sheet = |name: &str, text: &str| (Some(Part::Sheet(name.into())), text.to_owned());
        assert_eq!(sheets, [sheet("A", "1,,,\"x, y\",\"x, y\"\n"), sheet("B", "z\n")]);
    }

    #[test]
    fn a_cell_that_fills_a_row_a_million_times_is_too_large() {
        let xml = "<b><t:table t:name='A'><t:table-row><t:table-cell \
            t:number-columns-repeated='16384'><p>xxxxxxxx</p></t:table-cell></t:table-row>\
            </t:table></b>";
        let mut workbook = Workbook { room: 1_000, ..Workbook::default() };
        assert!(xml::walk(xml.as_bytes(), &mut workbook).is_ok());
        assert!(workbook.is_too_large);
    }
}
