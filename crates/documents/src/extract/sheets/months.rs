//! Months in formats that also show the hour.
//!
//! In a number format `m` is a minute directly after the hour or before the second, and otherwise a
//! month, as three letters or more always are. The formatter takes each `m` after an hour for a
//! minute. So the months of such a format are replaced by characters of the private area, and these
//! by the month in what it writes.

/// Stands for a month of one letter; those of two to five letters follow.
const FIRST: char = '\u{f100}';
const LONGEST: usize = 5;

/// `code` with a quoted character in place of each month behind an hour; `None` without these.
pub fn replaced(code: &str) -> Option<String> {
    let characters: Vec<char> = code.chars().collect();
    let (mut written, mut at) = (String::new(), 0);
    let (mut last, mut has_hour, mut has_changed) = (' ', false, false);
    while at < characters.len() {
        let end = token_end(&characters, at);
        let token = &characters[at..end];
        let letter = match token {
            ['[', inner, ..] => inner.to_ascii_lowercase(),
            [first, ..] => first.to_ascii_lowercase(),
            [] => ' ',
        };
        let is_minute = token.len() < 3 && (last == 'h' || next_letter(&characters, end) == 's');
        match letter {
            'm' if has_hour && !is_minute && token[0] != '[' => {
                let offset = token.len().min(LONGEST) as u32 - 1;
                let mark = char::from_u32(u32::from(FIRST) + offset).unwrap_or(FIRST);
                written.extend(['"', mark, '"']);
                has_changed = true;
            }
            _ => written.extend(token),
        }
        match letter {
            ';' => (last, has_hour) = (' ', false),
            'd' | 'h' | 'm' | 's' | 'y' => {
                last = letter;
                has_hour |= letter == 'h';
            }
            _ => {}
        }
        at = end;
    }
    has_changed.then_some(written)
}

/// `shown` with the months that `month` writes for a number of letters.
pub fn restored(formatted: &str, month: impl Fn(&str) -> String) -> String {
    let mut text = formatted.to_owned();
    for length in 1..=LONGEST {
        let mark = char::from_u32(u32::from(FIRST) + length as u32 - 1).unwrap_or(FIRST);
        if text.contains(mark) {
            text = text.replace(mark, &month(&"m".repeat(length)));
        }
    }
    text
}

/// The end of the token at `at`: a quotation, an escape, a bracket, a half of the day, a run of one
/// letter.
fn token_end(code: &[char], at: usize) -> usize {
    let am_pm = ['a', 'm', '/', 'p', 'm'];
    let is_half = |part: &[char]| part.iter().zip(am_pm).all(|(c, it)| c.eq_ignore_ascii_case(&it));
    if code.get(at..at + am_pm.len()).is_some_and(is_half) {
        return at + am_pm.len();
    }
    let rest = &code[at + 1..];
    let position_after = |close: char| {
        rest.iter().position(|c| *c == close).map_or(code.len(), |found| at + found + 2)
    };
    match code[at] {
        '"' => position_after('"'),
        '[' => position_after(']'),
        '\\' | '_' | '*' => (at + 2).min(code.len()),
        first => {
            let same = |c: &&char| c.eq_ignore_ascii_case(&first) && first.is_ascii_alphabetic();
            at + 1 + rest.iter().take_while(same).count()
        }
    }
}

/// The next letter of a date or time, in lower case.
fn next_letter(code: &[char], mut at: usize) -> char {
    while at < code.len() {
        let letter = code[at].to_ascii_lowercase();
        if matches!(letter, 'd' | 'h' | 'm' | 's' | 'y' | ';') {
            return letter;
        }
        if code[at] == '[' && matches!(code.get(at + 1), Some('s' | 'S')) {
            return 's';
        }
        at = token_end(code, at);
    }
    ' '
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_months_behind_an_hour_are_replaced() {
        for code in ["hh:mm:ss", "dd.mm.yyyy hh:mm", "mm:ss", "[h]:mm", "0.00 \"mm\"", "h AM/PM"] {
            assert_eq!(replaced(code), None, "{code}");
        }
        let code = replaced("hh:mm dd.mm.yyyy").unwrap();
        assert_eq!(
            restored(&code.replace('"', ""), |month| month.to_uppercase()),
            "hh:mm dd.MM.yyyy"
        );
        let code = replaced(r#"h:mm\ AM/PM\ "on"\ mmmm\ d"#).unwrap();
        assert!(restored(&code, |month| month.to_uppercase()).contains("\"MMMM\""), "{code}");
    }
}
