//! Words whose letters are set apart, as in headings or in the text of scans, become words again.
use super::glyph::Glyph;
use super::lines::is_wide;

/// Letters that stand by themselves one after another are a word if they are at least so many.
const FEWEST: usize = 4;
/// Words are parted by gaps so much wider than those between letters.
const WIDER: f64 = 1.6;

/// A glyph, or the space between two words.
pub struct LetterPiece<'a> {
    pub glyph: Option<&'a Glyph>,
    pub start: f64,
    pub end: f64,
}

impl LetterPiece<'_> {
    /// The letter, where it is one and no more than that.
    fn letter(&self) -> Option<char> {
        let glyph: &Glyph = self.glyph.filter(|glyph| glyph.more.is_none())?;
        let is_sign = ".,:;/-'&!?".contains(glyph.char);
        let is_letter = glyph.char.is_alphanumeric() && !is_wide(glyph.char);
        (is_letter || is_sign).then_some(glyph.char)
    }
}

/// Takes out the spaces between letters that stand by themselves but are words together.
pub fn join(pieces: &mut Vec<LetterPiece<'_>>) {
    let mut dropped = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let letters = run(&pieces[at..]);
        if is_text(&letters) {
            drop_narrow(pieces, at, letters.len(), &mut dropped);
        }
        at += (2 * letters.len()).max(1);
        // The rest of a word that is longer than a letter.
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

/// The letters that stand by themselves, one after another, from the first piece on.
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

/// Whether letters that stand by themselves may be words: not a row of figures, names of columns or
/// variables. Figures are one number only where a date or an amount is spaced out.
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

/// Notes which of the spaces between `count` letters from `at` on part no words.
fn drop_narrow(pieces: &[LetterPiece<'_>], at: usize, count: usize, dropped: &mut Vec<usize>) {
    let spaces = || (at + 1..at + 2 * count - 1).step_by(2);
    let gap = |space: usize| pieces[space + 1].start - pieces[space - 1].end;
    let mut gaps: Vec<f64> = spaces().map(gap).collect();
    let quarter = gaps.len() / 4;
    let usual = *gaps.select_nth_unstable_by(quarter, f64::total_cmp).1;
    dropped.extend(spaces().filter(|space| gap(*space) <= WIDER * usual.max(0.0)));
}
