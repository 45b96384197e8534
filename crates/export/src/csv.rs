//! Formatter of CSV files. Native layout: RFC 4180. Compatible layout: every cell is quoted and on
//! one line, rows are joined by `\n`.
use carrel_domain::chat_log::ExportOrder;
use carrel_domain::export::{ExportRecord, FormatChoice, Formatter, Layout};

use crate::escape::{Breaks, csv_cell};
use crate::{date, words};

pub struct Csv {
    layout: Layout,
    safe: bool,
    any: bool,
    /// Buffer for a cell that is assembled before it is escaped. Kept to reuse its memory.
    cell: String,
}

impl Csv {
    pub fn new(choice: &FormatChoice) -> Self {
        Self { layout: choice.layout, safe: choice.csv_safe, any: false, cell: String::new() }
    }

    /// Writes a row of the native layout. Absent values are empty cells without quotes. Images are
    /// listed by name, because their contents exceed the longest cell that readers accept.
    fn native(&mut self, record: &ExportRecord, out: &mut Vec<u8>) {
        let Self { layout, safe, any: _, cell: names } = self;
        let cell = |text: Option<&str>, out: &mut Vec<u8>| {
            if let Some(text) = text {
                csv_cell(text, Breaks::Kept, *safe, out);
            }
        };
        let chat = &record.chat.chat;
        out.extend_from_slice(chat.id.to_string().as_bytes());
        out.push(b',');
        cell(words::workspace(record, *layout), out);
        out.push(b',');
        cell(words::username(record, *layout), out);
        out.push(b',');
        cell(Some(&chat.prompt), out);
        out.push(b',');
        cell(words::response(record, *layout), out);
        out.push(b',');
        date::rfc3339(chat.created_at, out);
        out.push(b',');
        cell(words::rating(record, *layout), out);
        out.push(b',');
        if !record.attachments.is_empty() {
            names.clear();
            for attachment in &record.attachments {
                names.push_str(if names.is_empty() { "" } else { "; " });
                names.push_str(&attachment.name);
            }
            cell(Some(names), out);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn compat(&self, record: &ExportRecord, out: &mut Vec<u8>) {
        let cell = |text: &str, out: &mut Vec<u8>| csv_cell(text, Breaks::Spaces, self.safe, out);
        let chat = &record.chat.chat;
        out.extend_from_slice(b"\n\"");
        out.extend_from_slice(chat.id.to_string().as_bytes());
        out.extend_from_slice(b"\",");
        cell(words::workspace(record, self.layout).unwrap_or_default(), out);
        out.push(b',');
        cell(&chat.prompt, out);
        out.push(b',');
        cell(words::response(record, self.layout).unwrap_or_default(), out);
        out.extend_from_slice(b",\"");
        date::spelled_out(chat.created_at, out);
        out.extend_from_slice(b"\",");
        cell(words::username(record, self.layout).unwrap_or_default(), out);
        out.push(b',');
        cell(words::rating(record, self.layout).unwrap_or_default(), out);
    }
}

impl Formatter for Csv {
    fn content_type(&self) -> &'static str {
        "text/csv"
    }

    fn order(&self) -> ExportOrder {
        ExportOrder::ByTime
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.layout {
            Layout::Native => {
                b"id,workspace,username,prompt,response,sent_at,rating,attachments\r\n"
            }
            Layout::Compat => b"id,workspace,prompt,response,sent_at".as_slice(),
        });
    }

    fn record(&mut self, record: &ExportRecord, out: &mut Vec<u8>) {
        match self.layout {
            Layout::Native => self.native(record, out),
            Layout::Compat => {
                // Quirk: these two columns only exist if there are rows.
                if !self.any {
                    out.extend_from_slice(b",username,rating");
                }
                self.compat(record, out);
            }
        }
        self.any = true;
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}
}
