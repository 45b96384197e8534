//! The expected languages, which determine the characters that are read.

/// Languages whose letters the model knows, by the codes of Tesseract (ISO 639-3).
const LATIN: &[&str] = &[
    "afr", "bos", "cat", "ces", "cym", "dan", "deu", "eng", "epo", "est", "eus", "fin", "fra",
    "gle", "glg", "hrv", "hun", "ind", "isl", "ita", "lat", "lav", "lit", "mlt", "msa", "nld",
    "nor", "oci", "pol", "por", "ron", "slk", "slv", "spa", "sqi", "srp_latn", "swa", "swe", "tgl",
    "tur", "uzb",
];
const CHINESE: &[&str] = &["chi_sim", "chi_tra"];
const JAPANESE: &[&str] = &["jpn"];

/// The languages of the images. Without any, every character that the model knows is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Languages {
    codes: Vec<&'static str>,
}

impl Languages {
    /// Parses codes separated by commas or plus signs, such as `eng,deu`. Returns `None` if the
    /// model cannot read one of them.
    pub fn parse(codes: &str) -> Option<Self> {
        let codes = codes.split([',', '+']).map(str::trim).filter(|code| !code.is_empty());
        let known = |code: &str| {
            let all = [LATIN, CHINESE, JAPANESE].into_iter().flatten().copied();
            all.into_iter().find(|known| known.eq_ignore_ascii_case(code))
        };
        Some(Self { codes: codes.map(known).collect::<Option<_>>()? })
    }

    /// Returns the known codes.
    pub fn known() -> impl Iterator<Item = &'static str> {
        [LATIN, CHINESE, JAPANESE].into_iter().flatten().copied()
    }

    /// Returns the codes in the form that [`Languages::parse`] reads.
    pub fn codes(&self) -> String {
        self.codes.join(",")
    }

    /// Returns true if these languages use the character.
    pub fn allow(&self, c: char) -> bool {
        let has = |codes: &[&str]| self.codes.iter().any(|code| codes.contains(code));
        match c {
            _ if self.codes.is_empty() || c.is_ascii() => true,
            // Full-width punctuation.
            '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffef}' => {
                has(CHINESE) || has(JAPANESE)
            }
            '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff61}'..='\u{ff9f}' => {
                has(JAPANESE)
            }
            '\u{3100}'..='\u{31ef}' | '\u{3200}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => {
                has(CHINESE) || has(JAPANESE)
            }
            '\u{20000}'..='\u{3ffff}' => has(CHINESE) || has(JAPANESE),
            // All languages use dashes, quotation marks, currency signs and similar characters.
            _ if !c.is_alphabetic() => true,
            '\u{aa}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => has(LATIN),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_narrow_down_what_is_read() {
        let allows = |codes: &str, text: &str| {
            let languages = Languages::parse(codes).unwrap();
            text.chars().filter(|c| languages.allow(*c)).collect::<String>()
        };
        let text = "Aé1–€中のα（";
        assert_eq!(allows("", text), text);
        assert_eq!(allows("eng, DEU", text), "Aé1–€");
        assert_eq!(allows("chi_sim", text), "A1–€中（");
        assert_eq!(allows("jpn+fra", text), "Aé1–€中の（");
    }

    #[test]
    fn languages_that_cannot_be_read_are_refused() {
        assert_eq!(Languages::parse("eng,rus"), None);
        assert_eq!(Languages::parse("eng,deu").unwrap().codes(), "eng,deu");
        assert!(Languages::known().any(|code| code == "jpn"));
    }
}
