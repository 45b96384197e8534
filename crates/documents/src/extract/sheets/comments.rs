//! Reads content outside the cells of a sheet: comments, text boxes and charts.
use std::collections::HashMap;

use crate::extract::Input;
use crate::extract::archive::Archive;
use crate::extract::extract_error::ExtractError;
use crate::extract::office::drawings;
use crate::extract::office::package::Relations;
use crate::extract::writer::Writer;
use crate::extract::xml::{Element, Visitor};

/// Returns this content in blocks.
pub fn read(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    sheet: &str,
) -> Result<Vec<String>, ExtractError> {
    let relations = Relations::of(archive, sheet)?;
    let mut blocks = Vec::new();
    let mut people = People::default();
    let threads: Vec<_> =
        relations.of_kind("/threadedComment").map(|(_, part)| part.to_owned()).collect();
    if !threads.is_empty() {
        for name in archive.names() {
            if name.starts_with("xl/persons/") {
                archive.visit(&name, &mut people)?;
            }
        }
    }
    // Newer programs write comments a second time for older ones.
    let legacy = relations.of_kind("/comments").map(|(_, part)| part.to_owned());
    let parts: Vec<_> = if threads.is_empty() { legacy.collect() } else { threads };
    for part in parts {
        let mut comments =
            Comments { people: std::mem::take(&mut people.0), ..Comments::default() };
        archive.visit(&part, &mut comments)?;
        people.0 = comments.people;
        blocks.extend(comments.blocks);
    }
    for (_, part) in relations.of_kind("/drawing") {
        let own = Relations::of(archive, part)?;
        let mut drawing = Drawing::new(Writer::with_limit(archive.text_limit()));
        archive.visit(part, &mut drawing)?;
        let text = drawing.writer.finish();
        blocks.extend(Some(text).filter(|text| !text.is_empty()));
        blocks.extend(drawings(input, archive, &own)?.into_iter().map(|(_, text)| text));
    }
    Ok(blocks)
}

/// The names of people by id.
#[derive(Default)]
struct People(HashMap<String, String>);

impl Visitor for People {
    fn start(&mut self, element: &Element<'_>) {
        let [id, name] = ["id", "displayName"].map(|name| element.attribute(name));
        if let ("person", Some(id), Some(name)) = (element.name(), id, name) {
            self.0.insert(id.into_owned(), name.into_owned());
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

#[derive(Default)]
struct Comments {
    blocks: Vec<String>,
    authors: Vec<String>,
    people: HashMap<String, String>,
    cell: String,
    author: String,
    text: String,
    in_text: bool,
    in_author: bool,
}

impl Visitor for Comments {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "author" => {
                self.in_author = true;
                self.authors.push(String::new());
            }
            "comment" | "threadedComment" => {
                self.cell = element.attribute("ref").unwrap_or_default().into_owned();
                let author = element.attribute("authorId").and_then(|id| id.parse::<usize>().ok());
                let author = author.and_then(|at| self.authors.get(at).cloned());
                let person =
                    element.attribute("personId").and_then(|id| self.people.get(&*id).cloned());
                self.author = author.or(person).unwrap_or_default();
                self.text.clear();
            }
            "t" | "text" => self.in_text = true,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "author" => self.in_author = false,
            "t" | "text" => self.in_text = false,
            "comment" | "threadedComment" => {
                let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
                let by = if self.author.is_empty() {
                    String::new()
                } else {
                    format!(" by {}", self.author)
                };
                if !text.is_empty() {
                    self.blocks.push(format!("[Comment on {}{by}: {text}]", self.cell));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_author {
            if let Some(author) = self.authors.last_mut() {
                author.push_str(text);
            }
        } else if self.in_text {
            self.text.push_str(text);
        }
    }
}

/// The texts of shapes on a sheet.
struct Drawing {
    writer: Writer,
    in_text: bool,
    hidden: usize,
}

impl Drawing {
    fn new(writer: Writer) -> Self {
        Self { writer, in_text: false, hidden: 0 }
    }
}

impl Visitor for Drawing {
    fn start(&mut self, element: &Element<'_>) {
        if self.hidden > 0 || element.name() == "Fallback" {
            self.hidden += 1;
            return;
        }
        match element.name() {
            "t" => self.in_text = true,
            "cNvPr" => {
                let text = element.attribute("descr").filter(|text| !text.trim().is_empty());
                if let Some(text) = text {
                    self.writer.separate(2);
                    self.writer.text(&format!("[Image: {}]", text.trim()));
                    self.writer.separate(2);
                }
            }
            "p" | "br" => self.writer.separate(1),
            "sp" => self.writer.separate(2),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.hidden > 0 {
            self.hidden -= 1;
            return;
        }
        match name {
            "t" => self.in_text = false,
            "p" => self.writer.separate(1),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text && self.hidden == 0 {
            self.writer.text(text);
        }
    }
}
