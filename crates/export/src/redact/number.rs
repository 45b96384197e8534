//! Recognizes telephone and card numbers, and rules out other numbers.
use std::ops::Range;

/// Most groups of digits in one number. Longer sequences are split.
const GROUPS: usize = 12;

/// A group of digits, and the separator before it.
#[derive(Clone, Copy, Default)]
struct Group<'a> {
    digits: &'a str,
    separator: &'a str,
}

/// Examines the digits at `start` and the groups that follow. Returns the position to continue at,
/// and the number if it may belong to a person.
pub fn phone(text: &str, start: usize) -> (usize, Option<Range<usize>>) {
    let before = text.as_bytes()[..start].last();
    let plus = before == Some(&b'+');
    if !plus && let Some(size) = date(&text[start..]).or_else(|| address(&text[start..])) {
        return (start + size, None);
    }
    let mut groups = [Group::default(); GROUPS];
    let (mut count, mut end) = (0, start);
    let mut identifier = false;
    while count < GROUPS {
        let separator = if count == 0 { "" } else { separator(&text[end..]) };
        let at = end + separator.len();
        let rest = &text[at..];
        let digits = &rest[..digits(rest)];
        let follows = digits.is_empty() || (count > 0 && separator.is_empty());
        if follows || (count > 0 && date(rest).is_some()) {
            break;
        }
        let mut next = rest.bytes().skip(digits.len());
        let (next, after) = (next.next(), next.next());
        let extension =
            matches!(next, Some(b'x' | b'X')) && after.is_some_and(|b| b.is_ascii_digit());
        if !extension && next.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            identifier = separator == "-";
            break;
        }
        groups[count] = Group { digits, separator };
        count += 1;
        end = at + digits.len();
        if extension {
            break;
        }
    }
    if count == 0 {
        return (start + digits(&text[start..]), None);
    }
    let groups = &groups[..count];
    if identifier || !is_somebodys(groups, plus) {
        return (end, None);
    }
    let bracket =
        before == Some(&b'(') && groups.get(1).is_some_and(|of| of.separator.starts_with(')'));
    let start = if plus || bracket { start - 1 } else { start };
    (end, Some(start..end))
}

fn is_somebodys(groups: &[Group<'_>], plus: bool) -> bool {
    let total: usize = groups.iter().map(|group| group.digits.len()).sum();
    let [first, others @ ..] = groups else { return false };
    let zero = first.digits.starts_with('0');
    let [second, ..] = others else {
        return total >= 9 || (total >= 7 && (zero || plus));
    };
    if total < 7 || plus {
        return total >= 7;
    }
    let years = others.len() == 1 && is_year(first.digits) && is_year(second.digits);
    let decimal = others.len() == 1 && second.separator == "." && (!zero || first.digits == "0");
    let thousands = !zero
        && first.digits.len() < 3
        && others.iter().all(|group| group.digits.len() == 3)
        && others.iter().all(|group| group.separator == second.separator)
        && second.separator != "-";
    let small = !zero && groups.iter().all(|group| group.digits.len() < 3);
    !(years || decimal || thousands || small)
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && ("1900"..="2100").contains(&digits)
}

fn digits(text: &str) -> usize {
    text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

/// Returns one or two characters that may separate the groups of a telephone number: spaces,
/// non-breaking spaces, hyphens, dashes, dots, slashes, brackets.
fn separator(text: &str) -> &str {
    let marks = [
        ' ', '-', '.', '/', '(', ')', '\u{a0}', '\u{202f}', '\u{2009}', '\u{2010}', '\u{2011}',
        '\u{2013}',
    ];
    let size: usize =
        text.chars().take(2).take_while(|c| marks.contains(c)).map(char::len_utf8).sum();
    &text[..size]
}

/// Returns the length of a leading date: `2026-11-23`, `23.11.2026`, `11/23/2026` and similar.
fn date(text: &str) -> Option<usize> {
    let (a, b, c, size) = three(text)?;
    let (year, one, two) = if a.len() == 4 { (a, b, c) } else { (c, a, b) };
    let number = |digits: &str| digits.parse::<u8>().ok().filter(|_| digits.len() <= 2);
    let (one, two) = (number(one)?, number(two)?);
    let plausible = (1..=31).contains(&one) && (1..=31).contains(&two) && one.min(two) <= 12;
    (is_year(year) && plausible).then_some(size)
}

/// Returns three groups of digits with the same separator, and their total length.
fn three(text: &str) -> Option<(&str, &str, &str, usize)> {
    let a = &text[..digits(text).min(5)];
    let mark = text[a.len()..].chars().next().filter(|mark| ['-', '.', '/'].contains(mark))?;
    let rest = &text[a.len() + 1..];
    let b = &rest[..digits(rest).min(5)];
    let rest = rest[b.len()..].strip_prefix(mark)?;
    let c = &rest[..digits(rest).min(5)];
    Some((a, b, c, a.len() + b.len() + c.len() + 2))
}

/// Returns the length of a leading IPv4 address.
fn address(text: &str) -> Option<usize> {
    let mut at = 0;
    for octet in 0..4 {
        if octet > 0 {
            at += text[at..].starts_with('.').then_some(1)?;
        }
        let size = digits(&text[at..]);
        let number = &text[at..at + size.min(4)];
        number.parse::<u8>().ok()?;
        if size > 1 && number.starts_with('0') {
            return None;
        }
        at += size;
    }
    let next = text.as_bytes().get(at..at + 2);
    let continues = next.is_some_and(|next| next[0] == b'.' && next[1].is_ascii_digit());
    (!continues).then_some(at)
}
