//! Reads PowerPoint presentations: the slides in order, each with its comments and notes.
use std::collections::HashMap;

use carrel_domain::document::Extracted;

use super::package::{PartTexts, Relations, main_part};
use super::{drawings, ordinals, symbols};
use crate::extract::archive::Archive;
use crate::extract::dublin_core::{self, DublinCore};
use crate::extract::extract_error::ExtractError;
use crate::extract::writer::{CellSpan, Writer};
use crate::extract::xml::{Element, Visitor};
use crate::extract::{Input, by_nobody, embedded};

const WHAT: &str = "a PowerPoint presentation (.pptx)";

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut archive = Archive::open(input, WHAT)?;
    let presentation = main_part(&mut archive, "ppt/presentation.xml")?;
    let mut order = SlideOrder::default();
    archive.visit_needed(&presentation, &mut order)?;
    let parts = Relations::of(&mut archive, &presentation)?;
    let mut embedded_files = embedded::Embedded::default();
    let mut slides = Slide::new(Writer::with_limit(archive.text_limit()));
    for (id, number) in order.0.iter().zip(1..) {
        slides.number = number;
        let part = parts.part_or(id, || format!("ppt/slides/slide{number}.xml"));
        match part.filter(|part| archive.has(part)) {
            Some(part) => slide(input, &mut archive, &part, &mut slides, &mut embedded_files)?,
            None => input.warn(format!("Slide {number} is missing in the file.")),
        }
        slides.writer.end_page();
    }
    let mut document = by_nobody(slides.writer.try_finish()?, "Office file uploaded by the user.");
    DublinCore::of(&mut archive, dublin_core::OF_OFFICE).describe(&mut document);
    Ok(embedded_files.after(document))
}

fn slide(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    part: &str,
    slide: &mut Slide,
    embedded_files: &mut embedded::Embedded,
) -> Result<(), ExtractError> {
    let relations = Relations::of(archive, part)?;
    slide.drawings = drawings(input, archive, &relations)?.into_iter().collect();
    slide.writer.separate(2);
    archive.visit(part, slide)?;
    for (_, notes) in relations.of_kind("/notesSlide") {
        slide.is_notes = true;
        slide.writer.separate(2);
        archive.visit(notes, slide)?;
        slide.is_notes = false;
    }
    for kind in ["/comments", "/comment"] {
        for (_, part) in relations.of_kind(kind) {
            let mut comments = Comments::default();
            archive.visit(part, &mut comments)?;
            for comment in comments.texts {
                slide.writer.block(&format!("[Comment: {comment}]"));
            }
        }
    }
    for kind in ["/package", "/oleObject"] {
        for (_, part) in relations.of_kind(kind) {
            embedded_files.read(input, archive, part)?;
        }
    }
    Ok(())
}

/// The ids of the relationships to the slides.
#[derive(Default)]
struct SlideOrder(Vec<String>);

impl Visitor for SlideOrder {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() == "sldId" {
            self.0.extend(element.prefixed("id").map(|id| id.into_owned()));
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// Comments on a slide, in the old and the new format.
#[derive(Default)]
struct Comments {
    texts: Vec<String>,
    in_text: bool,
}

impl Visitor for Comments {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "cm" | "reply" => self.texts.push(String::new()),
            "text" | "t" => self.in_text = true,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "text" | "t" => self.in_text = false,
            "cmLst" => self.texts.retain(|text| !text.trim().is_empty()),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(last) = self.texts.last_mut().filter(|_| self.in_text) {
            last.push_str(text);
        }
    }
}

/// The text of slides.
struct Slide {
    writer: Writer,
    number: u32,
    is_notes: bool,
    drawings: PartTexts,
    hidden: usize,
    in_text: bool,
    /// The properties of the current shape.
    is_left_out: bool,
    is_title: bool,
    paragraph: Paragraph,
    /// Number of consecutive numbered paragraphs, for each level.
    counts: HashMap<u32, u32>,
}

#[derive(Default)]
struct Paragraph {
    has_begun: bool,
    level: u32,
    numbers: Option<String>,
    first: u32,
}

impl Slide {
    fn new(writer: Writer) -> Self {
        Self {
            writer,
            number: 0,
            is_notes: false,
            drawings: PartTexts::new(),
            hidden: 0,
            in_text: false,
            is_left_out: false,
            is_title: false,
            paragraph: Paragraph::default(),
            counts: HashMap::new(),
        }
    }

    fn write(&mut self, text: &str) {
        if self.is_left_out {
            return;
        }
        if !self.paragraph.has_begun && !text.trim().is_empty() {
            self.paragraph.has_begun = true;
            match self.label() {
                Some(label) => self.writer.open_marked(&format!("{label} ")),
                None => self.writer.separate(1),
            }
        }
        self.writer.text(text);
    }

    /// Returns the number of a numbered paragraph. Other paragraphs restart the numbering.
    fn label(&mut self) -> Option<String> {
        let Paragraph { level, first, .. } = self.paragraph;
        self.counts.retain(|other, _| *other <= level);
        let Some(kind) = &self.paragraph.numbers else {
            self.counts.remove(&level);
            return None;
        };
        let count = self.counts.entry(level).or_insert(first - 1);
        *count += 1;
        let format = match kind {
            kind if kind.starts_with("alphaLc") => "lowerLetter",
            kind if kind.starts_with("alphaUc") => "upperLetter",
            kind if kind.starts_with("romanLc") => "lowerRoman",
            kind if kind.starts_with("romanUc") => "upperRoman",
            kind if kind.starts_with("circle") => "decimalEnclosedCircle",
            _ => "decimal",
        };
        let number = ordinals::write(*count, format);
        Some(match kind {
            kind if kind.ends_with("ParenBoth") => format!("({number})"),
            kind if kind.ends_with("ParenR") => format!("{number})"),
            kind if kind.ends_with("Period") => format!("{number}."),
            _ => number,
        })
    }

    /// Handles the role of a shape. The picture and the number of the slide are not part of the
    /// notes.
    fn placeholder(&mut self, kind: &str) {
        self.is_left_out |= match kind {
            "title" | "ctrTitle" if !self.is_notes => {
                self.is_title = true;
                self.writer.open_heading("# ");
                false
            }
            "sldNum" => true,
            "dt" | "hdr" | "ftr" | "sldImg" => self.is_notes,
            _ => false,
        };
    }
}

impl Visitor for Slide {
    fn start(&mut self, element: &Element<'_>) {
        let name = element.name();
        let is_number =
            || element.attribute("type").is_some_and(|kind| kind.starts_with("slidenum"));
        if self.hidden > 0 || name == "Fallback" || (name == "fld" && is_number()) {
            self.hidden += 1;
            return;
        }
        match name {
            "sld"
                if element.attribute("show").is_some_and(|show| show == "0" || show == "false") =>
            {
                self.writer.text(&format!("[Hidden slide {}]", self.number));
                self.writer.separate(1);
            }
            "sp" | "graphicFrame" | "pic" | "cxnSp" => {
                self.is_left_out = false;
                self.writer.separate(2);
            }
            "ph" => self.placeholder(&element.attribute("type").unwrap_or_default()),
            "cNvPr" => {
                let text = element.attribute("descr").filter(|text| !text.trim().is_empty());
                let is_hidden =
                    element.attribute("hidden").is_some_and(|is| is == "1" || is == "true");
                self.is_left_out |= is_hidden;
                if let Some(text) = text {
                    self.write(&format!("[Image: {}]", text.trim()));
                    self.writer.separate(1);
                }
            }
            "t" => self.in_text = true,
            "p" => self.paragraph = Paragraph { first: 1, ..Paragraph::default() },
            "pPr" => {
                let level = element.attribute("lvl").and_then(|level| level.parse().ok());
                self.paragraph.level = level.unwrap_or(0);
            }
            "buAutoNum" => {
                let first = element.attribute("startAt").and_then(|first| first.parse().ok());
                self.paragraph.first = first.unwrap_or(1).max(1);
                self.paragraph.numbers = element.attribute("type").map(|kind| kind.into_owned());
            }
            "tab" => self.write(" "),
            "br" if self.is_title => self.write(" "),
            "br" => self.writer.line_break(),
            "tbl" => self.writer.open_table(),
            "tr" => self.writer.open_row(),
            "tc" => {
                let is_set =
                    |name| element.attribute(name).is_some_and(|is| is == "1" || is == "true");
                let continues = is_set("vMerge") && !is_set("hMerge");
                self.writer.open_cell(CellSpan { continues, ..CellSpan::default() });
            }
            "chart" | "relIds" | "blip" => {
                let id = match name {
                    "chart" => "id",
                    "relIds" => "dm",
                    _ => "embed",
                };
                let id = element.prefixed(id).unwrap_or_default();
                if let Some(text) = self.drawings.get(&*id).cloned() {
                    self.writer.block(&text);
                }
            }
            "sym" => {
                let font = element.attribute("typeface").unwrap_or_default();
                let code = element.attribute("char").and_then(|code| code.chars().next());
                if let Some(c) = code.and_then(|c| symbols::in_font(&font, u32::from(c))) {
                    self.write(c.encode_utf8(&mut [0; 4]));
                }
            }
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
            "p" => {
                self.writer.separate(1);
                self.paragraph = Paragraph::default();
            }
            "tr" => self.writer.close_row(),
            "tc" => self.writer.close_cell(),
            "tbl" => self.writer.close_table(),
            "sp" | "graphicFrame" | "pic" => {
                self.counts.clear();
                (self.is_left_out, self.is_title) = (false, false);
                self.writer.close_heading();
                self.writer.separate(2);
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_text && self.hidden == 0 {
            self.write(text);
        }
    }
}
