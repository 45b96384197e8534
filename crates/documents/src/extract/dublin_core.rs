//! Dublin Core metadata of a document: its author and title.
use carrel_domain::document::Extracted;

use super::archive::Archive;
use super::xml::{self, Element, Visitor};

/// Maximum number of authors listed for a document.
const MAX_AUTHORS: usize = 20;
/// The path in Office packages.
pub const OF_OFFICE: &str = "docProps/core.xml";
/// The path in OpenDocument packages.
pub const OF_OPENDOCUMENT: &str = "meta.xml";

#[derive(Default)]
pub struct DublinCore {
    title: String,
    authors: Vec<String>,
    /// The original author, if the format distinguishes them from the last editor.
    first_author: String,
    open: Option<Field>,
    text: String,
}

#[derive(Clone, Copy)]
enum Field {
    Title,
    Author,
    FirstAuthor,
}

impl DublinCore {
    /// Reads a part of an archive; empty if it cannot be read.
    pub fn of(archive: &mut Archive<'_>, part: &str) -> Self {
        let mut details = Self::default();
        // Damaged metadata does not make the document unreadable.
        match archive.visit(part, &mut details) {
            Ok(_) => details,
            Err(_) => Self::default(),
        }
    }

    /// Reads an XMP packet, such as in a PDF file; empty if it cannot be read.
    pub fn of_packet(packet: &[u8]) -> Self {
        let mut details = Self::default();
        match xml::walk(packet, &mut details) {
            Ok(()) => details,
            Err(_) => Self::default(),
        }
    }

    pub fn title(&self) -> Option<String> {
        (!self.title.is_empty()).then(|| self.title.clone())
    }

    pub fn author(&self) -> Option<String> {
        let authors = match self.first_author.is_empty() {
            true => self.authors.join(", "),
            false => self.first_author.clone(),
        };
        (!authors.is_empty()).then_some(authors)
    }

    /// Replaces placeholders with known values.
    pub fn describe(&self, document: &mut Extracted) {
        if let Some(author) = self.author() {
            document.author = author;
        }
        if !self.title.is_empty() {
            document.description.clone_from(&self.title);
        }
    }
}

impl Visitor for DublinCore {
    fn start(&mut self, element: &Element<'_>) {
        self.open = match element.name() {
            "title" => Some(Field::Title),
            "creator" => Some(Field::Author),
            "initial-creator" => Some(Field::FirstAuthor),
            _ => self.open,
        };
        if self.open.is_some() {
            self.text.clear();
        }
    }

    fn end(&mut self, name: &str) {
        // XMP lists titles in several languages and authors one by one, each in an element `li`.
        let field = match name {
            "title" | "creator" | "initial-creator" => self.open.take(),
            "li" => self.open,
            _ => None,
        };
        let Some(field) = field else { return };
        let text = std::mem::take(&mut self.text);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match field {
            Field::Title if self.title.is_empty() => self.title = text,
            Field::Author if !text.is_empty() && self.authors.len() < MAX_AUTHORS => {
                self.authors.push(text);
            }
            Field::FirstAuthor => self.first_author = text,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.open.is_some() {
            self.text.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_yields_the_first_title_and_every_author() {
        let packet = "<?xpacket begin='\u{feff}' id='x'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
            <rdf:RDF><rdf:Description><dc:title><rdf:Alt>\
            <rdf:li xml:lang='x-default'>Annual\n report</rdf:li><rdf:li xml:lang='de'>Bericht</rdf:li>\
            </rdf:Alt></dc:title><dc:creator><rdf:Seq><rdf:li>Ada L.</rdf:li><rdf:li> </rdf:li>\
            <rdf:li>Bob</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>\
            <?xpacket end='w'?>";
        let metadata = DublinCore::of_packet(packet.as_bytes());
        assert_eq!(metadata.title().as_deref(), Some("Annual report"));
        assert_eq!(metadata.author().as_deref(), Some("Ada L., Bob"));
        assert_eq!(DublinCore::of_packet(b"<x:xmpmeta><broken").author(), None);
    }
}
