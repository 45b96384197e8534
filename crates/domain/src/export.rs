//! Formatters, which write exchanges in file formats that other programs read.
use crate::chat_log::{ExportOrder, LoggedChat};

/// An exchange ready to be written. Damaged stored answers have been converted to text.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportRecord {
    /// The exchange with its workspace and user.
    pub chat: LoggedChat,
    /// The text of the answer, or the stored answer itself if it is damaged.
    pub response: String,
    /// The texts of the passages used by the answer.
    pub sources: Vec<String>,
    /// The images sent with the question.
    pub attachments: Vec<ExportAttachment>,
    /// Whether the stored answer could not be read completely.
    pub damaged: bool,
    /// Whether `response` is the stored answer itself because no text could be read from it.
    pub raw: bool,
}

/// An image sent with a question.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportAttachment {
    /// The file name given by the client.
    pub name: String,
    /// The content as a data URL.
    pub content: String,
}

/// Writes one export. Call `begin`, then `record` for each exchange, then `end`. Each method
/// appends to `out`.
pub trait Formatter: Send {
    /// Returns the media type, such as `text/csv`.
    fn content_type(&self) -> &'static str;
    /// Returns the order in which the format needs the exchanges.
    fn order(&self) -> ExportOrder;
    /// Writes the text before the first record.
    fn begin(&mut self, out: &mut Vec<u8>);
    /// Writes one record.
    fn record(&mut self, record: &ExportRecord, out: &mut Vec<u8>);
    /// Writes the text after the last record.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// Creates formatters by name.
pub trait Formatters: Send + Sync {
    /// Creates a formatter. Returns `None` if the format is unknown.
    fn make(&self, choice: &FormatChoice) -> Option<Box<dyn Formatter>>;
    /// Returns the names of all formats.
    fn names(&self) -> &'static [&'static str];
    /// Reads a stored exchange, including a damaged one.
    fn read(&self, chat: LoggedChat) -> ExportRecord;
    /// Removes personal data from a record.
    fn redact(&self, record: &mut ExportRecord);
}

/// The export format and its options.
#[derive(Clone, Debug, PartialEq)]
pub struct FormatChoice {
    /// The format: `jsonl`, `json`, `csv` or `jsonAlpaca`.
    pub name: String,
    /// The layout of the records.
    pub layout: Layout,
    /// Whether each line of `jsonl` holds one conversation instead of one workspace.
    pub by_thread: bool,
    /// Whether to escape `csv` cells that a spreadsheet would evaluate as formulas.
    pub csv_safe: bool,
    /// The system prompt of workspaces without their own.
    pub system_prompt: String,
}

impl FormatChoice {
    /// Returns a format with the defaults of its layout: a line of `jsonl` holds a conversation in
    /// the native layout and a workspace in the other, and cells are not escaped.
    pub fn new(name: &str, layout: Layout, system_prompt: &str) -> Self {
        Self {
            name: name.to_owned(),
            layout,
            by_thread: layout == Layout::Native,
            csv_safe: false,
            system_prompt: system_prompt.to_owned(),
        }
    }
}

/// The layout of exported records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The layout of `/v1`.
    Native,
    /// The layout of the other product's exports.
    Compat,
}
