//! Reads Word documents: headers once, the text with notes and comments in their places, footers
//! once.
use std::collections::HashMap;
use std::rc::Rc;

use carrel_domain::document::Extracted;

use super::drawings;
use super::numbering::Numbering;
use super::package::{PartTexts, Relations, main_part};
use super::styles::WordStyles;
use super::word_body::{Body, WordReferences};
use crate::extract::archive::Archive;
use crate::extract::dublin_core::{self, DublinCore};
use crate::extract::extract_error::ExtractError;
use crate::extract::xml::{Element, Visitor};
use crate::extract::{Input, by_nobody, embedded};

const WHAT: &str = "a Word document (.docx)";

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut archive = Archive::open(input, WHAT)?;
    let main = main_part(&mut archive, "word/document.xml")?;
    let relations = Relations::of(&mut archive, &main)?;
    let mut context = WordReferences::new(archive.text_limit());
    if let Some(part) = relations.first(&archive, "/styles", "word/styles.xml") {
        let mut styles = WordStyles::default();
        archive.visit(&part, &mut styles)?;
        context.styles = Rc::new(styles);
    }
    let mut numbering = Numbering::default();
    if let Some(part) = relations.first(&archive, "/numbering", "word/numbering.xml") {
        archive.visit(&part, &mut numbering)?;
    }
    for (kind, element) in
        [("/footnotes", "footnote"), ("/endnotes", "endnote"), ("/comments", "comment")]
    {
        let usual = format!("word{kind}.xml");
        let Some(part) = relations.first(&archive, kind, &usual) else { continue };
        let texts = notes(input, &mut archive, &part, element, &context, &numbering)?;
        let known = match element {
            "comment" => &mut context.comments,
            "footnote" => &mut context.footnotes,
            _ => &mut context.endnotes,
        };
        *known = Rc::new(texts);
    }
    let mut embedded_files = embedded::Embedded::default();
    context.drawings = Rc::new(drawings(input, &mut archive, &relations)?.into_iter().collect());
    context.chunks = Rc::new(chunks(&mut archive, input, &relations)?);
    for kind in ["/package", "/oleObject"] {
        for (_, part) in relations.of_kind(kind) {
            embedded_files.read(input, &mut archive, part)?;
        }
    }
    let headers = surroundings(input, &mut archive, &relations, "/header", &context, &numbering)?;
    let footers = surroundings(input, &mut archive, &relations, "/footer", &context, &numbering)?;
    let mut body = Body::new(context, numbering);
    headers.iter().for_each(|header| body.writer.block(header));
    archive.visit_needed(&main, &mut body)?;
    let unreferenced = body.unreferenced();
    let mut writer = body.writer;
    for note in unreferenced.iter().chain(&footers) {
        writer.separate(2);
        writer.block(note);
    }
    let mut document = by_nobody(writer.try_finish()?, "docx file uploaded by the user.");
    DublinCore::of(&mut archive, dublin_core::OF_OFFICE).describe(&mut document);
    Ok(embedded_files.after(document))
}

/// Returns the texts of embedded files of other types.
fn chunks(
    archive: &mut Archive<'_>,
    input: &Input<'_>,
    relations: &Relations,
) -> Result<PartTexts, ExtractError> {
    let mut texts = HashMap::new();
    for (id, part) in relations.of_kind("/aFChunk") {
        if let Some(text) = embedded::text_of(input, archive, part)? {
            texts.insert(id.to_owned(), text);
        }
    }
    Ok(texts)
}

/// Returns the distinct texts of headers or footers.
fn surroundings(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    relations: &Relations,
    kind: &str,
    context: &WordReferences,
    numbering: &Numbering,
) -> Result<Vec<String>, ExtractError> {
    let mut texts: Vec<String> = Vec::new();
    for (_, part) in relations.of_kind(kind) {
        let own = Relations::of(archive, part)?;
        let drawings = Rc::new(drawings(input, archive, &own)?.into_iter().collect());
        let context = WordReferences { drawings, ..context.clone() };
        let mut body = Body::new(context, numbering.clone());
        archive.visit(part, &mut body)?;
        let text = body.writer.try_finish()?;
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    Ok(texts)
}

/// Returns the notes of a part by id.
fn notes(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    part: &str,
    element: &'static str,
    context: &WordReferences,
    numbering: &Numbering,
) -> Result<PartTexts, ExtractError> {
    let own = Relations::of(archive, part)?;
    let drawings = Rc::new(drawings(input, archive, &own)?.into_iter().collect());
    let context = WordReferences { drawings, ..context.clone() };
    let body = Body::new(context, numbering.clone());
    let mut notes = Notes { element, body, id: None, author: String::new(), texts: HashMap::new() };
    archive.visit(part, &mut notes)?;
    Ok(notes.texts)
}

struct Notes {
    element: &'static str,
    body: Body,
    id: Option<String>,
    author: String,
    texts: PartTexts,
}

impl Visitor for Notes {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() == self.element {
            let is_text = element.attribute("type").is_none_or(|kind| kind == "normal");
            self.id = element.attribute("id").filter(|_| is_text).map(|id| id.into_owned());
            self.author = element.attribute("author").unwrap_or_default().into_owned();
            self.body.take_text();
        } else {
            self.body.start(element);
        }
    }

    fn end(&mut self, name: &str) {
        if name != self.element {
            return self.body.end(name);
        }
        let text = self.body.take_text();
        let Some(id) = self.id.take().filter(|_| !text.is_empty()) else { return };
        let text = match (self.element, self.author.as_str()) {
            ("comment", "") => format!("[Comment: {text}]"),
            ("comment", author) => format!("[Comment by {author}: {text}]"),
            _ => text,
        };
        self.texts.insert(id, text);
    }

    fn text(&mut self, text: &str) {
        self.body.text(text);
    }
}
