//! Formats numbers as a spreadsheet shows them.
use std::collections::HashMap;
use std::rc::Rc;

use ssfmt::{DateSystem, FormatOptions, NumberFormat};

use super::months;

/// The longest format code.
const LONGEST_CODE: usize = 255;
/// Maximum length of a cell's text, in characters.
const LONGEST: usize = 300;
/// Built-in formats for dates and times that depend on the locale; shown in ISO format.
const LOCAL_DATE: u32 = 14;
const LOCAL_DATE_AND_TIME: u32 = 22;

/// The number format of a cell style.
#[derive(Clone, Default)]
pub enum Format {
    #[default]
    General,
    Date,
    DateAndTime,
    Code(Rc<NumberFormat>),
}

/// The formats of a workbook by id.
#[derive(Default)]
pub struct Formats {
    codes: HashMap<u32, String>,
    parsed: HashMap<u32, Format>,
}

impl Formats {
    pub fn define(&mut self, id: u32, code: &str) {
        if self.codes.len() < 10_000 {
            self.codes.insert(id, code.to_owned());
        }
    }

    pub fn get(&mut self, id: u32) -> Format {
        if let Some(known) = self.parsed.get(&id) {
            return known.clone();
        }
        let built_in = || ssfmt::format_code_from_id(id).map(str::to_owned);
        let format = match self.codes.get(&id).cloned() {
            Some(code) => Format::of_code(&code),
            None if id == LOCAL_DATE => Format::Date,
            None if id == LOCAL_DATE_AND_TIME => Format::DateAndTime,
            None => built_in().map_or(Format::General, |code| Format::of_code(&code)),
        };
        self.parsed.insert(id, format.clone());
        format
    }
}

impl Format {
    pub fn of_code(code: &str) -> Self {
        if code.is_empty() || code.eq_ignore_ascii_case("general") || code.len() > LONGEST_CODE {
            return Self::General;
        }
        let replaced = months::replaced(code);
        let parsed = NumberFormat::parse(replaced.as_deref().unwrap_or(code));
        parsed.map_or(Self::General, |format| Self::Code(Rc::new(format)))
    }

    /// Formats `value`. A format may hide it.
    pub fn show(&self, value: f64, is_1904: bool) -> String {
        let date_system = if is_1904 { DateSystem::Date1904 } else { DateSystem::Date1900 };
        let options = FormatOptions { date_system, ..FormatOptions::default() };
        let by_code = |code: &str| {
            let format = NumberFormat::parse(code).ok();
            format.map_or_else(|| general(value), |format| format.format(value, &options))
        };
        let formatted = match self {
            Self::General => general(value),
            Self::Date if value.fract() == 0.0 => by_code("yyyy-mm-dd"),
            Self::Date | Self::DateAndTime => by_code("yyyy-mm-dd hh:mm:ss"),
            Self::Code(format) => months::restored(&format.format(value, &options), by_code),
        };
        // Formats pad cells with spaces.
        let words: Vec<_> = formatted.split_whitespace().collect();
        let line = words.join(" ");
        // A cell that is too narrow shows `###`.
        let is_shown = !line.contains("###") && line.chars().count() <= LONGEST;
        if is_shown { line } else { general(value) }
    }
}

/// Formats the number in `text` with `code`; returns `text` if it is not a number.
pub fn shown_text(text: &str, code: &str) -> String {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Format::of_code(code).show(value, false),
        _ => text.to_owned(),
    }
}

/// Formats a number with at most fifteen digits, as spreadsheets do, and no trailing zeros.
pub fn general(value: f64) -> String {
    let rounded = format!("{value:.14e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-9..1e21).contains(&f64::abs(rounded)) {
        return format!("{rounded:e}").replace('e', "E");
    }
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_their_formats() {
        for (value, code, expected) in [
            (2138.0, "00000", "02138"),
            (0.15, "0%", "15%"),
            (0.155, "0.0 %", "15.5 %"),
            (1234.5, "#,##0.00", "1,234.50"),
            (1234.5, "#,##0.00 [$€-407]", "1,234.50 €"),
            (-3.0, "0.00;(0.00)", "(3.00)"),
            (0.0, "_(* #,##0.00_);_(* (#,##0.00);_(* \"-\"??_);_(@_)", "-"),
            (45_943.0, "dd.mm.yyyy", "13.10.2025"),
            (45_943.0, "yyyy-mm-dd", "2025-10-13"),
            (45_943.75, "yyyy-mm-dd hh:mm", "2025-10-13 18:00"),
            (1.5, "[h]:mm:ss", "36:00:00"),
            (45_943.75, "hh:mm dd.mm.yyyy", "18:00 13.10.2025"),
            (45_943.75, "h:mm AM/PM \"on\" dddd mmmm d", "6:00 PM on Monday October 13"),
            (0.1 + 0.2, "General", "0.3"),
            (12.0, "", "12"),
            (1_234_567_890_123.0, "General", "1234567890123"),
        ] {
            assert_eq!(Format::of_code(code).show(value, false), expected, "{code}");
        }
        let mut formats = Formats::default();
        assert_eq!(formats.get(14).show(45_943.0, false), "2025-10-13");
        assert_eq!(formats.get(9).show(0.15, false), "15%");
        assert_eq!(formats.get(0).show(0.15, false), "0.15");
        assert_eq!(shown_text("East", "0.00"), "East");
    }

    #[test]
    fn no_format_code_causes_a_panic() {
        for code in [
            "", "[", "[$", "\"", "0/0", "# ?/?", "[h", "E+", "0E+0", ";;;", "@@", "\\", "*", "_",
            "%%%%%%%%", ",,,,", "y", "[>",
        ] {
            for value in [0.0, -1.0, 1e300, -1e-300, 45_943.5, f64::MAX, 2_958_466.0, -5e15] {
                Format::of_code(code).show(value, true);
            }
        }
    }
}
