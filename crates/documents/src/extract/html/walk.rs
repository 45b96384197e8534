//! Walks through HTML, element by element.
//!
//! A page is read token by token, without building a tree. A tree of deeply nested elements takes
//! time quadratic in the depth, and walking it needs a deep stack. Here time and memory are linear
//! in the size of the page.
use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

/// Bytes of a title that are read; a page may never close it.
const LONGEST_TITLE: usize = 16 << 10;
/// The longest name of an author, in bytes.
const LONGEST_AUTHOR: usize = 500;
const MAX_AUTHORS: usize = 20;
/// Bytes of an attribute that are read.
const LONGEST_VALUE: usize = 16 << 10;

/// Receives the visible content of a page in order. The content of `template` elements is skipped.
pub trait HtmlVisitor {
    fn start(&mut self, tag: &Tag);
    fn end(&mut self, element: &[u8]);
    fn text(&mut self, text: &str);
}

/// A start tag with the attributes in [`ATTRIBUTES`].
#[derive(Debug, Default)]
pub struct Tag {
    pub name: Vec<u8>,
    attributes: Vec<(&'static str, String)>,
}

/// The attributes that are read.
const ATTRIBUTES: [&str; 17] = [
    "alt",
    "hidden",
    "style",
    "type",
    "value",
    "colspan",
    "rowspan",
    "start",
    "role",
    "class",
    "id",
    "placeholder",
    "checked",
    "epub:type",
    "name",
    "property",
    "content",
];

impl Tag {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut known = self.attributes.iter();
        known.find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Whether browsers show nothing of the element.
    pub fn is_hidden(&self) -> bool {
        let is_note = self.attribute("epub:type").is_some_and(|kind| kind.contains("note"));
        let hidden = self.attribute("hidden").is_some_and(|value| value != "until-found");
        let style =
            || self.attribute("style").map(|style| style.to_ascii_lowercase().replace(' ', ""));
        let is_unseen =
            |style: String| style.contains("display:none") || style.contains("visibility:hidden");
        !is_note && (hidden || style().is_some_and(is_unseen))
    }
}

/// The metadata of a page.
#[derive(Debug, Default)]
pub struct About {
    pub title: Option<String>,
    /// The authors, separated by commas.
    pub author: Option<String>,
}

/// Reads a page into `content` and returns its metadata.
pub fn walk(html: &str, content: &mut impl HtmlVisitor) -> About {
    let mut walk = Walk {
        content,
        authors: Vec::new(),
        title: String::new(),
        inside: Inside::Body,
        templates: 0,
        unseen: None,
        drawings: 0,
        raw: String::new(),
        tag: Tag::default(),
        attribute: None,
    };
    tokenize(html, &mut walk);
    let title = one_line(&walk.title);
    let author = walk.authors.join(", ");
    let non_empty = |text: String| (!text.is_empty()).then_some(text);
    About { title: non_empty(title), author: non_empty(author) }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the author if a `meta` element names them. Some pages give the address of a profile
/// instead, which is ignored.
fn author(tag: &Tag) -> Option<String> {
    let name = tag.attribute("name").or(tag.attribute("property"))?.trim().to_ascii_lowercase();
    let is_author =
        matches!(&*name, "author" | "article:author" | "dc.creator" | "dcterms.creator");
    let author = one_line(tag.attribute("content")?);
    let is_name = !author.is_empty() && author.len() <= LONGEST_AUTHOR && !author.contains("://");
    (is_author && is_name).then_some(author)
}

fn tokenize<C: HtmlVisitor>(html: &str, walk: &mut Walk<'_, C>) {
    let mut emitter =
        CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
            walk.event(event);
            None
        });
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
}

struct Walk<'a, C> {
    content: &'a mut C,
    title: String,
    authors: Vec<String>,
    /// The destination of the next text.
    inside: Inside,
    /// Number of open `template` elements.
    templates: usize,
    /// The element that hides its content, and the number of open elements of the same name within
    /// it.
    unseen: Option<(Vec<u8>, usize)>,
    /// Number of open `svg` elements.
    drawings: usize,
    /// The content of a `noscript` element, which is markup for browsers without scripts.
    raw: String,
    /// The current start tag and its last attribute.
    tag: Tag,
    attribute: Option<&'static str>,
}

#[derive(PartialEq)]
enum Inside {
    Body,
    Title,
    NoScript,
    /// Code or fallback content, up to the next end tag.
    Dropped,
}

impl<C: HtmlVisitor> Walk<'_, C> {
    fn event(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag.name.clear();
                self.tag.attributes.clear();
                self.tag.name.extend_from_slice(name);
                self.attribute = None;
            }
            CallbackEvent::AttributeName { name } => {
                let is_new = |known: &&&str| self.tag.attribute(known).is_none();
                let mut known = ATTRIBUTES.iter().filter(|known| known.as_bytes() == name);
                self.attribute = known.find(is_new).copied();
                self.tag.attributes.extend(self.attribute.map(|name| (name, String::new())));
            }
            CallbackEvent::AttributeValue { value } if self.attribute.is_some() => {
                if let Some((_, value_so_far)) = self.tag.attributes.last_mut() {
                    let value = String::from_utf8_lossy(value);
                    let room = LONGEST_VALUE.saturating_sub(value_so_far.len());
                    value_so_far.push_str(&value[..value.floor_char_boundary(room)]);
                }
            }
            CallbackEvent::CloseStartTag { self_closing } => {
                let tag = std::mem::take(&mut self.tag);
                self.start(&tag);
                if self_closing && tag.name == b"svg" {
                    self.end(b"svg");
                }
                self.tag = tag;
            }
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } => {
                let text = String::from_utf8_lossy(value);
                match self.inside {
                    Inside::Title => {
                        let room = LONGEST_TITLE.saturating_sub(self.title.len());
                        self.title.push_str(&text[..text.floor_char_boundary(room)]);
                    }
                    Inside::NoScript => self.raw.push_str(&text),
                    Inside::Body if self.templates == 0 && self.unseen.is_none() => {
                        self.content.text(&text);
                    }
                    Inside::Body | Inside::Dropped => {}
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag) {
        let element = tag.name.as_slice();
        match element {
            b"script" | b"style" | b"iframe" | b"noembed" => {
                self.inside = Inside::Dropped;
                return;
            }
            // Only the first title is the page's; later ones belong to drawings.
            b"title" if self.drawings == 0 && self.title.is_empty() && self.templates == 0 => {
                self.inside = Inside::Title;
                return;
            }
            b"title" if self.drawings == 0 => {
                self.inside = Inside::Dropped;
                return;
            }
            b"template" => {
                self.templates += 1;
                return;
            }
            b"noscript" => self.inside = Inside::NoScript,
            b"meta" if self.templates == 0 && self.authors.len() < MAX_AUTHORS => {
                let author = author(tag).filter(|found| !self.authors.contains(found));
                self.authors.extend(author);
            }
            b"svg" => self.drawings += 1,
            _ => {}
        }
        if self.templates > 0 {
            return;
        }
        if let Some((name, open)) = &mut self.unseen {
            // Elements with an optional end tag end where the next one of the same name starts.
            if name != element {
                return;
            }
            if !ends_by_itself(element) {
                *open += 1;
                return;
            }
            self.unseen = None;
        }
        if tag.is_hidden() && !is_void(element) {
            self.unseen = Some((element.to_vec(), 1));
            return;
        }
        if !(tag.is_hidden() && is_void(element)) {
            self.content.start(tag);
        }
    }

    fn end(&mut self, element: &[u8]) {
        let was_in = std::mem::replace(&mut self.inside, Inside::Body);
        if was_in == Inside::NoScript {
            let raw = std::mem::take(&mut self.raw);
            tokenize(&raw, self);
            self.inside = Inside::Body;
        }
        match element {
            b"template" => {
                self.templates = self.templates.saturating_sub(1);
                return;
            }
            b"svg" => self.drawings = self.drawings.saturating_sub(1),
            _ => {}
        }
        if self.templates > 0 {
            return;
        }
        if let Some((name, open)) = &mut self.unseen {
            if name == element {
                *open -= 1;
            }
            if *open == 0 || matches!(element, b"body" | b"html") {
                self.unseen = None;
            }
            return;
        }
        self.content.end(element);
    }
}

fn ends_by_itself(element: &[u8]) -> bool {
    matches!(element, b"p" | b"li" | b"dt" | b"dd" | b"tr" | b"td" | b"th" | b"option")
}

/// Whether an element has neither content nor an end tag.
pub fn is_void(element: &[u8]) -> bool {
    matches!(
        element,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}
