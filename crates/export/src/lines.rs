//! Formatter of conversations for fine-tuning, one per line. The native layout is OpenAI's, with
//! contents as plain strings. The compatible layout has contents as lists of parts, and no line
//! break at the end.
//!
//! A line is written while its exchanges arrive, so memory use does not depend on its length.
use carrel_domain::chat::Conversation;
use carrel_domain::chat_log::ExportOrder;
use carrel_domain::export::{ExportRecord, FormatChoice, Formatter, Layout};

use crate::escape::json_string;
use crate::words::{self, SystemPrompt};

pub struct Lines {
    layout: Layout,
    by_conversation: bool,
    prompt: SystemPrompt,
    /// The conversation of the unfinished line.
    open: Option<Conversation>,
    /// True if that line has a message already, which may have left the buffer.
    any: bool,
}

impl Lines {
    pub fn new(choice: &FormatChoice) -> Self {
        Self {
            layout: choice.layout,
            by_conversation: choice.by_thread,
            prompt: SystemPrompt::new(choice),
            open: None,
            any: false,
        }
    }

    fn belongs_to_the_open_line(&self, next: &Conversation) -> bool {
        self.open.as_ref().is_some_and(|open| {
            if self.by_conversation { open == next } else { open.workspace == next.workspace }
        })
    }

    fn begin_line(&mut self, record: &ExportRecord, out: &mut Vec<u8>) {
        if self.open.is_some() {
            out.extend_from_slice(b"]}\n");
        }
        self.open = Some(record.chat.chat.conversation.clone());
        self.any = false;
        out.extend_from_slice(b"{\"messages\":[");
        let prompt = self.prompt.of(record);
        match self.layout {
            Layout::Native if prompt.is_empty() => {}
            Layout::Native => {
                message("system", prompt, out);
                self.any = true;
            }
            Layout::Compat => {
                out.extend_from_slice(
                    b"{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":",
                );
                json_string(prompt, out);
                out.extend_from_slice(b"}]}");
            }
        }
    }
}

impl Formatter for Lines {
    fn content_type(&self) -> &'static str {
        "application/jsonl"
    }

    fn order(&self) -> ExportOrder {
        if self.by_conversation { ExportOrder::ByConversation } else { ExportOrder::ByWorkspace }
    }

    fn begin(&mut self, _out: &mut Vec<u8>) {}

    /// Writes an exchange. Fine-tuning refuses messages without content, so the native layout omits
    /// exchanges with an empty question or answer.
    fn record(&mut self, record: &ExportRecord, out: &mut Vec<u8>) {
        let question = &record.chat.chat.prompt;
        let empty = question.trim().is_empty() || record.response.trim().is_empty();
        if self.layout == Layout::Native && empty {
            return;
        }
        if !self.belongs_to_the_open_line(&record.chat.chat.conversation) {
            self.begin_line(record, out);
        }
        match self.layout {
            Layout::Native => {
                if self.any {
                    out.push(b',');
                }
                self.any = true;
                message("user", question, out);
                out.push(b',');
                message("assistant", &record.response, out);
            }
            Layout::Compat => compat_exchange(record, out),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            out.extend_from_slice(match self.layout {
                Layout::Native => b"]}\n".as_slice(),
                Layout::Compat => b"]}",
            });
        }
    }
}

fn message(role: &str, content: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"role\":\"");
    out.extend_from_slice(role.as_bytes());
    out.extend_from_slice(b"\",\"content\":");
    json_string(content, out);
    out.push(b'}');
}

fn compat_exchange(record: &ExportRecord, out: &mut Vec<u8>) {
    out.extend_from_slice(b",{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":");
    json_string(&record.chat.chat.prompt, out);
    for attachment in &record.attachments {
        out.extend_from_slice(b"},{\"type\":\"image\",\"image\":");
        json_string(&attachment.content, out);
    }
    out.extend_from_slice(b"}]},{\"role\":\"assistant\",\"content\":[{\"type\":\"text\"");
    if let Some(response) = words::response(record, Layout::Compat) {
        out.extend_from_slice(b",\"text\":");
        json_string(response, out);
    }
    out.extend_from_slice(b"}]}");
}
