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
    /// Languages that the model cannot read.
    unreadable_codes: Vec<String>,
}

/// The most languages that are read at once.
const LIMIT: usize = 16;

impl Languages {
    /// Parses codes separated by commas or plus signs, such as `eng,deu`. Returns `None` if a code
    /// does not have the form of Tesseract's codes (`deu`, `chi_sim`), or if there are too many.
    pub fn parse(codes: &str) -> Option<Self> {
        let codes = codes.split([',', '+']).map(str::trim).filter(|code| !code.is_empty());
        let mut languages = Self::default();
        for code in codes.map(str::to_ascii_lowercase) {
            match Self::known().find(|known| *known == code) {
                Some(known) => languages.codes.push(known),
                None if is_code(&code) => languages.unreadable_codes.push(code),
                None => return None,
            }
        }
        (languages.codes.len() + languages.unreadable_codes.len() <= LIMIT).then_some(languages)
    }

    /// Returns the known codes.
    pub fn known() -> impl Iterator<Item = &'static str> {
        [LATIN, CHINESE, JAPANESE].into_iter().flatten().copied()
    }

    /// Returns the codes in the form that [`Languages::parse`] reads.
    pub fn codes(&self) -> String {
        let unreadable_codes = self.unreadable_codes.iter().map(String::as_str);
        self.codes.iter().copied().chain(unreadable_codes).collect::<Vec<_>>().join(",")
    }

    /// Returns the codes of the languages that the model cannot read.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable_codes
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

/// Returns true for three letters, followed by optional parts for the script or variant after
/// underscores.
fn is_code(code: &str) -> bool {
    let mut parts = code.split('_');
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    code.len() <= 20
        && parts.next().is_some_and(|part| part.len() == 3 && is_word(part))
        && parts.all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_restrict_the_characters_that_are_read() {
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
    fn languages_that_the_model_cannot_read_are_listed() {
        let languages = Languages::parse("eng, ARA+chi_sim,aze_cyrl").unwrap();
        assert_eq!(languages.unreadable(), ["ara", "aze_cyrl"]);
        assert_eq!(languages.codes(), "eng,chi_sim,ara,aze_cyrl");
        for wrong in ["english", "en", "-l", "../ara", "ara_", "ar1", &"abc,".repeat(17)] {
            assert_eq!(Languages::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Languages::parse("eng,deu").unwrap().codes(), "eng,deu");
        assert!(Languages::known().any(|code| code == "jpn"));
    }
}
