//! What drawings in an office document refer to: charts, diagrams and pictures.
use super::package::Relations;
use super::{chart, diagram};
use crate::extract::Input;
use crate::extract::archive::Archive;
use crate::extract::fault::Fault;

/// Pictures of fewer bytes are bullets, lines and icons.
pub const SMALLEST_PICTURE: u64 = 3 << 10;

/// The text of each drawing that has some, with the id of its relationship. What cannot be read is noted.
pub fn drawings(
    input: &Input<'_>,
    archive: &mut Archive<'_>,
    relations: &Relations,
) -> Result<Vec<(String, String)>, Fault> {
    let mut texts = Vec::new();
    let charts = relations.of_kind("/chart").chain(relations.of_kind("/chartEx"));
    for (id, part) in charts {
        let text = kept(input, "chart", chart::read(input, archive, part))?;
        texts.extend(text.map(|text| (id.to_owned(), text)));
    }
    for (id, part) in relations.of_kind("/diagramData") {
        let text = kept(input, "diagram", diagram::read(archive, part))?;
        texts.extend(text.map(|text| (id.to_owned(), text)));
    }
    for (_, part) in relations.of_kind("/image") {
        if archive.size(part) >= SMALLEST_PICTURE {
            input.skip_picture(part);
        }
    }
    Ok(texts)
}

/// A drawing that is damaged leaves the document readable.
fn kept(
    input: &Input<'_>,
    what: &str,
    read: Result<String, Fault>,
) -> Result<Option<String>, Fault> {
    match read {
        Ok(text) if text.is_empty() => {
            input.warn(format!("A {what} in it holds nothing that could be read."));
            Ok(None)
        }
        Ok(text) => Ok(Some(text)),
        Err(Fault::Damaged(_)) => {
            input.warn(format!("A {what} in it could not be read: it is damaged."));
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}
