//! Reads files attached to a PDF file or to a position on a page.
use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict, Name, Object, Stream, String as PdfString};

use super::info;
use crate::extract::Input;
use crate::extract::embedded::Embedded;

/// Maximum number of attached files.
const LIMIT: usize = 500;
/// Maximum depth of the name tree.
const DEEPEST: usize = 16;

/// Reads each attached file by its type.
pub fn read(input: &Input<'_>, pdf: &Pdf) -> Embedded {
    let mut found = Vec::new();
    let names = info::catalog(pdf).get::<Dict<'_>>("Names");
    if let Some(tree) = names.and_then(|names| names.get::<Dict<'_>>("EmbeddedFiles")) {
        named(&tree, &mut found, 0);
    }
    for page in pdf.pages().iter() {
        let annotations = page.raw().get::<Array<'_>>("Annots");
        for annotation in annotations.iter().flat_map(|all| all.iter::<Dict<'_>>()).take(LIMIT) {
            let kind = annotation.get::<Name<'_>>("Subtype");
            if kind.is_some_and(|kind| kind.as_str() == "FileAttachment") {
                found.extend(annotation.get::<Dict<'_>>("FS"));
            }
        }
    }
    if found.len() > LIMIT {
        input.warn(format!("Only the first {LIMIT} files attached to it were read."));
    }
    let mut files = Embedded::default();
    for file in found.iter().take(LIMIT) {
        add(input, file, &mut files);
    }
    files
}

/// Collects the files in a name tree.
fn named<'a>(node: &Dict<'a>, found: &mut Vec<Dict<'a>>, depth: usize) {
    let leaves = node.get::<Array<'a>>("Names");
    let leaves = leaves.iter().flat_map(|leaves| leaves.iter::<Object<'a>>());
    found.extend(leaves.filter_map(Object::into_dict).take(LIMIT + 1));
    let children = node.get::<Array<'a>>("Kids");
    for child in children.iter().flat_map(|children| children.iter::<Dict<'a>>()).take(LIMIT) {
        if depth < DEEPEST && found.len() <= LIMIT {
            named(&child, found, depth + 1);
        }
    }
}

fn add(input: &Input<'_>, file: &Dict<'_>, files: &mut Embedded) {
    let name = ["UF", "F"].into_iter().find_map(|key| file.get::<PdfString<'_>>(key));
    let name = name.map(|name| info::text_string(name.as_bytes())).unwrap_or_default();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim().to_owned();
    let contents = file.get::<Dict<'_>>("EF");
    let content = contents.and_then(|contents| {
        ["UF", "F"].into_iter().find_map(|key| contents.get::<Stream<'_>>(key))
    });
    let Some(content) = content else { return };
    match content.decoded() {
        // A file that exceeds the limit of unpacked data is not a real attachment.
        Ok(bytes) if bytes.len() as u64 <= input.inflatable() => {
            input.set_inflatable(input.inflatable() - bytes.len() as u64);
            files.add(input, &name, &bytes);
        }
        _ => input.warn(format!("The embedded file {name} could not be unpacked.")),
    }
}
