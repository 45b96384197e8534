//! Splitting text into words.
//!
//! Scripts without spaces yield each character and each pair of neighbours. Names like `IP-2100` or
//! `sqlite3_step` yield their parts and the whole.
use unicode_normalization::char::is_combining_mark;

/// The maximum length of a word, in characters. The rest is ignored.
const LONGEST_WORD: usize = 48;
/// The maximum number of parts in a name that is also indexed as a whole.
const MAX_PARTS: usize = 4;

/// Returns the words of a text normalized by [`super::fold::plain`], in order. Each consists of
/// letters and digits and has at most 48 characters. With `pairs_only`, characters of unspaced
/// scripts appear alone only if they have no neighbour.
pub(super) fn cut(text: &str, pairs_only: bool) -> Vec<String> {
    Cutter { pairs_only, ..Cutter::default() }.cut(text)
}

/// Returns whether a character is part of a word.
pub(super) fn is_word(c: char) -> bool {
    matches!(kind(c), Kind::Letter | Kind::Unspaced)
}

/// Returns whether a word is in a script without spaces.
pub(super) fn is_unspaced(word: &str) -> bool {
    word.chars().next().is_some_and(|c| kind(c) == Kind::Unspaced)
}

/// The role of a character in splitting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    /// A letter of a script without spaces between words.
    Unspaced,
    /// A character that joins the parts of a name.
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

/// Splits folded text into words.
#[derive(Default)]
struct Cutter {
    /// Whether characters of unspaced scripts appear alone only if they have no neighbour.
    pairs_only: bool,
    words: Vec<String>,
    /// The word, or part of a name, being read.
    part: String,
    /// The name so far, and its number of parts.
    name: String,
    parts: usize,
    /// Whether the previous character was a joint.
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
        if (2..=MAX_PARTS).contains(&self.parts) {
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
        self.words.push(word[..end].to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_text(text: &str) -> Vec<String> {
        cut(&super::super::fold::plain(text), false)
    }

    fn in_query(text: &str) -> Vec<String> {
        cut(&super::super::fold::plain(text), true)
    }

    #[test]
    fn names_are_found_by_their_parts_and_whole() {
        assert_eq!(in_text("the IP-2100."), ["the", "ip", "2100", "ip2100"]);
        assert_eq!(in_text("sqlite3_step()"), ["sqlite3", "step", "sqlite3step"]);
        assert_eq!(in_text("v1.2.3 -- a...b -x-"), ["v1", "2", "3", "v123", "a", "b", "x"]);
        assert_eq!(in_text("a-b-c-d-e"), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn scripts_without_spaces_are_found_by_pairs() {
        assert_eq!(in_text("東京都 x"), ["东", "东京", "京", "京都", "都", "x"]);
        assert_eq!(in_query("東京都x猫"), ["东京", "京都", "x", "猫"]);
        assert_eq!(in_query("がぎ"), ["がぎ"]);
        assert_eq!(in_query("한국어"), ["한국", "국어"]);
        assert_eq!(in_query("ﾃｽﾄ"), in_query("テスト"));
    }

    #[test]
    fn query_operators_have_no_special_meaning() {
        assert_eq!(
            in_query("\"a\" OR b* NEAR(c, 2) ^d:e 'f' \\ & | ! <->"),
            ["a", "or", "b", "near", "c", "2", "d", "e", "f"]
        );
        assert_eq!(in_query("?!… \0 \u{feff}"), Vec::<String>::new());
    }

    #[test]
    fn a_word_ends_after_48_characters() {
        assert_eq!(in_text(&"é".repeat(10_000))[0].chars().count(), 48);
    }
}
