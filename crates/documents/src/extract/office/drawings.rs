//! Follows the references of drawings in an office document: charts, diagrams and pictures.
use super::package::Relations;
use super::{chart, diagram};
use crate::extract::archive::Archive;
use crate::extract::extract_error::ExtractError;
use crate::extract::{Input, embedded, pictures};

/// Smaller pictures, in bytes, are bullets, lines and icons.
const SMALLEST_PICTURE: u64 = 3 << 10;

/// Returns the text of each drawing that has any, with the id of its relationship. Adds a warning
/// for each unreadable drawing.
pub fn drawings(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    relations: &Relations,
) -> Result<Vec<(String, String)>, ExtractError> {
    let mut texts = Vec::new();
    let charts = relations.of_kind("/chart").chain(relations.of_kind("/chartEx"));
    for (id, part) in charts {
        let text = or_warn(input, "chart", chart::read(input, archive, part))?;
        texts.extend(text.map(|text| (id.to_owned(), text)));
    }
    for (id, part) in relations.of_kind("/diagramData") {
        let text = or_warn(input, "diagram", diagram::read(archive, part))?;
        texts.extend(text.map(|text| (id.to_owned(), text)));
    }
    for (id, part) in relations.of_kind("/image") {
        let text = picture(input, archive, part)?;
        texts.extend(text.map(|text| (id.to_owned(), text)));
    }
    Ok(texts)
}

/// Returns the text of a picture, marked as such.
pub fn picture(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    part: &str,
) -> Result<Option<String>, ExtractError> {
    if archive.size(part) < SMALLEST_PICTURE {
        return Ok(None);
    }
    if input.pictures().missing().is_some() {
        input.skip_picture(part);
        return Ok(None);
    }
    let bytes = embedded::part_bytes(input, archive, part, part)?;
    let text = bytes.and_then(|bytes| pictures::embedded_text(input, part, &bytes));
    Ok(text.map(|text| format!("[Text in a picture: {text}]")))
}

/// Turns a damaged drawing into a warning, so that the document can be read.
fn or_warn(
    input: &Input<'_>,
    what: &str,
    read: Result<String, ExtractError>,
) -> Result<Option<String>, ExtractError> {
    match read {
        Ok(text) if text.is_empty() => {
            input.warn(format!("A {what} in it has no readable content."));
            Ok(None)
        }
        Ok(text) => Ok(Some(text)),
        Err(ExtractError::Damaged(_)) => {
            input.warn(format!("A {what} in it could not be read: it is damaged."));
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}
