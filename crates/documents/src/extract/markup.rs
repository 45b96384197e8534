//! HTML, element by element.
//!
//! A page is read token by token and never becomes a tree: a tree of deeply nested elements takes
//! time that grows with the square of its depth to build, and a stack as deep to walk. Here time
//! and memory grow with the size of the page alone.
use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

/// The most of a title that is looked at, in bytes: pages that never end it are as long as they like.
const LONGEST_TITLE: usize = 16 << 10;

/// Takes what a page says, in the order of the page. What is in `template`s is not part of it.
pub trait Content {
    fn start(&mut self, element: &[u8]);
    fn end(&mut self, element: &[u8]);
    fn text(&mut self, text: &str);
}

/// Reads a page into `content` and returns its title, if it has one.
pub fn walk(html: &str, content: &mut impl Content) -> Option<String> {
    let mut walk = Walk {
        content,
        title: String::new(),
        inside: Inside::Body,
        templates: 0,
        element: Vec::new(),
    };
    let mut emitter =
        CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
            walk.event(event);
            None
        });
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
    let title = walk.title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}

struct Walk<'a, C> {
    content: &'a mut C,
    title: String,
    /// Where the text of the next tokens belongs.
    inside: Inside,
    /// How many `template` elements are open.
    templates: usize,
    /// The element whose start tag is being read.
    element: Vec<u8>,
}

#[derive(PartialEq)]
enum Inside {
    Body,
    Title,
    /// Content that is code or stands in for something else; it ends at the next end tag.
    Dropped,
}

impl<C: Content> Walk<'_, C> {
    fn event(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.element.clear();
                self.element.extend_from_slice(name);
            }
            CallbackEvent::CloseStartTag { .. } => {
                let element = std::mem::take(&mut self.element);
                self.start(&element);
                self.element = element;
            }
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } => {
                let text = String::from_utf8_lossy(value);
                match self.inside {
                    Inside::Title => {
                        let room = LONGEST_TITLE.saturating_sub(self.title.len());
                        self.title.push_str(&text[..text.floor_char_boundary(room)]);
                    }
                    Inside::Body if self.templates == 0 => self.content.text(&text),
                    Inside::Body | Inside::Dropped => {}
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, element: &[u8]) {
        match element {
            b"script" | b"style" | b"iframe" | b"noembed" | b"noscript" => {
                self.inside = Inside::Dropped;
            }
            // Only the first is the page's; later ones belong to drawings in it.
            b"title" if self.title.is_empty() && self.templates == 0 => {
                self.inside = Inside::Title;
            }
            b"title" => self.inside = Inside::Dropped,
            b"template" => self.templates += 1,
            _ if self.templates > 0 => {}
            _ => self.content.start(element),
        }
    }

    fn end(&mut self, element: &[u8]) {
        self.inside = Inside::Body;
        match element {
            b"template" => self.templates = self.templates.saturating_sub(1),
            _ if self.templates > 0 => {}
            _ => self.content.end(element),
        }
    }
}
