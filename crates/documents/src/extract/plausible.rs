//! Rates how plausible a text is in its alphabet, to select among encodings.

/// Returns a score; higher is more plausible. Only non-ASCII characters count: letters among
/// letters of their script add to it, symbols inside words and capitals after small letters
/// subtract.
pub fn score(text: &str) -> i64 {
    let mut score = 0;
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        if !c.is_ascii() {
            score += judge(before, c, next);
        }
        before = c;
    }
    score
}

fn judge(before: char, c: char, next: char) -> i64 {
    let in_word = before.is_alphabetic() || next.is_alphabetic();
    match c {
        '\u{80}'..='\u{9f}' | '\u{fffd}' => -8,
        _ if c.is_alphabetic() => letter(before, c, next),
        // Quotation marks, dashes and similar characters occur at the edges of words ...
        '‘' | '’' | '“' | '”' | '„' | '«' | '»' | '–' | '—' | '…' | '•' | '°' | '€' | '§' | '£'
        | '©' | '®' | '™' | '\u{a0}' | '¿' | '¡' | '´' | '·' | '×' | '±' | 'º' | 'ª' | '²'
        | '³' | '½' | '¼' => match (before.is_alphabetic(), next.is_alphabetic(), c) {
            (true, true, '’' | '–' | '—' | '·' | '\u{a0}' | '´') => 2,
            (true, true, _) => -3,
            _ => 2,
        },
        // ... and box-drawing characters side by side.
        '\u{2500}'..='\u{259f}' if in_word => -6,
        '\u{2500}'..='\u{259f}' if before == c || next == c => 2,
        _ if in_word => -5,
        _ => -1,
    }
}

fn letter(before: char, c: char, next: char) -> i64 {
    if script(c) != 0
        && [before, next].iter().any(|near| near.is_alphabetic() && script(*near) != script(c))
    {
        return -4;
    }
    if c.is_uppercase() {
        let after_small = before.is_lowercase();
        return if after_small {
            -5
        } else if next.is_lowercase() || next.is_uppercase() {
            2
        } else {
            0
        };
    }
    let letters_around = i64::from(before.is_alphabetic()) + i64::from(next.is_alphabetic());
    if before.is_uppercase() && next.is_uppercase() {
        return -4;
    }
    let common = "éèêëàâäáãåæçíîïìñóôöòõøúûüùßąćęłńśźżčďěňřšťůžőűğışăâîșțöđ";
    if common.contains(c) { 2 + letters_around } else { letters_around - 1 }
}

/// Returns the script of a letter. Letters of different scripts do not occur side by side.
fn script(c: char) -> u8 {
    match c {
        'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{24f}' => 0,
        '\u{370}'..='\u{3ff}' => 1,
        '\u{400}'..='\u{52f}' => 2,
        '\u{590}'..='\u{5ff}' => 3,
        '\u{600}'..='\u{6ff}' => 4,
        _ => 5,
    }
}
