//! The URL name of a workspace or thread.
use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

/// Words of ASCII letters, digits and underscores, joined by single dashes. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug(String);

impl Slug {
    /// Derives a slug from a name: symbols become words (`C++ & Rust` becomes
    /// `c-plus-plus-and-rust`), accents are removed, Greek and Cyrillic are transliterated. If
    /// nothing is left, as for a Chinese name, the slug is random.
    pub fn of(name: &str) -> Self {
        let slug = words(name).to_lowercase();
        Self(if slug.is_empty() { Uuid::new_v4().to_string() } else { slug })
    }

    /// Derives another slug for the name if the first is taken, by appending `suffix`.
    pub fn numbered(name: &str, suffix: u32) -> Self {
        Self::of(&format!("{name}-{suffix:08}"))
    }

    /// Derives a slug from a user's choice, as [`Slug::of`] does, but keeps capital letters.
    pub fn chosen(text: &str) -> Self {
        let slug = words(text);
        Self(if slug.is_empty() { Uuid::new_v4().to_string() } else { slug })
    }

    /// Returns a random slug.
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// Creates a slug from a stored value without validation.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the words of `text` joined by dashes, with their case kept.
pub fn words(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for c in text.nfc() {
        spell(c, &mut spelled);
    }
    spelled.split_whitespace().collect::<Vec<_>>().join("-")
}

fn spell(c: char, out: &mut String) {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => out.push(c),
        _ if c.is_whitespace() || c == '-' => out.push(' '),
        _ => match sign(c).or_else(|| letter(c)) {
            Some(spelling) => out.push_str(spelling),
            None => out.extend(
                Some(c)
                    .into_iter()
                    .nfd()
                    .filter(|c| !is_combining_mark(*c) && c.is_ascii_alphanumeric()),
            ),
        },
    }
}

/// The words for symbols. Those in the first row stand alone; the others join their neighbours.
#[rustfmt::skip]
fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '+' => " plus ", '!' => " bang ", '@' => " at ", '*' => " splat ", '.' => " dot ",
        '&' => "and", '%' => "percent", '$' => "dollar", '<' => "less", '>' => "greater",
        '¢' => "cent", '£' => "pound", '¤' => "currency", '¥' => "yen", '€' => "euro",
        '₹' => "indian rupee", '₽' => "russian ruble", '₿' => "bitcoin", '©' => "c", '®' => "r",
        '™' => "tm", '∑' => "sum", '∞' => "infinity", '♥' => "love", '∂' => "d", '∆' => "delta",
        'ª' => "a", 'º' => "o",
        _ => return None,
    })
}

/// Transliterations of letters that do not decompose into an ASCII letter and marks.
#[rustfmt::skip]
fn letter(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss", 'ẞ' => "SS", 'æ' => "ae", 'Æ' => "AE", 'œ' => "oe", 'Œ' => "OE", 'ø' => "o",
        'Ø' => "O", 'đ' => "d", 'Đ' => "DJ", 'ð' => "d", 'Ð' => "D", 'þ' => "th", 'Þ' => "TH",
        'ł' => "l", 'Ł' => "L", 'ı' => "i", 'ħ' => "h", 'ŋ' => "n", 'ƒ' => "f", 'ə' => "e",
        'α' | 'ά' => "a", 'β' => "b", 'γ' => "g", 'δ' => "d", 'ε' | 'έ' => "e", 'ζ' => "z",
        'η' | 'ή' => "h", 'θ' => "8", 'ι' | 'ί' | 'ϊ' | 'ΐ' => "i", 'κ' => "k", 'λ' => "l",
        'μ' => "m", 'ν' => "n", 'ξ' => "3", 'ο' | 'ό' => "o", 'π' => "p", 'ρ' => "r",
        'σ' | 'ς' => "s", 'τ' => "t", 'υ' | 'ύ' | 'ϋ' | 'ΰ' => "y", 'φ' => "f", 'χ' => "x",
        'ψ' => "ps", 'ω' | 'ώ' => "w", 'Α' | 'Ά' => "A", 'Β' => "B", 'Γ' => "G", 'Δ' => "D",
        'Ε' | 'Έ' => "E", 'Ζ' => "Z", 'Η' | 'Ή' => "H", 'Θ' => "8", 'Ι' | 'Ί' | 'Ϊ' => "I",
        'Κ' => "K", 'Λ' => "L", 'Μ' => "M", 'Ν' => "N", 'Ξ' => "3", 'Ο' | 'Ό' => "O", 'Π' => "P",
        'Ρ' => "R", 'Σ' => "S", 'Τ' => "T", 'Υ' | 'Ύ' | 'Ϋ' => "Y", 'Φ' => "F", 'Χ' => "X",
        'Ψ' => "PS", 'Ω' | 'Ώ' => "W", 'а' => "a", 'б' => "b", 'в' => "v", 'г' => "g", 'д' => "d",
        'е' => "e", 'ё' => "yo", 'ж' => "zh", 'з' => "z", 'и' => "i", 'й' => "j", 'к' => "k",
        'л' => "l", 'м' => "m", 'н' => "n", 'о' => "o", 'п' => "p", 'р' => "r", 'с' => "s",
        'т' => "t", 'у' => "u", 'ф' => "f", 'х' => "h", 'ц' => "c", 'ч' => "ch", 'ш' => "sh",
        'щ' => "sh", 'ъ' => "u", 'ы' => "y", 'ь' => "", 'э' => "e", 'ю' => "yu", 'я' => "ya",
        'є' => "ye", 'і' => "i", 'ї' => "yi", 'ґ' => "g", 'А' => "A", 'Б' => "B", 'В' => "V",
        'Г' => "G", 'Д' => "D", 'Е' => "E", 'Ё' => "Yo", 'Ж' => "Zh", 'З' => "Z", 'И' => "I",
        'Й' => "J", 'К' => "K", 'Л' => "L", 'М' => "M", 'Н' => "N", 'О' => "O", 'П' => "P",
        'Р' => "R", 'С' => "S", 'Т' => "T", 'У' => "U", 'Ф' => "F", 'Х' => "H", 'Ц' => "C",
        'Ч' => "Ch", 'Ш' => "Sh", 'Щ' => "Sh", 'Ъ' => "U", 'Ы' => "Y", 'Ь' => "", 'Э' => "E",
        'Ю' => "Yu", 'Я' => "Ya", 'Є' => "YE", 'І' => "I", 'Ї' => "YI", 'Ґ' => "G",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_become_words_and_accents_go() {
        for (name, slug) in [
            ("Sample workspace", "sample-workspace"),
            ("Sample v1.2!", "sample-v1-dot-2-bang"),
            ("C++ & Rust", "c-plus-plus-and-rust"),
            ("A_B-c", "a_b-c"),
            ("  -- R&D --  ", "randd"),
            ("Füße 100%", "fusse-100percent"),
            ("Проект Заря", "proekt-zarya"),
            ("it's (a) \"test\": ~ok|", "its-a-test-ok"),
        ] {
            assert_eq!(Slug::of(name).as_str(), slug, "{name}");
        }
    }

    #[test]
    fn a_name_without_letters_gets_a_random_slug() {
        let (one, other) = (Slug::of("日本語"), Slug::of("日本語"));
        assert!(Uuid::parse_str(one.as_str()).is_ok());
        assert_ne!(one, other);
    }

    #[test]
    fn a_numbered_slug_keeps_the_name() {
        assert_eq!(Slug::numbered("My docs", 1234).as_str(), "my-docs-00001234");
        assert_eq!(Slug::chosen("My.Thread").as_str(), "My-dot-Thread");
    }
}
