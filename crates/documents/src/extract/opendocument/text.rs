//! Reads the running text of OpenDocument, with notes and comments in their places.
use std::collections::HashSet;

use super::Objects;
use super::lists::{ListStyles, Lists};
use crate::extract::extract_error::ExtractError;
use crate::extract::writer::{CellSpan, Writer};
use crate::extract::xml::{Element, Visitor};

/// Maximum number of repeated columns or rows in a table.
const MAX_REPEATED: usize = 1_000;

/// The styles of a document that affect its text.
#[derive(Default)]
pub struct OdfStyles {
    lists: ListStyles,
    /// Styles of hidden slides.
    hidden_slides: HashSet<String>,
    current: String,
}

impl Visitor for OdfStyles {
    fn start(&mut self, element: &Element<'_>) {
        self.lists.start(element);
        match element.name() {
            "style" => self.current = element.attribute("name").unwrap_or_default().into_owned(),
            "drawing-page-properties"
                if element.attribute("visibility").is_some_and(|is| is == "hidden") =>
            {
                self.hidden_slides.insert(self.current.clone());
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        self.lists.end(name);
    }

    fn text(&mut self, _: &str) {}
}

pub struct Text {
    writer: Writer,
    styles: OdfStyles,
    objects: Objects,
    lists: Lists,
    /// The distinct texts of headers.
    headers: Vec<String>,
    footers: Vec<String>,
    limit: u64,
    /// Inside the body, not in the styles.
    in_body: bool,
    has_body: bool,
    /// Inside a header or footer, outside of the body.
    in_surroundings: bool,
    hidden: usize,
    /// Number of open paragraphs; text is only read in a paragraph.
    paragraphs: usize,
    notes: usize,
    author: Option<String>,
    in_author: bool,
    in_title: bool,
    title: String,
    slide: u32,
    /// The column span of the last opened cell, and the number of its repetitions.
    spanned: usize,
    repeated: usize,
}

impl Text {
    pub fn new(limit: u64, styles: OdfStyles, objects: Objects) -> Self {
        Self {
            writer: Writer::with_limit(limit),
            styles,
            objects,
            lists: Lists::default(),
            headers: Vec::new(),
            footers: Vec::new(),
            limit,
            in_body: false,
            has_body: false,
            in_surroundings: false,
            hidden: 0,
            paragraphs: 0,
            notes: 0,
            author: None,
            in_author: false,
            in_title: false,
            title: String::new(),
            slide: 0,
            spanned: 0,
            repeated: 1,
        }
    }

    pub fn has_body(&self) -> bool {
        self.has_body
    }

    /// Returns the text, with headers first and footers last.
    pub fn finish(self) -> Result<String, ExtractError> {
        let text = self.writer.try_finish()?;
        let blocks = self.headers.iter().chain([&text]).chain(&self.footers);
        let blocks: Vec<_> = blocks.filter(|block| !block.is_empty()).map(String::as_str).collect();
        let text = blocks.join("\n\n");
        if text.len() as u64 > self.limit { Err(ExtractError::TextTooLarge) } else { Ok(text) }
    }

    fn take_surrounding(&mut self, is_header: bool) {
        let text = std::mem::replace(&mut self.writer, Writer::with_limit(self.limit)).finish();
        let known = if is_header { &mut self.headers } else { &mut self.footers };
        if !text.is_empty() && !known.contains(&text) && known.len() < MAX_REPEATED {
            known.push(text);
        }
        self.in_body = false;
    }

    fn open_cell(&mut self, element: &Element<'_>) {
        let number = |name| element.attribute(name).and_then(|value| value.parse::<usize>().ok());
        let is_covered = element.name() == "covered-table-cell";
        let continues = is_covered && self.spanned == 0;
        self.spanned = match is_covered {
            true => self.spanned.saturating_sub(1),
            false => number("number-columns-spanned").unwrap_or(1).saturating_sub(1),
        };
        self.repeated = number("number-columns-repeated").unwrap_or(1).clamp(1, MAX_REPEATED);
        self.writer.open_cell(CellSpan { continues, ..CellSpan::default() });
    }
}

/// Whether an element's content is not part of the text or precedes a change.
fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "tracked-changes"
            | "ruby-text"
            | "note-citation"
            | "page-number"
            | "page-count"
            | "forms"
            | "date-time-decl"
            | "header-decl"
            | "footer-decl"
            | "binary-data"
            | "annotation-end"
            | "sequence-decls"
    )
}

fn is_surrounding(name: &str) -> bool {
    let kind = name.strip_prefix("header").or(name.strip_prefix("footer"));
    matches!(kind, Some("" | "-first" | "-left"))
}

impl Visitor for Text {
    fn start(&mut self, element: &Element<'_>) {
        let name = element.name();
        if !self.in_body {
            self.in_surroundings = is_surrounding(name);
            self.in_body = name == "body" || self.in_surroundings;
            self.has_body |= name == "body";
            return;
        }
        if self.hidden > 0 || is_hidden(name) {
            self.hidden += 1;
            return;
        }
        match name {
            "p" | "h" => {
                self.paragraphs += 1;
                self.writer.separate(2);
                if name == "h" {
                    let level =
                        element.attribute("outline-level").and_then(|level| level.parse().ok());
                    let is_listed =
                        element.attribute("is-list-header").is_none_or(|is| is != "true");
                    if let Some(level) = level.filter(|_| is_listed) {
                        let number = self.lists.heading(&self.styles.lists, level);
                        if !number.trim().is_empty() {
                            self.writer.open_marked(&number);
                        }
                    }
                }
            }
            "s" | "tab" => self.writer.text(" "),
            "line-break" => self.writer.line_break(),
            "list" => {
                self.lists.open(element);
                self.writer.open_list(None);
            }
            "list-item" => {
                let start = element.attribute("start-value").and_then(|start| start.parse().ok());
                let marker = self.lists.item(&self.styles.lists, start);
                self.writer.open_marked(&marker);
            }
            "table" => self.writer.open_table(),
            "table-row" => {
                self.spanned = 0;
                self.writer.open_row();
            }
            "table-cell" | "covered-table-cell" => self.open_cell(element),
            "page" => {
                self.slide += 1;
                self.writer.separate(2);
                let style = element.attribute("style-name").unwrap_or_default();
                if self.styles.hidden_slides.contains(&*style) {
                    self.writer.text(&format!("[Hidden slide {}]", self.slide));
                    self.writer.separate(1);
                }
            }
            "notes" | "text-box" | "custom-shape" => self.writer.separate(1),
            "frame" => {
                self.writer.separate(1);
                if element.attribute("class").is_some_and(|class| class == "title") {
                    self.writer.open_heading("# ");
                }
            }
            "object" | "image" => {
                let place = element.attribute("href").unwrap_or_default();
                let place = place.trim_start_matches("./");
                if let Some(text) = self.objects.remove(place) {
                    self.writer.push_note(text);
                }
            }
            "note-body" => {
                self.notes += 1;
                self.writer.text(&format!("[^{}]", self.notes));
                self.writer.open_aside("", "");
                self.writer.text(&format!("[^{}]: ", self.notes));
            }
            "annotation" => {
                self.author = Some(String::new());
                self.writer.open_aside("[Comment: ", "]");
            }
            "creator" | "creator-initials" | "date" if self.author.is_some() => {
                self.in_author = true
            }
            "title" | "desc" => {
                self.in_title = true;
                self.title.clear();
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if !self.in_body {
            return;
        }
        if self.hidden > 0 {
            self.hidden -= 1;
            return;
        }
        match name {
            name if self.in_surroundings && is_surrounding(name) => {
                self.take_surrounding(name.starts_with("header"));
            }
            "body" => self.in_body = false,
            "p" | "h" => {
                self.paragraphs = self.paragraphs.saturating_sub(1);
                self.writer.separate(2);
            }
            "list" => {
                self.lists.close();
                self.writer.close_list();
            }
            "list-item" => self.writer.close_line(),
            "table-row" => self.writer.close_row(),
            "table-cell" | "covered-table-cell" => {
                self.writer.close_cell();
                for _ in 1..std::mem::replace(&mut self.repeated, 1) {
                    self.writer.open_cell(CellSpan::default());
                    self.writer.close_cell();
                }
            }
            "table" => self.writer.close_table(),
            "page" => self.writer.end_page(),
            "notes" => self.writer.separate(2),
            "text-box" | "custom-shape" | "frame" => {
                self.writer.close_heading();
                self.writer.separate(1);
            }
            "note-body" => self.writer.close_aside(),
            "annotation" => {
                self.author = None;
                self.writer.close_aside();
            }
            "creator" | "creator-initials" | "date" => self.in_author = false,
            "title" | "desc" => {
                self.in_title = false;
                let title = std::mem::take(&mut self.title);
                if !title.trim().is_empty() {
                    self.writer.push_note(format!("[Image: {}]", title.trim()));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if !self.in_body || self.hidden > 0 {
        } else if self.in_title {
            self.title.push_str(text);
        } else if self.in_author {
            if let Some(author) = &mut self.author {
                author.push_str(text);
            }
        } else if self.paragraphs > 0 {
            self.writer.text(text);
        }
    }
}
