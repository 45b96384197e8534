//! Reads SmartArt: the texts of its points in their stored order.
use crate::extract::archive::Archive;
use crate::extract::extract_error::ExtractError;
use crate::extract::writer::Writer;
use crate::extract::xml::{Element, Visitor};

/// Returns the texts of the diagram whose data is in `part`, an item for each point.
pub fn read(archive: &mut Archive<'_>, part: &str) -> Result<String, ExtractError> {
    let mut diagram = Diagram {
        writer: Writer::with_limit(archive.text_limit()),
        is_shown: false,
        in_text: false,
    };
    archive.visit(part, &mut diagram)?;
    Ok(diagram.writer.finish())
}

struct Diagram {
    writer: Writer,
    /// Whether the current point is content, not presentation.
    is_shown: bool,
    in_text: bool,
}

impl Visitor for Diagram {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "pt" => {
                let kind = element.attribute("type");
                self.is_shown = kind.is_none_or(|kind| matches!(&*kind, "node" | "asst" | "doc"));
                if self.is_shown {
                    self.writer.open_item();
                }
            }
            "t" => self.in_text = true,
            "br" => self.writer.text(" "),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "pt" => {
                if self.is_shown {
                    self.writer.close_line();
                }
                self.is_shown = false;
            }
            "t" => self.in_text = false,
            "p" => self.writer.text(" "),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_shown && self.in_text {
            self.writer.text(text);
        }
    }
}
