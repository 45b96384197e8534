//! Reads OpenDocument texts, presentations and spreadsheets, as packages or as single XML files.
mod lists;
mod text;
mod workbook;

use std::collections::HashMap;

use carrel_domain::document::Extracted;

use super::archive::Archive;
use super::dublin_core::{self, DublinCore};
use super::embedded::Embedded;
use super::extract_error::ExtractError;
use super::xml::{self, Element, Visitor};
use super::{Input, by_nobody, office};
use text::{OdfStyles, Text};
pub use workbook::read as read_sheets;
pub use workbook::read_flat as read_flat_sheets;

const CONTENT: &str = "content.xml";
/// Maximum number of objects of a document.
const MAX_OBJECTS: usize = 1_000;

/// Texts by the path of the object.
type Objects = HashMap<String, String>;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut archive = open(input, "an OpenDocument file")?;
    let mut styles = OdfStyles::default();
    archive.visit("styles.xml", &mut styles)?;
    archive.visit(CONTENT, &mut styles)?;
    let (objects, embedded) = objects(input, &mut archive)?;
    let mut text = Text::new(input.limits.text, styles, objects);
    archive.visit("styles.xml", &mut text)?;
    archive.visit_needed(CONTENT, &mut text)?;
    let mut document = by_nobody(text.finish()?, "Office file uploaded by the user.");
    DublinCore::of(&mut archive, dublin_core::OF_OPENDOCUMENT).describe(&mut document);
    Ok(embedded.after(document))
}

/// Reads a document in a single XML file.
pub fn read_flat(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let damaged = |_| ExtractError::damaged("an OpenDocument file");
    let mut styles = OdfStyles::default();
    xml::walk(input.reader()?, &mut styles).map_err(damaged)?;
    let mut text = Text::new(input.limits.text, styles, Objects::new());
    xml::walk(input.reader()?, &mut text).map_err(damaged)?;
    if !text.has_body() {
        return Err(ExtractError::damaged("an OpenDocument file"));
    }
    Ok(vec![by_nobody(text.finish()?, "Office file uploaded by the user.")])
}

fn open<'a>(input: &Input<'a>, what: &'static str) -> Result<Archive<'a>, ExtractError> {
    let mut archive = Archive::open(input, what)?;
    let mut manifest = Manifest::default();
    archive.visit("META-INF/manifest.xml", &mut manifest)?;
    if manifest.is_sealed { Err(ExtractError::protected()) } else { Ok(archive) }
}

/// Reads the embedded objects of a document, such as charts and tables.
fn objects(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
) -> Result<(Objects, Embedded), ExtractError> {
    let (mut texts, mut embedded) = (Objects::new(), Embedded::default());
    for name in archive.names() {
        if texts.len() >= MAX_OBJECTS {
            input.warn(format!("Only the first {MAX_OBJECTS} objects in it were read."));
            break;
        }
        if let Some(folder) = name.strip_suffix("/content.xml") {
            let mut text = Text::new(input.limits.text, OdfStyles::default(), Objects::new());
            // An unreadable object does not make the document unreadable.
            match archive.visit(&name, &mut text) {
                Ok(_) => _ = texts.insert(folder.to_owned(), text.finish()?),
                Err(_) => input.warn("An object in it could not be read: it is damaged."),
            }
        } else if !name.contains('/') && name.starts_with("Object") && !name.ends_with(".xml") {
            embedded.read(input, archive, &name)?;
        } else if name.starts_with("Pictures/") {
            let text = office::picture(input, archive, &name)?;
            texts.extend(text.map(|text| (name, text)));
        }
    }
    Ok((texts, embedded))
}

/// Whether parts are encrypted.
#[derive(Default)]
struct Manifest {
    is_sealed: bool,
}

impl Visitor for Manifest {
    fn start(&mut self, element: &Element<'_>) {
        self.is_sealed |= element.name() == "encryption-data";
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}
