//! Word documents and PowerPoint presentations.
use std::borrow::Cow;
use std::collections::HashMap;

use carrel_domain::document::Extracted;

use super::archive::Archive;
use super::fault::Fault;
use super::layout::Layout;
use super::xml::{Element, Visitor};
use super::{Input, by_nobody};

const WORD: &str = "a Word document (.docx)";
const POWERPOINT: &str = "a PowerPoint presentation (.pptx)";

/// The text of a Word document, then its footnotes and endnotes.
pub fn read_word(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let mut archive = Archive::open(input, WORD)?;
    let mut text = Running::with_lines_between_paragraphs(2);
    let main = main_part(&mut archive, "word/document.xml")?;
    archive.visit_needed(&main, &mut text)?;
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        text.layout.separate(2);
        archive.visit(notes, &mut text)?;
    }
    Ok(vec![by_nobody(text.layout.finish(), "docx file uploaded by the user.")])
}

/// The text of every slide in the order in which they are shown, each with its notes.
pub fn read_powerpoint(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let mut archive = Archive::open(input, POWERPOINT)?;
    let mut text = Running::with_lines_between_paragraphs(1);
    for slide in slides(&mut archive)? {
        text.layout.separate(2);
        if !archive.visit(&slide, &mut text)? {
            continue;
        }
        for (_, part) in related(&mut archive, &slide, "/notesSlide")? {
            text.layout.separate(2);
            archive.visit(&part, &mut text)?;
        }
    }
    Ok(vec![by_nobody(text.layout.finish(), "Office file uploaded by the user.")])
}

/// The part that the package says is the document, for those that name it otherwise than usual.
fn main_part(archive: &mut Archive<'_>, usual: &str) -> Result<String, Fault> {
    if archive.has(usual) {
        return Ok(usual.to_owned());
    }
    let named = related(archive, "", "/officeDocument")?.into_values().next();
    Ok(named.unwrap_or_else(|| usual.to_owned()))
}

fn slides(archive: &mut Archive<'_>) -> Result<Vec<String>, Fault> {
    let presentation = main_part(archive, "ppt/presentation.xml")?;
    let mut order = SlideOrder::default();
    archive.visit_needed(&presentation, &mut order)?;
    let parts = related(archive, &presentation, "/slide")?;
    Ok(order.0.iter().filter_map(|id| parts.get(id).cloned()).collect())
}

/// The parts that `part` names as related to it in a way whose type ends with `kind`, by id.
fn related(
    archive: &mut Archive<'_>,
    part: &str,
    kind: &'static str,
) -> Result<HashMap<String, String>, Fault> {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let relations = format!("{folder}/_rels/{name}.rels");
    let folder = folder.to_owned();
    let mut related = Related { kind, folder, parts: HashMap::new() };
    archive.visit(relations.trim_start_matches('/'), &mut related)?;
    Ok(related.parts)
}

/// The name of the part that `target` means when it is said by a part in `folder`.
pub fn resolve(folder: &str, target: &str) -> String {
    let (target, folder) = match target.strip_prefix('/') {
        Some(absolute) => (absolute, ""),
        None => (target, folder),
    };
    let mut segments: Vec<&str> = folder.split('/').collect();
    for segment in target.split('/') {
        match segment {
            ".." => _ = segments.pop(),
            "." => {}
            _ => segments.push(segment),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments.join("/")
}

struct Related {
    kind: &'static str,
    folder: String,
    parts: HashMap<String, String>,
}

impl Visitor for Related {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() != "Relationship" {
            return;
        }
        let [id, kind, target] = ["Id", "Type", "Target"].map(|name| element.attribute(name));
        let (Some(id), Some(kind), Some(target)) = (id, kind, target) else { return };
        if kind.ends_with(self.kind) {
            self.parts.insert(id.into_owned(), resolve(&self.folder, &target));
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// The ids of the relationships to the slides.
#[derive(Default)]
struct SlideOrder(Vec<String>);

impl Visitor for SlideOrder {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() == "sldId" {
            self.0.extend(element.prefixed("id").map(Cow::into_owned));
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// Paragraphs, tables and lists, which look alike in both formats.
struct Running {
    layout: Layout,
    between: usize,
    /// How many elements are open since one whose content is not shown, that one included.
    hidden: usize,
    /// Inside the element that holds text.
    is_text: bool,
    paragraph: Paragraph,
}

#[derive(Clone, Copy, PartialEq)]
enum Paragraph {
    /// Begun, and nothing of it written.
    New,
    Plain,
    Item,
}

impl Running {
    fn with_lines_between_paragraphs(between: usize) -> Self {
        let layout = Layout::default();
        Self { layout, between, hidden: 0, is_text: false, paragraph: Paragraph::Plain }
    }

    fn is_hidden(element: &Element<'_>) -> bool {
        match element.name() {
            // What was deleted, the readings above ideographs, and what is there a second time for
            // programs that know no drawings.
            "del" | "moveFrom" | "rt" | "Fallback" => true,
            "fld" => element.attribute("type").is_some_and(|kind| kind.starts_with("slidenum")),
            _ => false,
        }
    }
}

impl Visitor for Running {
    fn start(&mut self, element: &Element<'_>) {
        if self.hidden > 0 || Self::is_hidden(element) {
            self.hidden += 1;
            return;
        }
        match element.name() {
            "t" => self.is_text = true,
            "p" => self.paragraph = Paragraph::New,
            "numPr" => {
                self.layout.open_item();
                self.paragraph = Paragraph::Item;
            }
            "tab" | "ptab" => self.layout.text(" "),
            "br" | "cr" => self.layout.line_break(),
            "noBreakHyphen" => self.layout.text("-"),
            "tr" => self.layout.open_row(),
            "tc" => self.layout.open_cell(),
            "tbl" | "sp" | "footnote" | "endnote" => self.layout.separate(2),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if self.hidden > 0 {
            self.hidden -= 1;
            return;
        }
        match name {
            "t" => self.is_text = false,
            "p" => {
                match self.paragraph {
                    Paragraph::Item => self.layout.close_line(),
                    Paragraph::Plain | Paragraph::New => self.layout.separate(self.between),
                }
                self.paragraph = Paragraph::Plain;
            }
            "tr" => self.layout.close_line(),
            "tbl" | "sp" => self.layout.separate(2),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_text && self.hidden == 0 {
            if self.paragraph == Paragraph::New {
                self.layout.separate(self.between);
                self.paragraph = Paragraph::Plain;
            }
            self.layout.text(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::xml;

    fn text(xml: &str) -> String {
        let mut text = Running::with_lines_between_paragraphs(2);
        assert!(xml::walk(format!("<d>{xml}</d>").as_bytes(), &mut text).is_ok());
        text.layout.finish()
    }

    #[test]
    fn runs_are_joined_and_paragraphs_are_apart() {
        let xml = "<p><r><t>One</t></r>\n <r><t xml:space='preserve'> wo</t></r><r><t>rd</t><tab/>\
            <t>x</t><br/><t>y</t></r></p><p/><p><r><t>Two</t></r></p>";
        assert_eq!(text(xml), "One word x\ny\n\nTwo");
    }

    #[test]
    fn what_was_deleted_or_is_there_twice_is_left_out() {
        let xml = "<p><del><r><delText>no</delText><t>no</t></r></del><t>a</t><instrText>PAGE\
            </instrText><AlternateContent><Choice><t>b</t></Choice><Fallback><p><t>b</t></p>\
            </Fallback></AlternateContent><ruby><rt><t>no</t></rt><rubyBase><t>c</t></rubyBase>\
            </ruby></p>";
        assert_eq!(text(xml), "abc");
    }

    #[test]
    fn lists_and_tables_have_their_lines() {
        let xml = "<p><t>Of:</t></p><p><pPr><numPr/></pPr><t>one</t></p><p><pPr><numPr/></pPr>\
            <t>two</t></p><tbl><tr><tc><p><t>A</t></p></tc><tc><p><t>B</t></p></tc></tr><tr><tc>\
            <p><t>1</t></p></tc><tc><p><t>2</t></p></tc></tr></tbl><p><t>end</t></p>";
        assert_eq!(text(xml), "Of:\n\n- one\n- two\n\nA | B\n1 | 2\n\nend");
    }

    #[test]
    fn parts_are_found_from_where_they_are_named() {
        assert_eq!(resolve("ppt/slides", "../notesSlides/n1.xml"), "ppt/notesSlides/n1.xml");
        assert_eq!(resolve("ppt", "/ppt/slides/s1.xml"), "ppt/slides/s1.xml");
        assert_eq!(resolve("", "../../word/./document.xml"), "word/document.xml");
    }
}
