//! The table of file types. A new format is a module and a row.
use ReadMethod::{Apart, Here, Picture, Recording};
use carrel_domain::document::{Extracted, FileType};

use super::extract_error::ExtractError;
use super::{
    Input, bundle, epub, html, mail, markup, notebook, office, opendocument, pdf, pictures,
    recordings, rtf, sheets, subtitles, text,
};

type Read = fn(&Input<'_>) -> Result<Vec<Extracted>, ExtractError>;

/// How and where files of a type are read.
#[derive(Clone, Copy)]
pub enum ReadMethod {
    /// In this process, in time and memory proportional to their size.
    Here(Read),
    /// In a separate process, because unpacking or decoding can cost any amount of time and memory.
    Apart(Read),
    /// Like [`ReadMethod::Apart`], if this server reads pictures.
    Picture(Read),
    /// Like [`ReadMethod::Apart`], if this server transcribes recordings.
    Recording(Read),
}

struct Format {
    mime: &'static str,
    extensions: &'static [&'static str],
    aliases: &'static [&'static str],
    reading: ReadMethod,
}

const fn format(
    mime: &'static str,
    extensions: &'static [&'static str],
    reading: ReadMethod,
) -> Format {
    Format { mime, extensions, aliases: &[], reading }
}

const OCR: ReadMethod = Picture(pictures::read);
const SPEECH: ReadMethod = Recording(recordings::read);

/// The formats in the order in which clients list them.
const FORMATS: &[Format] = &[
    format("text/plain", &[".txt", ".md", ".org", ".adoc", ".rst"], Here(text::read)),
    Format { aliases: &[".htm"], ..format("text/html", &[".html"], Here(html::read)) },
    format("application/xhtml+xml", &[".xhtml"], Here(html::read)),
    format("text/csv", &[".csv"], Here(text::read)),
    Format {
        aliases: &[".tab"],
        ..format("text/tab-separated-values", &[".tsv"], Here(text::read))
    },
    format("application/json", &[".json"], Here(text::read_json)),
    format("application/jsonl", &[".jsonl"], Here(text::read)),
    Format { aliases: &[".yml"], ..format("application/yaml", &[".yaml"], Here(text::read)) },
    format("application/toml", &[".toml"], Here(text::read)),
    format("application/xml", &[".xml"], Here(markup::read_xml)),
    format("application/x-tex", &[".tex"], Here(text::read)),
    format("application/rtf", &[".rtf"], Here(rtf::read)),
    format("application/x-subrip", &[".srt"], Here(subtitles::read)),
    format("text/vtt", &[".vtt"], Here(subtitles::read)),
    format("text/calendar", &[".ics"], Here(mail::read_calendar)),
    format("text/vcard", &[".vcf"], Here(mail::read_cards)),
    format("application/x-ipynb+json", &[".ipynb"], Apart(notebook::read)),
    format("application/x-fictionbook+xml", &[".fb2"], Apart(markup::read_book)),
    format(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &[".docx"],
        Apart(office::read_word),
    ),
    format(
        "application/vnd.ms-word.document.macroEnabled.12",
        &[".docm", ".dotm"],
        Apart(office::read_word),
    ),
    format(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
        &[".dotx"],
        Apart(office::read_word),
    ),
    format(
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &[".pptx"],
        Apart(office::read_powerpoint),
    ),
    format(
        "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
        &[".pptm", ".ppsm", ".potm"],
        Apart(office::read_powerpoint),
    ),
    format(
        "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
        &[".ppsx"],
        Apart(office::read_powerpoint),
    ),
    format(
        "application/vnd.openxmlformats-officedocument.presentationml.template",
        &[".potx"],
        Apart(office::read_powerpoint),
    ),
    format(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &[".xlsx"],
        Apart(sheets::read),
    ),
    format(
        "application/vnd.ms-excel.sheet.macroEnabled.12",
        &[".xlsm", ".xltm"],
        Apart(sheets::read),
    ),
    format(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
        &[".xltx"],
        Apart(sheets::read),
    ),
    format(
        "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
        &[".xlsb"],
        Apart(sheets::read_binary),
    ),
    format("application/vnd.ms-excel", &[".xls"], Apart(sheets::read_binary)),
    Format {
        aliases: &[".ott"],
        ..format("application/vnd.oasis.opendocument.text", &[".odt"], Apart(opendocument::read))
    },
    Format {
        aliases: &[".otp", ".odg"],
        ..format(
            "application/vnd.oasis.opendocument.presentation",
            &[".odp"],
            Apart(opendocument::read),
        )
    },
    format(
        "application/vnd.oasis.opendocument.text-flat-xml",
        &[".fodt", ".fodp"],
        Apart(opendocument::read_flat),
    ),
    format(
        "application/vnd.oasis.opendocument.spreadsheet-flat-xml",
        &[".fods"],
        Apart(opendocument::read_flat_sheets),
    ),
    format("application/pdf", &[".pdf"], Apart(pdf::read)),
    format("application/mbox", &[".mbox"], Apart(mail::read_mailbox)),
    format("application/vnd.ms-outlook", &[".msg"], Apart(mail::read_outlook)),
    Format {
        aliases: &[".mht"],
        ..format("multipart/related", &[".mhtml"], Apart(mail::read_archived_page))
    },
    format("application/zip", &[".zip"], Apart(bundle::read)),
    format("audio/wav", &[".wav"], SPEECH),
    format("audio/mpeg", &[".mp3"], SPEECH),
    format("audio/ogg", &[".ogg", ".oga"], SPEECH),
    format("audio/opus", &[".opus"], SPEECH),
    format("audio/mp4", &[".m4a"], SPEECH),
    format("audio/x-m4a", &[".m4a"], SPEECH),
    format("audio/webm", &[".webm"], SPEECH),
    format("audio/flac", &[".flac"], SPEECH),
    format("audio/aac", &[".aac"], SPEECH),
    format("audio/aiff", &[".aiff", ".aif"], SPEECH),
    format("video/mp4", &[".mp4"], SPEECH),
    format("video/quicktime", &[".mov"], SPEECH),
    format("video/webm", &[".webm"], SPEECH),
    format("video/x-matroska", &[".mkv"], SPEECH),
    Format { aliases: &[".mpga"], ..format("video/mpeg", &[".mpeg"], SPEECH) },
    format("application/epub+zip", &[".epub"], Apart(epub::read)),
    format("image/png", &[".png"], OCR),
    Format { aliases: &[".jpeg"], ..format("image/jpeg", &[".jpg"], OCR) },
    format("image/jpg", &[".jpg"], OCR),
    format("image/webp", &[".webp"], OCR),
    format("image/gif", &[".gif"], OCR),
    format("image/bmp", &[".bmp"], OCR),
    Format { aliases: &[".tif"], ..format("image/tiff", &[".tiff"], OCR) },
    Format { aliases: &[".heif"], ..format("image/heic", &[".heic"], OCR) },
    Format {
        aliases: &[".ots"],
        ..format(
            "application/vnd.oasis.opendocument.spreadsheet",
            &[".ods"],
            Apart(opendocument::read_sheets),
        )
    },
    format("message/rfc822", &[".eml"], Apart(mail::read_mail)),
];

/// Extensions that are refused even if the file looks like text.
const NOT_TEXT: &[&str] = &[
    "flac", "mpg", "mov", "avi", "mkv", "ico", "avif", "gz", "bz2", "xz", "zst", "tar", "7z",
    "rar", "exe", "dll", "so", "dylib", "bin", "class", "jar", "wasm", "sqlite", "db", "woff",
    "woff2", "ttf", "otf",
];

/// Types that are refused with the advice to save the file in another format.
const TO_BE_SAVED: &[(&[&str], &str, &str)] = &[
    (&["doc", "dot"], "Word before 2007", ".docx or .pdf"),
    (&["ppt", "pps", "pot"], "PowerPoint before 2007", ".pptx or .pdf"),
    (&["pages"], "Apple Pages", ".docx or .pdf"),
    (&["numbers"], "Apple Numbers", ".xlsx or .csv"),
    (&["key"], "Apple Keynote", ".pptx or .pdf"),
    (&["wpd"], "WordPerfect", ".docx or .pdf"),
    (&["pub"], "Publisher", ".pdf"),
    (&["one"], "OneNote", ".docx or .pdf"),
    (&["djvu"], "DjVu", ".pdf"),
    (&["mobi", "azw", "azw3"], "a Kindle", ".epub"),
];

/// Programming languages by extension.
const LANGUAGES: &[(&str, &str)] = &[
    ("rs", "Rust"),
    ("py", "Python"),
    ("js", "JavaScript"),
    ("mjs", "JavaScript"),
    ("ts", "TypeScript"),
    ("tsx", "TypeScript"),
    ("jsx", "JavaScript"),
    ("java", "Java"),
    ("kt", "Kotlin"),
    ("c", "C"),
    ("h", "C"),
    ("cpp", "C++"),
    ("hpp", "C++"),
    ("cc", "C++"),
    ("cs", "C#"),
    ("go", "Go"),
    ("rb", "Ruby"),
    ("php", "PHP"),
    ("swift", "Swift"),
    ("scala", "Scala"),
    ("sh", "shell"),
    ("bash", "shell"),
    ("ps1", "PowerShell"),
    ("sql", "SQL"),
    ("r", "R"),
    ("jl", "Julia"),
    ("lua", "Lua"),
    ("pl", "Perl"),
    ("hs", "Haskell"),
    ("ex", "Elixir"),
    ("erl", "Erlang"),
    ("clj", "Clojure"),
    ("dart", "Dart"),
    ("css", "CSS"),
    ("scss", "SCSS"),
    ("vue", "Vue"),
];

/// Returns the refusal of a file whose program can save it in a supported format.
pub fn advice(extension: &str) -> Option<ExtractError> {
    let (_, program, better) = TO_BE_SAVED.iter().find(|(known, ..)| known.contains(&extension))?;
    Some(ExtractError::unreadable(format!(
        "is in the format of {program}, which is not supported. Save it as {better} and send it \
         again."
    )))
}

pub fn language(extension: &str) -> Option<&'static str> {
    LANGUAGES.iter().find(|(known, _)| *known == extension).map(|(_, language)| *language)
}

/// Whether files of a type can be read, judged by the extension.
pub fn is_read(extension: &str) -> bool {
    matches!(reading(extension), Some(Here(_) | Apart(_)))
        || language(extension).is_some()
        || matches!(extension, "log" | "text" | "ini" | "conf" | "properties")
}

/// Returns how files with an extension are read. `extension` is in lower case, without the dot.
pub fn reading(extension: &str) -> Option<ReadMethod> {
    let is_meant = |known: &&str| known.strip_prefix('.') == Some(extension);
    let format = FORMATS
        .iter()
        .find(|format| format.extensions.iter().chain(format.aliases).any(is_meant))?;
    Some(format.reading)
}

pub fn is_known_not_to_be_text(extension: &str) -> bool {
    NOT_TEXT.contains(&extension)
}

/// Whether files of a type are pictures, which are only read with an OCR model.
pub fn is_picture(extension: &str) -> bool {
    matches!(reading(extension), Some(Picture(_)))
}

/// Whether files of a type are recordings, which are only read with a transcription model.
pub fn is_recording(extension: &str) -> bool {
    matches!(reading(extension), Some(Recording(_)))
}

/// Returns the known types in the order in which clients list them, and whether each is read on a
/// server that reads pictures or recordings as stated.
pub fn file_types(reads_pictures: bool, reads_recordings: bool) -> impl Iterator<Item = FileType> {
    FORMATS.iter().map(move |format| {
        let Format { mime, extensions, aliases, reading } = format;
        let is_read = match reading {
            Here(_) | Apart(_) => true,
            Picture(_) => reads_pictures,
            Recording(_) => reads_recordings,
        };
        FileType { mime, extensions, aliases, is_read }
    })
}
