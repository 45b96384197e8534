//! Joins letter-spaced words, as in headings or in the text of scans.
use super::glyph::Glyph;
use super::lines::is_wide;

/// Minimum number of consecutive single letters that form a word.
const FEWEST: usize = 4;
/// Ratio of gaps between words to gaps between letters.
const WIDER: f64 = 1.6;

/// A glyph, or the space between two words.
pub struct LetterPiece<'a> {
    pub glyph: Option<&'a Glyph>,
    pub start: f64,
    pub end: f64,
}

impl LetterPiece<'_> {
    /// Returns the character if the piece is a single letter or sign.
    fn letter(&self) -> Option<char> {
        let glyph: &Glyph = self.glyph.filter(|glyph| glyph.more.is_none())?;
        let is_sign = ".,:;/-'&!?".contains(glyph.char);
        let is_letter = glyph.char.is_alphanumeric() && !is_wide(glyph.char);
        (is_letter || is_sign).then_some(glyph.char)
    }
}

/// Removes the spaces between single letters that form words.
pub fn join(pieces: &mut Vec<LetterPiece<'_>>) {
    let mut dropped = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let letters = run(&pieces[at..]);
        if is_text(&letters) {
            drop_narrow(pieces, at, letters.len(), &mut dropped);
        }
        at += (2 * letters.len()).max(1);
        // Skip the rest of a longer word.
        while at > 0 && at < pieces.len() && pieces[at - 1].glyph.is_some() {
            at += 1;
        }
    }
    let mut dropped = dropped.into_iter().peekable();
    let mut place = 0;
    pieces.retain(|_| {
        place += 1;
        dropped.next_if_eq(&(place - 1)).is_none()
    });
}

/// Returns the single letters from the first piece on.
fn run(pieces: &[LetterPiece<'_>]) -> Vec<char> {
    let mut letters = Vec::new();
    for two in pieces.chunks(2) {
        let is_alone = two.get(1).is_none_or(|next| next.glyph.is_none());
        match two[0].letter().filter(|_| is_alone) {
            Some(letter) => letters.push(letter),
            None => break,
        }
    }
    letters
}

/// Whether single letters may form words, rather than a row of digits or names of columns or
/// variables. Digits form one number only if a date or an amount is letter-spaced.
fn is_text(letters: &[char]) -> bool {
    if letters.len() < FEWEST {
        return false;
    }
    let only: Vec<char> = letters.iter().copied().filter(|c| c.is_alphabetic()).collect();
    if only.is_empty() {
        let is_number = |c: &char| c.is_ascii_digit();
        let has_sign = letters.windows(3).any(|three| {
            is_number(&three[0]) && "/.,:-".contains(three[1]) && is_number(&three[2])
        });
        return has_sign && letters.windows(2).any(|two| two.iter().all(is_number));
    }
    let is_vowel = |c: &char| !c.is_ascii() || "aeiouyAEIOUY".contains(*c);
    let is_alphabet = only.windows(2).all(|two| two[0] < two[1]);
    // Letters listed in both cases.
    let rises = only.windows(2).filter(|two| two[0].is_lowercase() && two[1].is_uppercase());
    let is_list = 3 * rises.count() > only.len();
    let fewest = if only.iter().all(|c| c.is_uppercase()) { FEWEST } else { FEWEST + 1 };
    only.len() >= fewest && !is_alphabet && !is_list && only.iter().any(is_vowel)
}

/// Collects the spaces among `count` letters from `at` on that do not separate words.
fn drop_narrow(pieces: &[LetterPiece<'_>], at: usize, count: usize, dropped: &mut Vec<usize>) {
    let spaces = || (at + 1..at + 2 * count - 1).step_by(2);
    let gap = |space: usize| pieces[space + 1].start - pieces[space - 1].end;
    let mut gaps: Vec<f64> = spaces().map(gap).collect();
    let quarter = gaps.len() / 4;
    let usual = *gaps.select_nth_unstable_by(quarter, f64::total_cmp).1;
    dropped.extend(spaces().filter(|space| gap(*space) <= WIDER * usual.max(0.0)));
}
