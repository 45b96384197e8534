//! Formatters: exchanges as the bytes of a file that other programs read.
use crate::chat_log::{ExportOrder, LoggedChat};

/// One exchange, ready to be written: whatever was damaged in the store has been made text.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportRecord {
    /// The exchange with its workspace and user.
    pub chat: LoggedChat,
    /// The answer's text; the stored answer itself when it is damaged.
    pub response: String,
    /// Texts of the passages the answer was built on.
    pub sources: Vec<String>,
    /// The images that were sent with the question.
    pub attachments: Vec<ExportAttachment>,
    /// Whether the stored answer could not be read as one, or only in parts.
    pub damaged: bool,
    /// Whether `response` is the stored answer itself because it has no text that can be read.
    pub raw: bool,
}

/// An image that was sent with a question.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportAttachment {
    /// The name the client gave the file.
    pub name: String,
    /// A data URL.
    pub content: String,
}

/// Writes one export. Called in this order: `begin`, `record` for each exchange, `end`. Appends
/// to `out` and keeps no more than what the exchange after needs.
pub trait Formatter: Send {
    /// Such as `text/csv`.
    fn content_type(&self) -> &'static str;
    /// The order in which it wants the exchanges.
    fn order(&self) -> ExportOrder;
    /// Writes what stands before the first record.
    fn begin(&mut self, out: &mut Vec<u8>);
    /// Writes one record. Called once for each, in order.
    fn record(&mut self, record: &ExportRecord, out: &mut Vec<u8>);
    /// Writes what stands after the last record.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// Makes formatters by name.
pub trait Formatters: Send + Sync {
    /// `None` when there is no such format.
    fn make(&self, choice: &FormatChoice) -> Option<Box<dyn Formatter>>;
    /// The names of all formats.
    fn names(&self) -> &'static [&'static str];
    /// Reads a stored exchange, whatever state it is in.
    fn read(&self, chat: LoggedChat) -> ExportRecord;
    /// Takes out what identifies people.
    fn redact(&self, record: &mut ExportRecord);
}

/// Which file is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct FormatChoice {
    /// `jsonl`, `json`, `csv` or `jsonAlpaca`.
    pub name: String,
    /// The names and shapes of the fields.
    pub layout: Layout,
    /// Whether a conversation is a line of `jsonl`, in either layout (else all of a workspace).
    pub by_thread: bool,
    /// Whether cells of `csv` that a spreadsheet would run as formulas are defused.
    pub csv_safe: bool,
    /// The system prompt of workspaces that have none of their own.
    pub system_prompt: String,
}

impl FormatChoice {
    /// A format as its layout has it unless asked otherwise: a line of `jsonl` is a conversation
    /// in the native layout and a workspace in the other, and no cell is defused.
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

/// The programs that read the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The layout of `/v1`.
    Native,
    /// The layout of the other product's exports.
    Compat,
}
