//! The table of file types: a new format is a module and a row.
use carrel_domain::Result;
use carrel_domain::document::Extracted;

use super::{Input, html, text};

type Read = fn(&Input<'_>) -> Result<Vec<Extracted>>;

struct Format {
    mime: &'static str,
    extensions: &'static [&'static str],
    read: Read,
}

/// In the order in which clients are told of them.
const FORMATS: &[Format] = &[
    Format {
        mime: "text/plain",
        extensions: &["txt", "md", "org", "adoc", "rst"],
        read: text::read,
    },
    Format { mime: "text/html", extensions: &["html", "htm"], read: html::read },
    Format { mime: "text/csv", extensions: &["csv"], read: text::read },
    Format { mime: "application/json", extensions: &["json"], read: text::read_json },
];

/// Types that are refused by name, even where a file happens to look like text.
const NOT_TEXT: &[&str] = &[
    "pdf", "docx", "pptx", "xlsx", "odt", "odp", "ods", "doc", "ppt", "xls", "epub", "mbox", "eml",
    "wav", "mp3", "ogg", "oga", "opus", "m4a", "flac", "webm", "mp4", "mpeg", "mpg", "mov", "avi",
    "png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "ico", "heic", "avif", "zip", "gz",
    "bz2", "xz", "zst", "tar", "7z", "rar", "exe", "dll", "so", "dylib", "bin", "class", "jar",
    "wasm", "sqlite", "db", "woff", "woff2", "ttf", "otf",
];

pub fn reader(extension: &str) -> Option<Read> {
    let format = FORMATS.iter().find(|format| format.extensions.contains(&extension))?;
    Some(format.read)
}

pub fn is_known_not_to_be_text(extension: &str) -> bool {
    NOT_TEXT.contains(&extension)
}

/// The types understood: each MIME type and its extensions, with their dots.
///
/// Files of other types are taken too when their content looks like text.
pub fn accepted_types() -> Vec<(&'static str, Vec<String>)> {
    let dotted = |format: &Format| format.extensions.iter().map(|e| format!(".{e}")).collect();
    FORMATS.iter().map(|format| (format.mime, dotted(format))).collect()
}
