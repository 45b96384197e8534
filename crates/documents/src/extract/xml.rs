//! Streams XML to a visitor, so that neither depth nor size costs memory.
//!
//! Entities that a document declares itself are never expanded.
use std::borrow::Cow;
use std::io::BufRead;

use encoding_rs::UTF_8;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::encoding::decode;
use super::html::declared_encoding;

/// Maximum depth; no document for people is deeper.
pub const DEEPEST: usize = 1_000;

pub enum Wrong {
    Malformed,
    TooDeep,
    /// The part could not be read to its end.
    Unread,
}

/// Receives the events of a document. Names have no prefix.
pub trait Visitor {
    fn start(&mut self, element: &Element<'_>);
    fn end(&mut self, name: &str);
    fn text(&mut self, text: &str);
}

/// The start of an element.
pub struct Element<'a> {
    start: &'a BytesStart<'a>,
}

impl Element<'_> {
    pub fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// Returns the value of the first attribute of this name with any prefix.
    pub fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.start.attributes();
        let attributes = attributes.with_checks(false).flatten();
        let mut named = attributes.filter(|attribute| {
            let key = attribute.key.local_name();
            key.into_inner() == name
        });
        named.next()?.normalized_value(XmlVersion::Implicit1_0).ok()
    }

    /// Returns at most 50 attributes, without namespace declarations.
    pub fn attributes(&self) -> Vec<(String, String)> {
        let mut attributes = self.start.attributes();
        let attributes = attributes.with_checks(false).flatten();
        let visible =
            attributes.filter(|attribute| !attribute.key.into_inner().starts_with("xmlns"));
        let pair = |attribute: quick_xml::events::attributes::Attribute<'_>| {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            Some((attribute.key.local_name().into_inner().to_owned(), value.into_owned()))
        };
        visible.filter_map(pair).take(50).collect()
    }

    /// Works like [`Element::attribute`], for an attribute with a prefix: `r:id` beside `id`.
    pub fn prefixed(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut attributes = self.start.attributes();
        let mut prefixed = attributes.with_checks(false).flatten().filter(|attribute| {
            attribute.key.into_inner().split_once(':').is_some_and(|(_, local)| local == name)
        });
        prefixed.next()?.normalized_value(XmlVersion::Implicit1_0).ok()
    }
}

pub fn walk(mut part: impl BufRead, visitor: &mut impl Visitor) -> Result<(), Wrong> {
    // Nearly all documents are UTF-8, which is streamed; others are decoded first.
    let start = part.fill_buf().map_err(|_| Wrong::Unread)?;
    if is_in_other_encoding(start) {
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).map_err(|_| Wrong::Unread)?;
        return walk_utf8(decode(&bytes, declared_encoding(&bytes)).as_bytes(), visitor);
    }
    walk_utf8(part, visitor)
}

fn is_in_other_encoding(start: &[u8]) -> bool {
    let is_wide =
        matches!(start, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'<', ..] | [b'<', 0, ..]);
    is_wide || (start.starts_with(b"<?xml") && declared_encoding(start).is_some_and(|e| e != UTF_8))
}

fn walk_utf8(part: impl BufRead, visitor: &mut impl Visitor) -> Result<(), Wrong> {
    let mut reader = Reader::from_reader(part);
    let (mut buffer, mut depth) = (Vec::new(), 0usize);
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(error_of)? {
            Event::Start(start) => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(Wrong::TooDeep);
                }
                visitor.start(&Element { start: &start });
            }
            Event::Empty(start) => {
                visitor.start(&Element { start: &start });
                visitor.end(start.local_name().into_inner());
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                visitor.end(end.local_name().into_inner());
            }
            Event::Text(text) => visitor.text(&text.xml10_content()),
            Event::CData(text) => visitor.text(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => visitor.text(character.encode_utf8(&mut [0; 4])),
                Ok(None) => visitor.text(predefined(&reference)),
                Err(_) => {}
            },
            Event::Eof if depth > 0 => return Err(Wrong::Malformed),
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn predefined(entity: &str) -> &'static str {
    match entity {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}

fn error_of(error: quick_xml::Error) -> Wrong {
    match error {
        quick_xml::Error::Io(_) => Wrong::Unread,
        _ => Wrong::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Transcript(String);

    impl Visitor for Transcript {
        fn start(&mut self, element: &Element<'_>) {
            self.0 +=
                &format!("<{}{}>", element.name(), element.attribute("a").unwrap_or_default());
        }

        fn end(&mut self, name: &str) {
            self.0 += &format!("</{name}>");
        }

        fn text(&mut self, text: &str) {
            self.0 += text;
        }
    }

    fn transcript(xml: &str) -> Option<String> {
        let mut visitor = Transcript::default();
        walk(xml.as_bytes(), &mut visitor).ok().map(|()| visitor.0)
    }

    #[test]
    fn prefixes_references_and_sections_are_resolved() {
        let xml =
            "<?xml version='1.0'?><w:p b='1' x:a='&lt;2'>a&amp;&#x65e5;<![CDATA[<b>]]><e/></w:p>";
        assert_eq!(transcript(xml).unwrap(), "<p<2>a&日<b><e></e></p>");
    }

    #[test]
    fn entities_of_the_document_are_not_expanded() {
        let xml = "<!DOCTYPE p [<!ENTITY a 'lol'><!ENTITY b '&a;&a;'>\
            <!ENTITY f SYSTEM 'file:///etc/passwd'>]><p>x&b;&f;y</p>";
        assert_eq!(transcript(xml).unwrap(), "<p>xy</p>");
    }

    #[test]
    fn documents_that_are_too_deep_or_malformed_are_refused() {
        assert!(transcript(&"<p>".repeat(DEEPEST + 1)).is_none());
        for broken in ["<p>", "<p></q>", "<p", "<p a=>x</p><", "<![CDATA[", "<!--"] {
            assert!(transcript(broken).is_none(), "{broken}");
        }
    }
}
