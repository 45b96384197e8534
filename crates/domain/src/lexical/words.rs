//! Cutting text into words.
//!
//! Scripts written without spaces give each character and each pair of neighbours. Names like
//! `IP-2100` or `sqlite3_step` give their parts and, besides, the whole.
use unicode_normalization::char::is_combining_mark;

/// Characters of a word that count; the rest is ignored.
const LONGEST_WORD: usize = 48;
/// Parts of a name that is also a word as a whole.
const MOST_PARTS: usize = 4;

/// The words of a text that [`super::fold::plain`] has been applied to, in their order. Each
/// consists of letters and digits only and is at most 48 characters long. With `pairs_only`,
/// characters of unspaced scripts stand alone only where they have no neighbour.
pub(super) fn cut(text: &str, pairs_only: bool) -> Vec<String> {
    Cutter { pairs_only, ..Cutter::default() }.cut(text)
}

/// Whether a character is part of a word.
pub(super) fn is_word(c: char) -> bool {
    matches!(kind(c), Kind::Letter | Kind::Unspaced)
}

/// Whether a word is of a script without spaces.
pub(super) fn is_unspaced(word: &str) -> bool {
    word.chars().next().is_some_and(|c| kind(c) == Kind::Unspaced)
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
    fn signs_and_the_words_of_query_languages_are_nothing_special() {
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
