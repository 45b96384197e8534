//! What a document says of itself in Dublin Core: who wrote it, and what it is called.
use carrel_domain::document::Extracted;

use super::archive::Archive;
use super::xml::{Element, Visitor};

/// Authors of one document that are named.
const MOST_AUTHORS: usize = 20;
/// Where the packages of Office have it.
pub const OF_OFFICE: &str = "docProps/core.xml";
/// Where those of OpenDocument have it.
pub const OF_OPENDOCUMENT: &str = "meta.xml";

#[derive(Default)]
pub struct DublinCore {
    title: String,
    authors: Vec<String>,
    /// Who began the document, where that is told apart from who changed it last.
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
    /// Of a part of an archive; nothing where it cannot be read.
    pub fn of(archive: &mut Archive<'_>, part: &str) -> Self {
        let mut details = Self::default();
        // A document is none the worse for a part about it that is damaged.
        match archive.visit(part, &mut details) {
            Ok(_) => details,
            Err(_) => Self::default(),
        }
    }

    /// Puts what is known in the place of what was said for want of it.
    pub fn describe(&self, document: &mut Extracted) {
        let authors = match self.first_author.is_empty() {
            true => self.authors.join(", "),
            false => self.first_author.clone(),
        };
        if !authors.is_empty() {
            document.author = authors;
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
        if !matches!(name, "title" | "creator" | "initial-creator") {
            return;
        }
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        match self.open.take() {
            Some(Field::Title) if self.title.is_empty() => self.title = text,
            Some(Field::Author) if !text.is_empty() && self.authors.len() < MOST_AUTHORS => {
                self.authors.push(text);
            }
            Some(Field::FirstAuthor) => self.first_author = text,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.open.is_some() {
            self.text.push_str(text);
        }
    }
}
