//! Formatters that write one JSON array: records of exchanges, or training examples in the layout
//! of the Alpaca data set. The native layout has one exchange per line; the compatible layout
//! indents by four spaces.
use carrel_domain::chat_log::ExportOrder;
use carrel_domain::export::{ExportAttachment, ExportRecord, FormatChoice, Formatter, Layout};

use crate::escape::{json_inside, json_string};
use crate::words::{self, SystemPrompt};

/// Writes the brackets and commas of an array of objects.
struct Array {
    layout: Layout,
    any: bool,
}

impl Array {
    /// Starts the next object.
    fn object<'a>(&mut self, out: &'a mut Vec<u8>) -> Object<'a> {
        if self.any {
            out.push(b',');
        }
        self.any = true;
        out.extend_from_slice(match self.layout {
            Layout::Native => b"\n{".as_slice(),
            Layout::Compat => b"\n    {",
        });
        Object { out, layout: self.layout, any: false }
    }

    fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match (self.layout, self.any) {
            (Layout::Native, true) => b"\n]\n".as_slice(),
            (Layout::Native, false) => b"]\n",
            (Layout::Compat, true) => b"\n]",
            (Layout::Compat, false) => b"]",
        });
    }
}

/// An object of the array that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    layout: Layout,
    any: bool,
}

impl Object<'_> {
    /// Writes the name of the next member. The caller writes its value.
    fn member(&mut self, name: &str) -> &mut Vec<u8> {
        if self.any {
            self.out.push(b',');
        }
        self.any = true;
        if self.layout == Layout::Compat {
            self.out.extend_from_slice(b"\n        ");
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(match self.layout {
            Layout::Native => b"\":".as_slice(),
            Layout::Compat => b"\": ",
        });
        self.out
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        let out = self.member(name);
        match value {
            Some(value) => json_string(value, out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn end(self) {
        self.out.extend_from_slice(match self.layout {
            Layout::Native => b"}".as_slice(),
            Layout::Compat => b"\n    }",
        });
    }
}

/// Writes records of exchanges.
pub struct Records(Array);

impl Records {
    pub fn new(choice: &FormatChoice) -> Self {
        Self(Array { layout: choice.layout, any: false })
    }
}

impl Formatter for Records {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn order(&self) -> ExportOrder {
        ExportOrder::ByTime
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.push(b'[');
    }

    fn record(&mut self, record: &ExportRecord, out: &mut Vec<u8>) {
        let layout = self.0.layout;
        let chat = &record.chat.chat;
        let mut object = self.0.object(out);
        object.member("id").extend_from_slice(chat.id.to_string().as_bytes());
        match layout {
            Layout::Native => {
                object.text("workspace", words::workspace(record, layout));
                object.text("username", words::username(record, layout));
                object.text("prompt", Some(&chat.prompt));
                object.text("response", words::response(record, layout));
                sent_at(record, object.member("sent_at"));
                object.text("rating", words::rating(record, layout));
                images(&record.attachments, object.member("attachments"));
            }
            Layout::Compat => {
                object.text("prompt", Some(&chat.prompt));
                if let Some(response) = words::response(record, layout) {
                    object.text("response", Some(response));
                }
                sent_at(record, object.member("sent_at"));
                compat_images(&record.attachments, object.member("attachments"));
                object.text("workspace", words::workspace(record, layout));
                object.text("username", words::username(record, layout));
                object.text("rating", words::rating(record, layout));
            }
        }
        object.end();
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.0.end(out);
    }
}

fn sent_at(record: &ExportRecord, out: &mut Vec<u8>) {
    out.push(b'"');
    crate::date::rfc3339(record.chat.chat.created_at, out);
    out.push(b'"');
}

/// Writes images in the form of a question's attachments, so that the question can be asked again.
fn images(attachments: &[ExportAttachment], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, ExportAttachment { name, content }) in attachments.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{\"name\":" } else { b",{\"name\":".as_slice() });
        json_string(name, out);
        out.extend_from_slice(b",\"mime\":");
        json_string(mime(content), out);
        out.extend_from_slice(b",\"contentString\":");
        json_string(content, out);
        out.push(b'}');
    }
    out.push(b']');
}

fn compat_images(attachments: &[ExportAttachment], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, ExportAttachment { name: _, content }) in attachments.iter().enumerate() {
        let comma: &[u8] = if index == 0 { b"" } else { b"," };
        out.extend_from_slice(comma);
        out.extend_from_slice(b"\n            {\n                \"type\": \"image\",");
        out.extend_from_slice(b"\n                \"image\": ");
        json_string(content, out);
        out.extend_from_slice(b"\n            }");
    }
    out.extend_from_slice(if attachments.is_empty() { b"]" } else { b"\n        ]".as_slice() });
}

/// Returns the media type of a data URL.
fn mime(url: &str) -> &str {
    let rest = url.strip_prefix("data:").unwrap_or_default();
    rest.split([';', ',']).next().unwrap_or_default()
}

/// Writes training examples: the instructions and sources, the question, and the answer.
pub struct Alpaca {
    array: Array,
    prompt: SystemPrompt,
}

impl Alpaca {
    pub fn new(choice: &FormatChoice) -> Self {
        let array = Array { layout: choice.layout, any: false };
        Self { array, prompt: SystemPrompt::new(choice) }
    }
}

impl Formatter for Alpaca {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn order(&self) -> ExportOrder {
        ExportOrder::ByTime
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.push(b'[');
    }

    fn record(&mut self, record: &ExportRecord, out: &mut Vec<u8>) {
        let layout = self.array.layout;
        let mut object = self.array.object(out);
        let instruction = object.member("instruction");
        instruction.push(b'"');
        json_inside(self.prompt.of(record), instruction);
        context(&record.sources, instruction);
        instruction.push(b'"');
        object.text("input", Some(&record.chat.chat.prompt));
        if let Some(response) = words::response(record, layout) {
            object.text("output", Some(response));
        }
        object.end();
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.array.end(out);
    }
}

/// Writes the passages that the answer was built on, inside a JSON string.
fn context(sources: &[String], out: &mut Vec<u8>) {
    if !sources.is_empty() {
        out.extend_from_slice(br"\nContext:\n");
    }
    for (index, source) in sources.iter().enumerate() {
        let number = index.to_string();
        out.extend_from_slice(b"[CONTEXT ");
        out.extend_from_slice(number.as_bytes());
        out.extend_from_slice(br"]:\n");
        json_inside(source, out);
        out.extend_from_slice(br"\n[END CONTEXT ");
        out.extend_from_slice(number.as_bytes());
        out.extend_from_slice(br"]\n\n");
    }
}
