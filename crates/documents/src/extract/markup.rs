//! Converts XML of any kind, and FictionBook books, to structured text.
use carrel_domain::document::Extracted;

use super::Input;
use super::extract_error::ExtractError;
use super::text::{decode_text, document, text_bytes};
use super::writer::Writer;
use super::xml::{self, Element, Visitor};

/// Reads a FictionBook book (`.fb2`), without its pictures.
pub fn read_book(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut book = Book {
        writer: Writer::with_limit(input.limits.text),
        hidden: 0,
        in_body: false,
        has_body: false,
        title: None,
        in_title: false,
    };
    let page = decode_text(&input.bytes()?);
    let walked = xml::walk(page.as_bytes(), &mut book);
    if walked.is_err() || !book.has_body {
        return Err(ExtractError::damaged("a book in FictionBook (.fb2)"));
    }
    Ok(vec![document(book.writer.try_finish()?, book.title.map(|title| title.trim().to_owned()))])
}

struct Book {
    writer: Writer,
    hidden: usize,
    in_body: bool,
    has_body: bool,
    title: Option<String>,
    in_title: bool,
}

impl Visitor for Book {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            _ if self.hidden > 0 => self.hidden += 1,
            "binary" | "stylesheet" => self.hidden = 1,
            "book-title" if self.title.is_none() => {
                self.title = Some(String::new());
                self.in_title = true;
            }
            "body" => (self.in_body, self.has_body) = (true, true),
            "annotation" => self.in_body = true,
            "table" => self.writer.open_table(),
            "tr" => self.writer.open_row(),
            "td" | "th" => self.writer.open_cell(super::writer::CellSpan::default()),
            "image" => {
                let text = element.attribute("alt").filter(|text| !text.trim().is_empty());
                if let Some(text) = text {
                    self.writer.text(&format!(" [Image: {text}] "));
                }
            }
            "v" | "text-author" | "date" => self.writer.separate(1),
            "p" | "title" | "subtitle" | "section" | "poem" | "stanza" | "cite" | "epigraph"
            | "empty-line" => self.writer.separate(2),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.hidden > 0 {
            self.hidden -= 1;
            return;
        }
        match name {
            "book-title" => self.in_title = false,
            "body" | "annotation" => {
                self.in_body = false;
                self.writer.separate(2);
            }
            "table" => self.writer.close_table(),
            "tr" => self.writer.close_row(),
            "td" | "th" => self.writer.close_cell(),
            "v" | "text-author" | "date" => self.writer.separate(1),
            "p" | "title" | "subtitle" | "section" | "poem" | "stanza" | "cite" => {
                self.writer.separate(2)
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden > 0 {
        } else if self.in_title {
            self.title.get_or_insert_default().push_str(text);
        } else if self.in_body {
            self.writer.text(text);
        }
    }
}

/// Reads XML of an unknown kind: a line for each value, after the names of its elements. Content
/// that is not valid XML becomes plain text.
pub fn read_xml(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let page = decode_text(&text_bytes(input)?);
    let mut values = Values {
        writer: Writer::with_limit(input.limits.text),
        names: Vec::new(),
        text: String::new(),
        has_elements: false,
    };
    if xml::walk(page.as_bytes(), &mut values).is_err() {
        return Ok(vec![document(page, None)]);
    }
    let text = values.writer.try_finish()?;
    Ok(vec![document(if text.trim().is_empty() { page } else { text }, None)])
}

struct Values {
    writer: Writer,
    names: Vec<String>,
    text: String,
    /// The element that ends next contains others.
    has_elements: bool,
}

impl Values {
    /// Writes text between elements, as in prose.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            self.writer.text(&text);
        }
    }
}

impl Visitor for Values {
    fn start(&mut self, element: &Element<'_>) {
        let is_in_prose = !self.text.trim().is_empty();
        self.flush();
        if !is_in_prose {
            self.writer.separate(1);
        }
        let attributes = element.attributes();
        if !attributes.is_empty() {
            let pairs: Vec<_> =
                attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
            self.writer.text(&format!("{} ({}) ", element.name(), pairs.join(", ")));
        }
        self.names.push(element.name().to_owned());
        self.has_elements = false;
    }

    fn end(&mut self, name: &str) {
        self.names.pop();
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            match self.has_elements {
                false => self.writer.text(&format!("{name}: {}", text.trim())),
                true => self.writer.text(&text),
            }
            self.writer.separate(usize::from(!self.has_elements));
        }
        self.has_elements = true;
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }
}
