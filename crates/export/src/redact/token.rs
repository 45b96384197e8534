//! Recognizes bank account numbers and access keys.
use std::ops::Range;

/// Prefixes of well-known kinds of access keys.
const PREFIXES: [&str; 24] = [
    "sk-",
    "sk_",
    "pk-",
    "pk_",
    "rk-",
    "rk_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxa-",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "hf_",
    "crl_",
    "eyJ",
    "ya29.",
];
/// Shortest word of letters and digits that counts as a key.
const KEY_LENGTH: usize = 20;

/// Shortest key: a prefix of three characters and eight more.
const SHORTEST: usize = 11;

/// Returns the length of the leading letters, digits and underscores.
pub fn word_length(bytes: &[u8]) -> usize {
    length(bytes, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the end of the access key at `start`. If there is none, raises `none_before` to the end
/// of the examined range.
pub fn key(text: &str, start: usize, none_before: &mut usize) -> Option<usize> {
    if start < *none_before {
        return None;
    }
    let rest = &text[start..];
    let bytes = rest.as_bytes();
    let mut token = length(bytes, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    *none_before = start + token;
    if token < SHORTEST && !rest.starts_with("ya29.") {
        return None;
    }
    let prefix = PREFIXES.iter().find(|prefix| rest.starts_with(**prefix));
    if matches!(prefix, Some(&("eyJ" | "ya29."))) {
        token = length(bytes, |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    }
    let token = rest[..token].trim_end_matches(['-', '_', '.']);
    let digits = |part: &str| part.bytes().filter(u8::is_ascii_digit).count();
    let by_prefix = prefix.is_some_and(|prefix| {
        let tail = token.get(prefix.len()..).unwrap_or_default();
        tail.len() >= 8 && (digits(tail) > 0 || tail.len() >= KEY_LENGTH)
    });
    let by_length = || {
        token.split(['-', '_']).any(|part| {
            let digits = digits(part);
            part.len() >= KEY_LENGTH && digits >= 2 && digits < part.len()
        })
    };
    (by_prefix || by_length() || four_groups_of_seven(token)).then_some(start + token.len())
}

/// True for four groups of seven capitals and digits joined by dashes, the format of keys of
/// similar servers.
fn four_groups_of_seven(token: &str) -> bool {
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    token.len() == 31
        && token.split('-').count() == 4
        && token.split('-').all(|group| group.len() == 7 && group.bytes().all(upper))
}

/// Returns the credentials after the word `Bearer`, which ends at `end`.
pub fn bearer(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let spaces = length(&bytes[end..], |byte| byte == b' ' || byte == b'\t');
    if spaces == 0 || spaces > 4 {
        return None;
    }
    let start = end + spaces;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let token = &bytes[start..start + length(&bytes[start..], allowed)];
    let any_digit = token.iter().any(u8::is_ascii_digit);
    let looks_random = token.len() >= 16 || (token.len() >= 8 && any_digit);
    looks_random.then_some(start..start + token.len())
}

/// Returns the end of the international bank account number at `start`: two capital letters, two
/// digits, and 11 to 30 letters and digits with at least eight digits in total.
pub fn iban(bytes: &[u8], start: usize) -> Option<usize> {
    let [a, b, c, d] = *bytes.get(start..start + 4)?.as_array()?;
    let begins = a.is_ascii_uppercase()
        && b.is_ascii_uppercase()
        && c.is_ascii_digit()
        && d.is_ascii_digit();
    if !begins {
        return None;
    }
    let mut end = start + group(bytes, start)?;
    let mut characters = end - start;
    if characters == 4 {
        while let Some(gap) = gap(&bytes[end..])
            && let Some(size @ 1..=4) = group(bytes, end + gap)
            && characters + size <= 34
        {
            end += gap + size;
            characters += size;
            if size < 4 {
                break;
            }
        }
    }
    let digits = bytes[start..end].iter().filter(|byte| byte.is_ascii_digit()).count();
    ((15..=34).contains(&characters) && digits >= 8).then_some(end)
}

/// Returns the length of a group of capital letters and digits that is a whole word of at most 34
/// characters.
fn group(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let rest = &rest[..rest.len().min(35)];
    let size = length(rest, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let whole = rest.get(size).is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'_');
    (size > 0 && whole).then_some(size)
}

/// Returns the length of the separator between the groups of an account number: a space or a
/// hyphen.
fn gap(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b' ' | b'-', ..] => Some(1),
        // A non-breaking space.
        [0xC2, 0xA0, ..] => Some(2),
        _ => None,
    }
}

fn length(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !allowed(*byte)).unwrap_or(bytes.len())
}
