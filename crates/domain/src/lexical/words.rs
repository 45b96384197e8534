//! The words of a text, so cut and folded that the same word is the same however it is written.
//!
//! No language is assumed. Letters lose their case and their accents; the plural `s` of long words is
//! taken off. Scripts that are written without spaces give each character and each pair of
//! neighbours. Names like `IP-2100` or `sqlite3_step` give their parts and, besides, the whole.
use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::MOST_QUERY_WORDS;

/// Characters of a word that count; what follows them is as good as not there.
const LONGEST_WORD: usize = 48;
/// Parts of a name that is also a word as a whole.
const MOST_PARTS: usize = 4;
/// Bytes of a passage that are looked at, which bounds what the index keeps of it.
const LONGEST_TEXT: usize = 256 << 10;
/// Bytes of a query that are looked at.
const LONGEST_QUERY: usize = 4 << 10;

/// Every word of a text, as often as it occurs, in its order. Each consists of letters and digits
/// only and is at most 48 characters long.
pub fn of_text(text: &str) -> Vec<String> {
    Cutter::default().cut(&folded(beginning(text, LONGEST_TEXT)))
}

/// The words to look for: each once, in the order of the query, 32 at most.
pub fn of_query(text: &str) -> Vec<String> {
    let cutter = Cutter { pairs_only: true, ..Cutter::default() };
    let mut words = Vec::new();
    for word in cutter.cut(&folded(beginning(text, LONGEST_QUERY))) {
        if !words.contains(&word) {
            words.push(word);
        }
        if words.len() == MOST_QUERY_WORDS {
            break;
        }
    }
    words
}

fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// In lower case, without accents, with each character in its plainest form.
fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => text.to_ascii_lowercase().into(),
            false => text.into(),
        };
    }
    let plain = text.nfkd().filter(|c| !is_accent(*c)).nfc();
    let mut folded = String::with_capacity(text.len());
    for c in plain.flat_map(char::to_lowercase).filter(|c| !is_accent(*c)) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' => folded.push('d'),
            'ς' => folded.push('σ'),
            'ı' => folded.push('i'),
            other => folded.push(other),
        }
    }
    folded.into()
}

/// Marks that writers may leave out: accents, Hebrew points, Arabic vowels, and what is not seen.
fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{591}'..='\u{5bd}'
            | '\u{5bf}'..='\u{5c7}'
            | '\u{610}'..='\u{61a}'
            | '\u{640}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{ad}'
            | '\u{200b}'..='\u{200d}'
    )
}

/// What a character is to the cutting of words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    /// Of a script that puts no spaces between words.
    Unspaced,
    /// Joins the parts of a name.
    Joint,
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | '0'..='9' => Kind::Letter,
        '-' | '_' | '.' | '\u{2010}' => Kind::Joint,
        '\0'..='\x7f' => Kind::Other,
        // Thai, Lao, Myanmar, Khmer, kana, Bopomofo, Han, Hangul.
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3041}'..='\u{30ff}'
        | '\u{3105}'..='\u{312f}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}'
            if c.is_alphanumeric() || is_combining_mark(c) =>
        {
            Kind::Unspaced
        }
        c if c.is_alphanumeric() || is_combining_mark(c) => Kind::Letter,
        _ => Kind::Other,
    }
}

/// Cuts folded text.
#[derive(Default)]
struct Cutter {
    /// Of unspaced scripts, single characters only where they have no neighbour.
    pairs_only: bool,
    words: Vec<String>,
    /// The part of a name, or the word, that is being read.
    part: String,
    /// The name so far, and of how many parts.
    name: String,
    parts: usize,
    /// The character read last was a joint.
    joined: bool,
    unspaced: Vec<char>,
}

impl Cutter {
    fn cut(mut self, text: &str) -> Vec<String> {
        for c in text.chars() {
            match kind(c) {
                Kind::Letter => {
                    self.end_unspaced();
                    self.part.push(c);
                    self.joined = false;
                }
                Kind::Joint => {
                    self.end_unspaced();
                    if self.joined || self.part.is_empty() {
                        self.end_name();
                    } else {
                        self.end_part();
                        self.joined = true;
                    }
                }
                Kind::Unspaced => {
                    self.end_name();
                    self.unspaced.push(c);
                }
                Kind::Other => {
                    self.end_unspaced();
                    self.end_name();
                }
            }
        }
        self.end_unspaced();
        self.end_name();
        self.words
    }

    fn end_part(&mut self) {
        if self.part.is_empty() {
            return;
        }
        self.name.push_str(&self.part);
        self.parts += 1;
        let part = std::mem::take(&mut self.part);
        self.push(&part);
    }

    fn end_name(&mut self) {
        self.end_part();
        if (2..=MOST_PARTS).contains(&self.parts) {
            let name = std::mem::take(&mut self.name);
            self.push(&name);
        }
        self.name.clear();
        self.parts = 0;
        self.joined = false;
    }

    fn end_unspaced(&mut self) {
        let run = std::mem::take(&mut self.unspaced);
        for (at, c) in run.iter().enumerate() {
            if !self.pairs_only || run.len() == 1 {
                self.words.push(c.to_string());
            }
            if let Some(next) = run.get(at + 1) {
                self.words.push(String::from_iter([c, next]));
            }
        }
    }

    fn push(&mut self, word: &str) {
        let end = word.char_indices().nth(LONGEST_WORD).map_or(word.len(), |(at, _)| at);
        self.words.push(singular(&word[..end]).to_owned());
    }
}

/// A word of four letters or more without the `s` of its plural.
fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(stem) if stem.len() >= 3 && !stem.ends_with(['s', 'u', 'i']) => stem,
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_the_plural_make_no_difference() {
        assert_eq!(of_text("Crème BRÛLÉES, Straße"), ["creme", "brulee", "strasse"]);
        assert_eq!(of_text("ΟΔΟΣ οδος Ёлка елка"), ["οδοσ", "οδοσ", "елка", "елка"]);
        assert_eq!(of_text("tests class bus this as"), ["test", "class", "bus", "this", "as"]);
        assert_eq!(of_text("ﬁve ＡＢＣ １２ x²"), ["five", "abc", "12", "x2"]);
        assert_eq!(of_query("شَمْس"), of_query("شمس"));
    }

    #[test]
    fn names_are_found_by_their_parts_and_whole() {
        assert_eq!(of_text("the IP-2100."), ["the", "ip", "2100", "ip2100"]);
        assert_eq!(of_text("sqlite3_step()"), ["sqlite3", "step", "sqlite3step"]);
        assert_eq!(of_text("v1.2.3 -- a...b -x-"), ["v1", "2", "3", "v123", "a", "b", "x"]);
        assert_eq!(of_text("a-b-c-d-e"), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn scripts_without_spaces_are_found_by_pairs() {
        assert_eq!(of_text("東京都 x"), ["東", "東京", "京", "京都", "都", "x"]);
        assert_eq!(of_query("東京都x猫"), ["東京", "京都", "x", "猫"]);
        assert_eq!(of_query("がぎ"), ["がぎ"]);
        assert_eq!(of_query("한국어"), ["한국", "국어"]);
        assert_eq!(of_query("ﾃｽﾄ"), of_query("テスト"));
    }

    #[test]
    fn signs_and_the_words_of_query_languages_are_nothing_special() {
        assert_eq!(
            of_query("\"a\" OR b* NEAR(c, 2) ^d:e 'f' \\ & | ! <->"),
            ["a", "or", "b", "near", "c", "2", "d", "e", "f"]
        );
        assert_eq!(of_query("?!… \0 \u{feff}"), Vec::<String>::new());
    }

    #[test]
    fn there_is_an_end_to_words_and_to_queries() {
        let long = "é".repeat(10_000);
        assert_eq!(of_text(&long)[0].chars().count(), 48);
        let many: String = (0..100_000).map(|n| format!("w{n} ")).collect();
        assert_eq!(of_query(&many).len(), MOST_QUERY_WORDS);
        assert!(of_text(&many.repeat(10)).len() <= 256 << 10);
    }
}
