//! Reads workbooks in Excel's binary formats, before 2007 and after.
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{
    Data, DataType, ExcelDateTime, ExcelDateTimeType, Reader, SheetType, SheetVisible, Xls,
    XlsError, Xlsb, XlsbError,
};
use carrel_domain::document::Extracted;

use super::lines::Sheet;
use super::number::{Format, general};
use super::{MAX_SHEETS, document, early};
use crate::extract::Input;
use crate::extract::archive::{Archive, is_zip};
use crate::extract::extract_error::ExtractError;

const WHAT: &str = "an Excel workbook (.xls, .xlsb)";

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    // The library panics on some damaged workbooks. A damaged attachment must not make its mail
    // unreadable.
    let read = catch_unwind(AssertUnwindSafe(|| workbook(input)));
    read.unwrap_or_else(|_| Err(ExtractError::damaged(WHAT)))
}

fn workbook(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = input.bytes()?;
    if is_zip(&bytes) {
        Archive::open(input, WHAT)?.measure()?;
        let mut workbook = Xlsb::new(Cursor::new(bytes)).map_err(|error| match error {
            XlsbError::Password => ExtractError::protected(),
            _ => ExtractError::damaged(WHAT),
        })?;
        return sheets(input, &mut workbook);
    }
    if early::is_early(&bytes) {
        return early::read(input, &bytes);
    }
    let mut workbook = Xls::new(Cursor::new(bytes)).map_err(|error| match error {
        XlsError::Password => ExtractError::protected(),
        _ => ExtractError::damaged(WHAT),
    })?;
    sheets(input, &mut workbook)
}

fn sheets<W: Reader<Cursor<Vec<u8>>>>(
    input: &Input<'_>,
    workbook: &mut W,
) -> Result<Vec<Extracted>, ExtractError> {
    let listed: Vec<_> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| matches!(sheet.typ, SheetType::WorkSheet | SheetType::MacroSheet))
        .map(|sheet| (sheet.name.clone(), sheet.visible != SheetVisible::Visible))
        .collect();
    if listed.len() > MAX_SHEETS {
        return Err(ExtractError::unreadable(format!("has more than {MAX_SHEETS} sheets.")));
    }
    let mut room = usize::try_from(input.limits.text).unwrap_or(usize::MAX);
    let mut documents = Vec::new();
    for (name, is_hidden) in listed {
        let Ok(cells) = workbook.worksheet_range(&name) else { continue };
        let (first_row, first_column) = cells.start().unwrap_or((0, 0));
        let mut sheet = Sheet::with_room(room);
        for (row, column, value) in cells.used_cells() {
            let (Ok(row), Ok(column)) = (u32::try_from(row), u32::try_from(column)) else {
                continue;
            };
            let text = cell_text(value);
            if !text.is_empty() {
                let put = sheet.put(first_row + row, first_column + column, &text);
                put.map_err(|_| ExtractError::TextTooLarge)?;
            }
        }
        room = sheet.room();
        documents.push(document(name, is_hidden, sheet, &[]));
    }
    if documents.iter().all(|document| document.text.is_empty()) {
        input.warn(
            "Of workbooks in this format only the cells are read, and they are empty. Save it as \
             .xlsx to have its text boxes, remarks and charts read.",
        );
    }
    Ok(documents)
}

/// Formats a cell for people.
fn cell_text(value: &Data) -> String {
    match value {
        Data::DateTime(time) if time.is_duration() => {
            Format::of_code("[h]:mm:ss").show(time.as_f64(), false)
        }
        Data::DateTime(time) => {
            let serial = time.as_f64();
            let format = match (serial < 1.0, serial.fract() == 0.0) {
                (true, _) => Format::of_code("hh:mm:ss"),
                (false, true) => Format::Date,
                (false, false) => Format::DateAndTime,
            };
            format.show(serial, counts_from_1904(time))
        }
        Data::Float(number) => general(*number),
        value => value.as_string().unwrap_or_else(|| value.to_string()),
    }
}

/// Whether a workbook counts days from 1904, as those of old Macintoshes: the library tells only the
/// date, which differs from the usual one.
fn counts_from_1904(time: &ExcelDateTime) -> bool {
    let usual = ExcelDateTime::new(time.as_f64(), ExcelDateTimeType::DateTime, false);
    time.to_ymd_hms_milli() != usual.to_ymd_hms_milli()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_workbooks_that_count_from_1904_are_four_years_later() {
        let text_of = |serial, is_1904| {
            let time = ExcelDateTime::new(serial, ExcelDateTimeType::DateTime, is_1904);
            cell_text(&Data::DateTime(time))
        };
        assert_eq!(text_of(42_735.0, true), "2021-01-01");
        assert_eq!(text_of(42_735.75, true), "2021-01-01 18:00:00");
        assert_eq!(text_of(42_735.0, false), "2016-12-31");
        assert_eq!(text_of(0.5, true), "12:00:00");
    }
}
