//! Files of the text face. Each has the characters of one script, or those that languages of the
//! interface use of it, and browsers load it for a page that shows one of them. `css/fonts.css`
//! lists the characters.

/// Media type of the files.
pub const MEDIA_TYPE: &str = "font/woff2";

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        /// Names and contents. The format is compressed already.
        pub const FILES: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../../assets/fonts/", $name)))),+];
    };
}

files![
    "latin.woff2",
    "latin-italic.woff2",
    "latin-ext.woff2",
    "latin-rest.woff2",
    "latin-ext-italic.woff2",
    "vietnamese.woff2",
    "vietnamese-italic.woff2",
    "cyrillic.woff2",
    "cyrillic-rest.woff2",
    "cyrillic-italic.woff2",
    "greek.woff2",
    "greek-italic.woff2",
];

/// Returns the files that a language of the interface needs, so that browsers can request them
/// before they know the styles. Languages in other scripts use fonts of the system, and the Latin
/// file only for names and digits, which may arrive later.
pub fn for_language(language: &str) -> &'static [&'static str] {
    match language {
        "ar" | "ja" | "ko" | "zh-Hans" => &[],
        "pl" | "tr" => &["latin.woff2", "latin-ext.woff2"],
        "ru" => &["latin.woff2", "cyrillic.woff2"],
        _ => &["latin.woff2"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::language;

    /// Letters that a file has.
    fn covers(name: &str, letter: char) -> bool {
        match name {
            "latin.woff2" => matches!(letter, 'A'..='Z' | 'a'..='z' | 'À'..='ÿ'),
            "latin-ext.woff2" => "ĄąĆćĘęĞğİŁłŃńŚśŞşŹźŻż".contains(letter),
            "cyrillic.woff2" => matches!(letter, 'А'..='я' | 'Ё' | 'ё'),
            _ => false,
        }
    }

    #[test]
    fn every_file_is_a_font_and_a_first_page_needs_few_bytes_of_them() {
        for (name, bytes) in FILES {
            assert!(bytes.starts_with(b"wOF2"), "{name}");
        }
        let size = |name: &str| FILES.iter().find(|(file, _)| *file == name).unwrap().1.len();
        assert!(size("latin.woff2") < 18_000, "{}", size("latin.woff2"));
        for language in language::all() {
            // A first page has 80 kB for everything.
            let size_of_first: usize =
                for_language(language.code).iter().map(|name| size(name)).sum();
            assert!(size_of_first < 26_000, "{size_of_first} bytes in {}", language.code);
        }
        let total: usize = FILES.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(total < 125_000, "{total}");
    }

    #[test]
    fn a_language_announces_the_files_of_its_letters() {
        for language in language::all() {
            let letters: Vec<char> = language
                .texts()
                .values()
                .flat_map(|text| text.chars())
                .filter(|letter| letter.is_alphabetic())
                .collect();
            for name in ["latin.woff2", "latin-ext.woff2", "cyrillic.woff2"] {
                let share = letters.iter().filter(|letter| covers(name, **letter)).count() * 100;
                // Names of other languages do not count.
                let is_used = share > letters.len();
                let is_required = for_language(language.code).contains(&name);
                if !for_language(language.code).is_empty() {
                    assert_eq!(
                        is_required,
                        is_used || name == "latin.woff2",
                        "{name} in {}",
                        language.code
                    );
                }
            }
        }
    }
}
