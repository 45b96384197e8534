//! The body of a Word document. Headers, notes and comments have the same structure.
use std::collections::HashSet;
use std::rc::Rc;

use super::fields::WordFields;
use super::numbering::{Label, Numbering};
use super::package::PartTexts;
use super::styles::WordStyles;
use super::symbols;
use crate::extract::writer::{CellSpan, Writer};
use crate::extract::xml::{Element, Visitor};

/// Data from other parts of the package to which the body refers.
#[derive(Clone)]
pub struct WordReferences {
    pub styles: Rc<WordStyles>,
    pub footnotes: Rc<PartTexts>,
    pub endnotes: Rc<PartTexts>,
    pub comments: Rc<PartTexts>,
    pub drawings: Rc<PartTexts>,
    pub chunks: Rc<PartTexts>,
    pub limit: u64,
}

impl WordReferences {
    pub fn new(limit: u64) -> Self {
        Self {
            styles: Rc::default(),
            footnotes: Rc::default(),
            endnotes: Rc::default(),
            comments: Rc::default(),
            drawings: Rc::default(),
            chunks: Rc::default(),
            limit,
        }
    }
}

pub struct Body {
    pub writer: Writer,
    context: WordReferences,
    numbering: Numbering,
    fields: WordFields,
    /// Number of open elements within hidden content, including the hiding element.
    hidden: usize,
    in_text: bool,
    in_instruction: bool,
    paragraph: Paragraph,
    /// Paragraphs around the current text box.
    outer: Vec<Paragraph>,
    /// A cell that has started but has no content yet.
    cell: Option<CellSpan>,
    in_paragraph_properties: usize,
    run: Run,
    referred: HashSet<String>,
    notes: usize,
}

#[derive(Clone, Default)]
struct Paragraph {
    has_begun: bool,
    is_item: bool,
    style: Option<String>,
    list: Option<String>,
    level: Option<usize>,
}

#[derive(Default)]
struct Run {
    is_hidden: bool,
    font: String,
}

impl Body {
    pub fn new(context: WordReferences, numbering: Numbering) -> Self {
        Self {
            writer: Writer::with_limit(context.limit),
            context,
            numbering,
            fields: WordFields::default(),
            hidden: 0,
            in_text: false,
            in_instruction: false,
            paragraph: Paragraph::default(),
            outer: Vec::new(),
            cell: None,
            in_paragraph_properties: 0,
            run: Run::default(),
            referred: HashSet::new(),
            notes: 0,
        }
    }

    /// Returns the text so far.
    pub fn take_text(&mut self) -> String {
        std::mem::replace(&mut self.writer, Writer::with_limit(self.context.limit)).finish()
    }

    /// Returns the comments and notes to which the text does not refer.
    pub fn unreferenced(&self) -> Vec<String> {
        let of = |texts: &PartTexts, kind: &str| {
            let mut texts: Vec<_> = texts
                .iter()
                .filter(|(id, _)| !self.referred.contains(&format!("{kind} {id}")))
                .map(|(id, text)| (id.parse::<u64>().unwrap_or(u64::MAX), text.clone()))
                .collect();
            texts.sort();
            texts.into_iter().map(|(_, text)| text)
        };
        let WordReferences { footnotes, endnotes, comments, .. } = &self.context;
        of(footnotes, "footnote")
            .chain(of(endnotes, "endnote"))
            .chain(of(comments, "comment"))
            .collect()
    }

    /// Starts the paragraph, with its number, unless it has started.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.paragraph.has_begun, true) {
            return;
        }
        let paragraph = &self.paragraph;
        let (list, level) = self.context.styles.list(paragraph.style.as_deref());
        let by_style = paragraph.list.is_none();
        let list = paragraph.list.clone().or(list).filter(|list| list != "0");
        let by_list =
            || self.numbering.level_of_style(list.as_deref()?, paragraph.style.as_deref()?);
        let level = paragraph.level.or(level).or_else(|| by_list().filter(|_| by_style));
        let label = list.and_then(|list| self.numbering.next(&list, level.unwrap_or(0)));
        match label {
            Some(Label::Bullet { level }) => {
                self.writer.open_marked(&format!("{}- ", "  ".repeat(level)));
            }
            Some(Label::Number(number)) => self.writer.open_marked(&format!("{number} ")),
            None => return self.writer.separate(2),
        }
        self.paragraph.is_item = true;
    }

    fn write(&mut self, text: &str) {
        if self.run.is_hidden || !self.fields.is_shown() {
            return;
        }
        if !text.chars().all(char::is_whitespace) {
            self.begin();
        }
        self.writer.text(text);
    }

    fn open_cell(&mut self) {
        if let Some(span) = self.cell.take() {
            self.writer.open_cell(span);
        }
    }

    fn refer(&mut self, kind: &str, id: &str) {
        let texts = match kind {
            "footnote" => &self.context.footnotes,
            "endnote" => &self.context.endnotes,
            _ => &self.context.comments,
        };
        let Some(text) = texts.get(id).cloned() else { return };
        if !self.referred.insert(format!("{kind} {id}")) {
            return;
        }
        if kind == "comment" {
            return self.writer.push_note(text);
        }
        self.notes += 1;
        let number = self.notes;
        self.write(&format!("[^{number}]"));
        self.writer.push_note(format!("[^{number}]: {text}"));
    }

    fn refer_to_part(&mut self, element: &Element<'_>, id: &str) {
        let id = element.prefixed(id).unwrap_or_default();
        let text = self.context.drawings.get(&*id).or_else(|| self.context.chunks.get(&*id));
        if let Some(text) = text.cloned() {
            self.writer.push_note(text);
        }
    }

    /// Reads properties of the paragraph, the run or the cell.
    fn property(&mut self, element: &Element<'_>) {
        let value = || element.attribute("val").map(|value| value.into_owned());
        let is_on = || value().is_none_or(|value| !matches!(&*value, "0" | "false" | "off"));
        match element.name() {
            "pStyle" => self.paragraph.style = value(),
            "numId" => self.paragraph.list = value(),
            "ilvl" => self.paragraph.level = value().and_then(|level| level.parse().ok()),
            "vanish" | "webHidden" if self.in_paragraph_properties == 0 => {
                self.run.is_hidden = element.name() == "vanish" && is_on();
            }
            "rFonts" if self.in_paragraph_properties == 0 => {
                self.run.font = element.attribute("ascii").unwrap_or_default().into_owned();
            }
            "gridSpan" => {
                if let (Some(cell), Some(columns)) = (&mut self.cell, value()) {
                    cell.columns = columns.parse().unwrap_or(1);
                }
            }
            "vMerge" => {
                if let Some(cell) = &mut self.cell {
                    cell.continues = value().is_none_or(|value| value != "restart");
                }
            }
            "gridBefore" => {
                let columns = value().and_then(|columns| columns.parse().ok()).unwrap_or(0);
                if columns > 0 {
                    self.writer.open_cell(CellSpan { columns, ..CellSpan::default() });
                    self.writer.close_cell();
                }
            }
            _ => {}
        }
    }
}

/// Whether an element is hidden: deleted text, properties before a change, ruby text, and fallbacks
/// for programs without support for drawings.
fn is_hidden(name: &str) -> bool {
    matches!(name, "del" | "moveFrom" | "rt" | "Fallback") || name.ends_with("PrChange")
}

impl Visitor for Body {
    fn start(&mut self, element: &Element<'_>) {
        let name = element.name();
        if self.hidden > 0 || is_hidden(name) {
            self.hidden += 1;
            return;
        }
        match name {
            "t" => self.in_text = true,
            "instrText" => self.in_instruction = true,
            "p" => {
                self.open_cell();
                self.paragraph = Paragraph::default();
            }
            "pPr" => self.in_paragraph_properties += 1,
            "r" => self.run = Run::default(),
            "tab" | "ptab" if self.in_paragraph_properties == 0 => self.write(" "),
            "br" | "cr" if self.fields.is_shown() => self.writer.line_break(),
            "noBreakHyphen" => self.write("-"),
            "sym" => {
                let font = element.attribute("font").unwrap_or_default();
                let code = element.attribute("char").unwrap_or_default();
                let code = u32::from_str_radix(&code, 16).unwrap_or(0);
                let symbol = symbols::in_font(&font, code).unwrap_or('\u{fffd}');
                self.write(symbol.encode_utf8(&mut [0; 4]));
            }
            "fldChar" | "fldSimple" | "default" | "checked" | "listEntry" | "result" => {
                if let Some(field_text) = self.fields.start(element) {
                    self.write(&field_text);
                }
            }
            "tbl" => {
                self.open_cell();
                self.writer.open_table();
            }
            "tr" => self.writer.open_row(),
            "tc" => self.cell = Some(CellSpan::default()),
            "txbxContent" => {
                self.outer.push(std::mem::take(&mut self.paragraph));
                self.writer.open_aside("", "");
            }
            "textpath" => {
                let text = element.attribute("string").unwrap_or_default().into_owned();
                self.writer.push_note(text);
            }
            "docPr" => {
                let text = element.attribute("descr").filter(|text| !text.trim().is_empty());
                if let Some(text) = text {
                    self.write(&format!(" [Image: {}] ", text.trim()));
                }
            }
            "chart" => self.refer_to_part(element, "id"),
            "relIds" => self.refer_to_part(element, "dm"),
            "blip" => self.refer_to_part(element, "embed"),
            "imagedata" => self.refer_to_part(element, "id"),
            "altChunk" => {
                self.refer_to_part(element, "id");
                self.writer.separate(2);
            }
            "footnoteReference" | "endnoteReference" | "commentReference" => {
                let id = element.attribute("id").unwrap_or_default().into_owned();
                self.refer(name.trim_end_matches("Reference"), &id);
            }
            _ => self.property(element),
        }
    }

    fn end(&mut self, name: &str) {
        if self.hidden > 0 {
            self.hidden -= 1;
            return;
        }
        match name {
            "t" => self.in_text = false,
            "instrText" => self.in_instruction = false,
            "pPr" => self.in_paragraph_properties = self.in_paragraph_properties.saturating_sub(1),
            "r" => self.run = Run::default(),
            "fldSimple" => self.fields.end_simple(),
            "p" => {
                // A paragraph without text uses up a number too.
                self.begin();
                if self.paragraph.is_item {
                    self.writer.close_line();
                } else {
                    self.writer.separate(2);
                }
                self.paragraph = Paragraph::default();
            }
            "tr" => self.writer.close_row(),
            "tc" => {
                self.open_cell();
                self.writer.close_cell();
            }
            "tbl" => self.writer.close_table(),
            "txbxContent" => {
                self.writer.close_aside();
                self.paragraph = self.outer.pop().unwrap_or_default();
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden > 0 {
        } else if self.in_instruction {
            self.fields.instruction(text);
        } else if self.in_text {
            let is_private = |c: char| ('\u{f020}'..='\u{f0ff}').contains(&c);
            let is_symbolic = self.run.font.starts_with("Wingdings") || self.run.font == "Symbol";
            if is_symbolic || text.contains(is_private) {
                let font = if self.run.font.is_empty() { "Symbol" } else { &self.run.font };
                let visible = |c: char| {
                    symbols::in_font(font, u32::from(c)).or(Some(c).filter(|c| !is_private(*c)))
                };
                let text: String = text.chars().filter_map(visible).collect();
                return self.write(&text);
            }
            self.write(text);
        }
    }
}
