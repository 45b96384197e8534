//! The structure of a document's text, derived from its file name.
use crate::DocumentPath;

/// The structure that the splitter expects in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextKind {
    /// Markdown or plain text: headings, paragraphs, tables, code blocks.
    #[default]
    Prose,
    /// Prose with a form feed after each slide.
    Slides,
    /// One record per line, with values separated by commas, semicolons or tabs.
    Table,
    /// Lines that each begin with a time in brackets, in seconds.
    Transcript,
    /// Source code, configuration or logs: lines without headings or sentences.
    Code,
}

const SLIDES: &[&str] =
    &["pptx", "pptm", "ppsx", "ppsm", "potx", "potm", "odp", "otp", "odg", "fodp"];
const TABLES: &[&str] = &["csv", "tsv", "tab"];
const WORKBOOKS: &[&str] = &["xlsx", "xlsm", "xltx", "xltm", "xlsb", "xls", "ods", "ots", "fods"];
const TRANSCRIPTS: &[&str] = &[
    "srt", "vtt", "wav", "mp3", "ogg", "oga", "opus", "m4a", "webm", "mp4", "mpeg", "mpga", "flac",
    "aac", "aiff", "aif", "mov", "mkv",
];
const PROSE: &[&str] = &[
    "txt", "md", "markdown", "org", "adoc", "rst", "html", "htm", "xhtml", "rtf", "docx", "docm",
    "dotx", "dotm", "odt", "ott", "fodt", "pdf", "epub", "fb2", "ipynb", "eml", "mbox", "msg",
    "mhtml", "mht", "ics", "vcf", "text", "json", "tex", "png", "jpg", "jpeg", "webp", "gif",
    "bmp", "tif", "tiff",
];

/// Returns whether a file name is that of a workbook.
pub(crate) fn is_workbook(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    extension.is_some_and(|extension| WORKBOOKS.contains(&extension.as_str()))
}

impl TextKind {
    /// Returns the kind of the document at `path`, whose file name is `<name>-<id>.json`.
    pub fn of(path: &DocumentPath) -> Self {
        let name = original_name(path.name());
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        // A workbook sheet inside a mail or an archive is named `book.xlsx-Sheet1`.
        let is_sheet = || {
            name.starts_with("sheet-")
                || WORKBOOKS.iter().any(|known| name.to_lowercase().contains(&format!(".{known}-")))
        };
        match extension.as_deref() {
            Some(known) if TABLES.contains(&known) => Self::Table,
            Some(known) if SLIDES.contains(&known) => Self::Slides,
            Some(known) if TRANSCRIPTS.contains(&known) => Self::Transcript,
            Some(known) if PROSE.contains(&known) => Self::Prose,
            _ if is_sheet() => Self::Table,
            // Texts sent directly and web pages have no meaningful extension.
            _ if name.starts_with("raw-") || name.starts_with("url-") => Self::Prose,
            Some(known) if is_code(known) => Self::Code,
            _ => Self::Prose,
        }
    }
}

/// Returns whether the part after the dot is a plausible extension: true for `main.rs`, false for
/// `Chapter 2. Hotels`.
fn is_code(extension: &str) -> bool {
    !extension.is_empty()
        && extension.len() <= 10
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Returns the name of the original file, without the document id, the mail number and `.json`.
fn original_name(stored: &str) -> &str {
    const ID: usize = 36;
    let name = stored.strip_suffix(".json").unwrap_or(stored);
    let name = match name.rsplit_once("-msg-") {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    };
    let id = name.len().checked_sub(ID + 1).filter(|at| name.is_char_boundary(*at));
    match id.map(|at| name.split_at(at)) {
        Some((original, id)) if uuid::Uuid::parse_str(&id[1..]).is_ok() => original,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_determines_the_text_kind() {
        let kind = |name: &str| {
            let stored = format!("{name}-00000000-0000-4000-8000-000000000001.json");
            TextKind::of(&DocumentPath::new("f", &stored).unwrap())
        };
        for (name, expected) in [
            ("kunden.csv", TextKind::Table),
            ("sheet-Q1-costs", TextKind::Table),
            ("sheet-music.md", TextKind::Prose),
            ("book.xlsx-Sheet1", TextKind::Table),
            ("deck.PPTX", TextKind::Slides),
            ("talk.vtt", TextKind::Transcript),
            ("main.rs", TextKind::Code),
            ("server.log", TextKind::Code),
            ("raw-notes", TextKind::Prose),
            ("url-example.com_a", TextKind::Prose),
            ("report.pdf", TextKind::Prose),
            ("README", TextKind::Prose),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
        let mail = "a.mbox-00000000-0000-4000-8000-000000000001-msg-12.json";
        assert_eq!(original_name(mail), "a.mbox");
        assert_eq!(original_name("plain.json"), "plain");
    }
}
