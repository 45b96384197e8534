//! Reads rich text (RTF): control words, groups, and the text between them.
mod charsets;
mod table;
mod token;

use std::collections::HashMap;

use carrel_domain::document::Extracted;
use encoding_rs::{Encoding, WINDOWS_1252};

use super::Input;
use super::extract_error::ExtractError;
use super::office::symbol_in_font;
use super::text::document;
use super::writer::Writer;
use charsets::character_set;
pub use charsets::code_page;
use table::Row;
use token::{Token, Tokens};

/// Maximum nesting of groups.
const DEEPEST: usize = 1_000;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = input.bytes()?;
    if !bytes.trim_ascii_start().starts_with(b"{\\rtf") {
        return Err(ExtractError::damaged("a rich text file (.rtf)"));
    }
    Ok(vec![document(text(&bytes, input.limits.text)?, None)])
}

/// Returns the text of `rtf`, at most `limit` bytes.
pub fn text(rtf: &[u8], limit: u64) -> Result<String, ExtractError> {
    let mut reader = Reader {
        writer: Writer::with_limit(limit),
        groups: vec![Group { encoding: WINDOWS_1252, ..Group::default() }],
        deeper: 0,
        fonts: HashMap::new(),
        bytes: Vec::new(),
        high: None,
        row: Row::default(),
        notes: 0,
    };
    for token in Tokens::new(rtf) {
        reader.token(&token);
    }
    reader.flush();
    reader.close_table();
    reader.writer.try_finish()
}

struct Font {
    encoding: Option<&'static Encoding>,
    name: String,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Kind {
    #[default]
    Text,
    /// The content is not shown.
    Hidden,
    Fonts,
    Note,
    Comment,
}

#[derive(Clone)]
struct Group {
    kind: Kind,
    /// Whether this group started its kind.
    is_first: bool,
    /// Whether the group follows `\*`, which marks optional groups.
    is_optional: bool,
    is_invisible: bool,
    in_table: bool,
    font: u32,
    encoding: &'static Encoding,
    /// Number of fallback characters after a Unicode character, for programs without Unicode.
    substitutes: u32,
    skipping: u32,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            kind: Kind::Text,
            is_first: false,
            is_optional: false,
            is_invisible: false,
            in_table: false,
            font: 0,
            encoding: WINDOWS_1252,
            substitutes: 1,
            skipping: 0,
        }
    }
}

struct Reader {
    writer: Writer,
    groups: Vec<Group>,
    deeper: usize,
    fonts: HashMap<u32, Font>,
    /// Text that is not decoded yet.
    bytes: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    row: Row,
    notes: usize,
}

impl Reader {
    fn group(&mut self) -> &mut Group {
        // The outermost group is never closed.
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    fn token(&mut self, token: &Token<'_>) {
        match *token {
            Token::Open => {
                self.flush();
                match self.groups.len() < DEEPEST {
                    true => {
                        let group = Group {
                            is_first: false,
                            is_optional: false,
                            skipping: 0,
                            ..self.group().clone()
                        };
                        self.groups.push(group);
                    }
                    false => self.deeper += 1,
                }
            }
            Token::Close => self.close(),
            Token::Text(bytes) => {
                let skipped = (self.group().skipping as usize).min(bytes.len());
                self.group().skipping -= skipped as u32;
                self.put(&bytes[skipped..]);
            }
            Token::Escaped(byte) => {
                if self.group().skipping > 0 {
                    self.group().skipping -= 1;
                } else {
                    self.put(&[byte]);
                }
            }
            Token::Word(word, number) => {
                if word != "u" {
                    self.group().skipping = 0;
                }
                self.word(word, number);
            }
            Token::Symbol(symbol) => self.symbol(symbol),
        }
    }

    fn is_shown(&mut self) -> bool {
        let group = self.group();
        !group.is_invisible && !matches!(group.kind, Kind::Hidden | Kind::Fonts)
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.group().kind == Kind::Fonts {
            let (font, name) = (self.group().font, String::from_utf8_lossy(bytes));
            if let Some(font) = self.fonts.get_mut(&font).filter(|font| font.name.len() < 100) {
                font.name.push_str(name.trim_end_matches(';'));
            }
        } else if self.is_shown() {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Writes the collected bytes in the encoding of their font.
    fn flush(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let font = self.group().font;
        let known = self.fonts.get(&font);
        let name = known.map_or("", |font| font.name.as_str());
        let is_symbolic =
            name == "Symbol" || name.starts_with("Wingdings") || name.starts_with("Webdings");
        let text = match known.and_then(|font| font.encoding) {
            _ if is_symbolic => bytes
                .iter()
                .map(|byte| symbol_in_font(name, u32::from(*byte)).unwrap_or(char::from(*byte)))
                .collect(),
            Some(encoding) => encoding.decode_without_bom_handling(&bytes).0.into_owned(),
            None => self.group().encoding.decode_without_bom_handling(&bytes).0.into_owned(),
        };
        self.write(&text);
    }

    fn write(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.place();
        }
        self.writer.text(text);
    }

    fn close(&mut self) {
        self.flush();
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        if self.groups.len() == 1 {
            return;
        }
        if let Some(Group { is_first: true, kind: Kind::Note | Kind::Comment, .. }) =
            self.groups.pop()
        {
            self.writer.close_aside();
        }
    }

    fn begin(&mut self, kind: Kind) {
        self.flush();
        let group = self.group();
        if group.kind != Kind::Hidden {
            (group.kind, group.is_first) = (kind, true);
        }
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'*' => self.group().is_optional = true,
            b'~' => self.put(b" "),
            b'_' => self.put(b"-"),
            b'\\' | b'{' | b'}' => self.put(&[symbol]),
            b'\n' | b'\r' => self.word("par", None),
            _ => {}
        }
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        if std::mem::take(&mut self.group().is_optional) && !is_known_option(word) {
            return self.begin(Kind::Hidden);
        }
        let value = number.unwrap_or(1);
        match word {
            "fonttbl" => self.begin(Kind::Fonts),
            "colortbl" | "stylesheet" | "info" | "pict" | "fldinst" | "nonshppict"
            | "listtable" | "listoverridetable" | "revtbl" | "rsidtbl" | "generator"
            | "themedata" | "datastore" | "xmlnstbl" | "filetbl" | "objdata" | "objclass"
            | "bkmkstart" | "bkmkend" | "atnid" | "atnauthor" | "atndate" | "atnref" | "sp"
            | "xe" | "tc" | "template" | "htmltag" => {
                self.begin(Kind::Hidden);
            }
            "footnote" if self.group().kind == Kind::Text => {
                self.begin(Kind::Note);
                self.notes += 1;
                let number = self.notes;
                self.writer.text(&format!("[^{number}]"));
                self.writer.open_aside("", "");
                self.writer.text(&format!("[^{number}]: "));
            }
            "annotation" if self.group().kind == Kind::Text => {
                self.begin(Kind::Comment);
                self.writer.open_aside("[Comment: ", "]");
            }
            "ansicpg" => {
                if let Some(encoding) = code_page(value) {
                    self.groups.iter_mut().for_each(|group| group.encoding = encoding);
                }
            }
            "mac" => {
                self.groups.iter_mut().for_each(|group| group.encoding = encoding_rs::MACINTOSH)
            }
            "f" => {
                self.flush();
                let font = u32::try_from(number.unwrap_or(0)).unwrap_or(0);
                self.group().font = font;
                if self.group().kind == Kind::Fonts && self.fonts.len() < 10_000 {
                    self.fonts.entry(font).or_insert(Font { encoding: None, name: String::new() });
                }
            }
            "fcharset" | "cpg" => {
                let font = self.group().font;
                let encoding = if word == "cpg" {
                    code_page(value)
                } else {
                    character_set(number.unwrap_or(0))
                };
                if let Some(font) = self.fonts.get_mut(&font) {
                    font.encoding = encoding.or(font.encoding);
                }
            }
            "v" => {
                self.flush();
                self.group().is_invisible = number != Some(0);
            }
            "deleted" => {
                self.flush();
                self.group().is_invisible = number != Some(0);
            }
            "plain" => {
                self.flush();
                self.group().is_invisible = false;
            }
            "uc" => self.group().substitutes = u32::try_from(value).unwrap_or(1).min(100),
            "bin" => {}
            _ if !self.is_shown() => {}
            "u" => self.unicode(value),
            _ => self.layout(word),
        }
    }

    fn unicode(&mut self, value: i32) {
        self.flush();
        self.group().skipping = self.group().substitutes;
        let unit = (value & 0xffff) as u16;
        let units = self.high.take().into_iter().chain([unit]);
        match char::decode_utf16(units).next() {
            Some(Ok(c)) if ('\u{f020}'..='\u{f0ff}').contains(&c) => {
                let font = self.group().font;
                let name =
                    self.fonts.get(&font).map_or("Wingdings", |font| font.name.as_str()).to_owned();
                let symbol = symbol_in_font(&name, u32::from(c)).unwrap_or(' ');
                self.write(symbol.encode_utf8(&mut [0; 4]));
            }
            Some(Ok(c)) => self.write(c.encode_utf8(&mut [0; 4])),
            _ if (0xd800..0xdc00).contains(&unit) => self.high = Some(unit),
            _ => {}
        }
    }
}

/// Whether an optional group is read anyway.
fn is_known_option(word: &str) -> bool {
    matches!(
        word,
        "shpinst" | "shptxt" | "annotation" | "footnote" | "fldinst" | "mhtmltag" | "htmltag"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rtf: &str) -> String {
        text(format!("{{\\rtf1\\ansi\\ansicpg1252{rtf}}}").as_bytes(), 1 << 20).unwrap()
    }

    #[test]
    fn the_text_between_control_words_is_read() {
        let rtf = r"{\fonttbl{\f0\fcharset0 Calibri;}{\f1\fcharset204 Arial;}{\f2 Wingdings;}}
            {\*\generator Riched20;}\pard\b Haus\b0 ordnung\par
            Die K\'fcche schlie\'dft.\line {\f1\'cf\'f0\'e8} \u8364?\uc0\u26085 {\v no}{\f2\'fe}\par
            a\tab b\emdash c\~d";
        assert_eq!(read(rtf), "Hausordnung\n\nDie Küche schließt.\nПри €日☑\n\na b—c d");
    }

    #[test]
    fn tables_and_notes_are_placed_in_the_text() {
        let rtf = r"\trowd\cellx1\cellx2\cellx3\pard\intbl A\cell B\cell C\cell\row
            \trowd\cellx1\cellx2\cellx3\pard\intbl 1\cell\cell 3\par 4\cell\row\pard x{\footnote n}y\par z";
        let expected =
            "| A | B | C |\n| --- | --- | --- |\n| 1 |  | 3 4 |\n\nx[^1]y\n\n[^1]: n\n\nz";
        assert_eq!(read(rtf), expected);
        assert_eq!(read(r"\pard Station\cell Number\cell"), "Station\nNumber");
    }

    #[test]
    fn fields_show_their_results_and_links() {
        let rtf = r#"{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt here}} and {\pict 0a0b}end"#;
        assert_eq!(read(rtf), "here and end");
        for malformed in
            ["{", "}", "\\", "\\'", "\\u", "\\bin99999999", "{\\*", "\\cell", "\\row", "\\nestrow"]
        {
            read(&malformed.repeat(5_000));
        }
    }
}
