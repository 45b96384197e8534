//! Exports of exchanges as `json`, `csv`, `jsonl` or `jsonAlpaca`, in carrel's own layout or in the
//! layout that programs written for other servers read.
//!
//! [`record_of`] reads a stored answer, even a damaged one. [`redact`] removes personal data. A
//! [`Formatter`] from [`ExportFormats`] appends bytes to a buffer that the caller empties. Only the
//! current exchange is kept in memory.
mod array;
mod csv;
mod date;
mod escape;
mod lines;
mod read;
mod redact;
mod words;

use carrel_domain::chat_log::LoggedChat;
use carrel_domain::export::{ExportRecord, FormatChoice, Formatter, Formatters};

pub use read::record_of;
pub use redact::{redact, redact_text};

/// The factory for all formats.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportFormats;

impl Formatters for ExportFormats {
    fn make(&self, choice: &FormatChoice) -> Option<Box<dyn Formatter>> {
        Some(match choice.name.as_str() {
            "json" => Box::new(array::Records::new(choice)),
            "csv" => Box::new(csv::Csv::new(choice)),
            "jsonl" => Box::new(lines::Lines::new(choice)),
            "jsonAlpaca" => Box::new(array::Alpaca::new(choice)),
            _ => return None,
        })
    }

    fn names(&self) -> &'static [&'static str] {
        &["json", "csv", "jsonl", "jsonAlpaca"]
    }

    fn read(&self, chat: LoggedChat) -> ExportRecord {
        record_of(chat)
    }

    fn redact(&self, record: &mut ExportRecord) {
        redact(record);
    }
}
