//! The table of file types: a new format is a module and a row.
use Reading::{Apart, Awaits, Here};
use carrel_domain::document::{Extracted, FileType};

use super::fault::Fault;
use super::{Input, epub, html, mail, ooxml, opendocument, pdf, sheets, text};

type Read = fn(&Input<'_>) -> Result<Vec<Extracted>, Fault>;

/// What is done with files of a type.
#[derive(Clone, Copy)]
pub enum Reading {
    /// Read as they are, in time and memory that grow with their size alone.
    Here(Read),
    /// Unpacked or decoded, which a file may make cost anything: in a process of its own.
    Apart(Read),
    /// Refused as long as the setting of that name configures nothing that could read them.
    Awaits(&'static str),
}

struct Format {
    mime: &'static str,
    extensions: &'static [&'static str],
    aliases: &'static [&'static str],
    reading: Reading,
}

const fn format(
    mime: &'static str,
    extensions: &'static [&'static str],
    reading: Reading,
) -> Format {
    Format { mime, extensions, aliases: &[], reading }
}

/// The language in which pictures are read.
const OCR: Reading = Awaits("TARGET_OCR_LANG");
const TRANSCRIPTION: Reading = Awaits("WHISPER_PROVIDER");

/// In the order in which clients are told of them.
const FORMATS: &[Format] = &[
    format("text/plain", &[".txt", ".md", ".org", ".adoc", ".rst"], Here(text::read)),
    Format { aliases: &[".htm"], ..format("text/html", &[".html"], Here(html::read)) },
    format("text/csv", &[".csv"], Here(text::read)),
    format("application/json", &[".json"], Here(text::read_json)),
    format(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &[".docx"],
        Apart(ooxml::read_word),
    ),
    format(
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &[".pptx"],
        Apart(ooxml::read_powerpoint),
    ),
    format(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &[".xlsx"],
        Apart(sheets::read),
    ),
    format("application/vnd.oasis.opendocument.text", &[".odt"], Apart(opendocument::read)),
    format("application/vnd.oasis.opendocument.presentation", &[".odp"], Apart(opendocument::read)),
    format("application/pdf", &[".pdf"], Apart(pdf::read)),
    format("application/mbox", &[".mbox"], Apart(mail::read_mailbox)),
    format("audio/wav", &[".wav"], TRANSCRIPTION),
    format("audio/mpeg", &[".mp3"], TRANSCRIPTION),
    format("audio/ogg", &[".ogg", ".oga"], TRANSCRIPTION),
    format("audio/opus", &[".opus"], TRANSCRIPTION),
    format("audio/mp4", &[".m4a"], TRANSCRIPTION),
    format("audio/x-m4a", &[".m4a"], TRANSCRIPTION),
    format("audio/webm", &[".webm"], TRANSCRIPTION),
    format("video/mp4", &[".mp4"], TRANSCRIPTION),
    format("video/mpeg", &[".mpeg"], TRANSCRIPTION),
    format("application/epub+zip", &[".epub"], Apart(epub::read)),
    format("image/png", &[".png"], OCR),
    Format { aliases: &[".jpeg"], ..format("image/jpeg", &[".jpg"], OCR) },
    format("image/jpg", &[".jpg"], OCR),
    format("image/webp", &[".webp"], OCR),
    format(
        "application/vnd.oasis.opendocument.spreadsheet",
        &[".ods"],
        Apart(opendocument::read_sheets),
    ),
    format("message/rfc822", &[".eml"], Apart(mail::read_mail)),
];

/// Types that are refused by name, even where a file happens to look like text.
const NOT_TEXT: &[&str] = &[
    "doc", "ppt", "xls", "docm", "dotx", "pptm", "xlsm", "xlsb", "odg", "flac", "mpg", "mov",
    "avi", "mkv", "gif", "bmp", "tif", "tiff", "ico", "heic", "avif", "zip", "gz", "bz2", "xz",
    "zst", "tar", "7z", "rar", "exe", "dll", "so", "dylib", "bin", "class", "jar", "wasm",
    "sqlite", "db", "woff", "woff2", "ttf", "otf",
];

/// `extension` is in lower case, without its dot.
pub fn reading(extension: &str) -> Option<Reading> {
    let is_meant = |known: &&str| known.strip_prefix('.') == Some(extension);
    let format = FORMATS
        .iter()
        .find(|format| format.extensions.iter().chain(format.aliases).any(is_meant))?;
    Some(format.reading)
}

pub fn is_known_not_to_be_text(extension: &str) -> bool {
    NOT_TEXT.contains(&extension)
}

/// Why a file of a type that awaits `setting` is refused.
pub fn unconfigured(extension: &str, setting: &str) -> Fault {
    let what = match setting {
        "WHISPER_PROVIDER" => "Transcribing audio and video",
        _ => "Reading text in images (OCR)",
    };
    Fault::said(format!(
        "{what} is not configured on this server, so files of type .{extension} cannot be read. \
         The setting {setting} will configure it."
    ))
}

/// The types known by name, in the order in which clients are told of them.
pub fn file_types() -> impl Iterator<Item = FileType> {
    FORMATS.iter().map(|format| {
        let Format { mime, extensions, aliases, reading } = format;
        let needs = match reading {
            Here(_) | Apart(_) => None,
            Awaits(setting) => Some(*setting),
        };
        FileType { mime, extensions, aliases, needs }
    })
}
