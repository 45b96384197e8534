//! Excel workbooks: each sheet becomes a document of comma-separated lines.
//!
//! Cells are read one after another and written as they come. A grid is never made of them: a
//! sheet of two cells may claim seventeen thousand million.
use std::io::BufReader;

use calamine::{Data, DataRef, ExcelDateTime, Reader, SheetType, Xlsx, XlsxError};
use carrel_domain::document::{Extracted, Part};

use super::Input;
use super::archive::Archive;
use super::fault::Fault;
use super::sheet::Sheet;

const WHAT: &str = "an Excel workbook (.xlsx)";
/// More sheets than anybody has use for.
const MOST_SHEETS: usize = 1_000;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    Archive::open(input, WHAT)?.measure()?;
    let mut workbook = Xlsx::new(BufReader::new(input.file)).map_err(fault)?;
    let worksheets = workbook.sheets_metadata().iter();
    let worksheets = worksheets.filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<_> = worksheets.map(|sheet| sheet.name.clone()).collect();
    if names.len() > MOST_SHEETS {
        return Err(Fault::refused(format!("has more than {MOST_SHEETS} sheets.")));
    }
    let mut room = usize::try_from(input.limits.text).unwrap_or(usize::MAX);
    let mut documents = Vec::with_capacity(names.len());
    for name in names {
        let mut sheet = Sheet::with_room(room);
        let mut cells = workbook.worksheet_cells_reader(&name).map_err(fault)?;
        while let Some(cell) = cells.next_cell().map_err(fault)? {
            let (row, column) = cell.get_position();
            if let Some(text) = shown(cell.get_value()) {
                sheet.put(row, column, &text).map_err(|_| Fault::TextTooLarge)?;
            }
        }
        room = sheet.room();
        documents.push(document(name, sheet));
    }
    Ok(documents)
}

/// The document that a sheet becomes.
pub fn document(name: String, sheet: Sheet) -> Extracted {
    Extracted {
        title: None,
        author: "Unknown".to_owned(),
        description: format!("Spreadsheet data from sheet: {name}"),
        source: "an xlsx file uploaded by the user.".to_owned(),
        text: sheet.finish(),
        part: Some(Part::Sheet(name)),
    }
}

fn fault(error: XlsxError) -> Fault {
    match error {
        XlsxError::Password => Fault::protected(),
        _ => Fault::damaged(WHAT),
    }
}

/// A cell as a person would read it; `None` when there is nothing in it.
fn shown(value: &DataRef<'_>) -> Option<String> {
    match value {
        DataRef::DateTime(time) => Some(date(time)),
        value => {
            let text = Data::from(value.clone()).to_string();
            Some(text).filter(|text| !text.is_empty())
        }
    }
}

/// `2026-02-03`, `2026-02-03 10:11:12`, `10:11:12`, or hours that may be more than a day's.
fn date(time: &ExcelDateTime) -> String {
    let serial = time.as_f64();
    if time.is_duration() {
        let seconds = (serial * 86_400.0).round().clamp(0.0, 1e15) as u64;
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        return format!("{hours}:{minutes:02}:{:02}", seconds % 60);
    }
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    let (date, clock) =
        (format!("{year}-{month:02}-{day:02}"), format!("{hour:02}:{minute:02}:{second:02}"));
    match (serial < 1.0, serial.fract() == 0.0) {
        (true, _) => clock,
        (false, true) => date,
        (false, false) => format!("{date} {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn dates_are_written_as_iso_has_them() {
        let date = |serial, kind| date(&ExcelDateTime::new(serial, kind, false));
        assert_eq!(date(45_943.0, DateTime), "2025-10-13");
        assert_eq!(date(45_943.5, DateTime), "2025-10-13 12:00:00");
        assert_eq!(date(0.25, DateTime), "06:00:00");
        assert_eq!(date(1.5, TimeDelta), "36:00:00");
        assert_eq!(date(f64::NAN, TimeDelta), "0:00:00");
    }

    #[test]
    fn numbers_are_written_without_needless_digits() {
        assert_eq!(shown(&DataRef::Float(12.0)).unwrap(), "12");
        assert_eq!(shown(&DataRef::Float(0.1)).unwrap(), "0.1");
        assert_eq!(shown(&DataRef::Empty), None);
        assert_eq!(shown(&DataRef::SharedString("")), None);
    }
}
