//! Reads workbooks: each sheet becomes a document of comma-separated lines.
//!
//! Cells are written as they are read, without a grid: a sheet of two cells may span seventeen
//! billion.
mod binary;
mod comments;
mod early;
mod lines;
mod months;
pub mod number;
mod strings;
mod styles;
mod workbook;

use carrel_domain::document::{DocumentPart, Extracted};

pub use binary::read as read_binary;
pub use lines::Sheet;
pub use workbook::read;

/// Maximum number of sheets.
const MAX_SHEETS: usize = 1_000;

/// Creates the document of a sheet; `more` follows the cells.
pub fn document(name: String, is_hidden: bool, sheet: Sheet, more: &[String]) -> Extracted {
    let mut text = sheet.finish();
    let mark = is_hidden.then(|| "[Hidden sheet]".to_owned());
    if !text.is_empty() || !more.is_empty() {
        for block in more.iter().chain(&mark) {
            if !text.is_empty() {
                // This block is not a row of the table.
                let is_first = !text.contains('\u{c}');
                text.push_str(if is_first { "\n\u{c}\n" } else { "\n" });
            }
            text.push_str(block);
            text.push('\n');
        }
    }
    let hidden = if is_hidden { " (hidden)" } else { "" };
    Extracted {
        title: None,
        author: "Unknown".to_owned(),
        description: format!("Spreadsheet data from sheet: {name}{hidden}"),
        source: "an xlsx file uploaded by the user.".to_owned(),
        text,
        part: Some(DocumentPart::Sheet(name)),
        warnings: Vec::new(),
    }
}
