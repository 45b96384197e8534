//! Redaction: removes personal data from exchanges.
mod number;
mod token;

use std::ops::Range;

use carrel_domain::chat_log::LoggedChat;
use carrel_domain::export::{ExportAttachment, ExportRecord};

/// The replacement for redacted text.
const REDACTED: &str = "[redacted]";

/// Removes personal data from a record and keeps its structure.
///
/// The user's name becomes `user-` and the user's id, so that the exchanges of different people can
/// still be told apart. [`redact_text`] redacts the question, the answer, the passages, the
/// workspace's name and prompt, and the names of images. The contents of images are removed.
pub fn redact(record: &mut ExportRecord) {
    let ExportRecord { chat: logged, response, sources, attachments, damaged: _, raw: _ } = record;
    let LoggedChat { chat, workspace, username } = logged;
    if let Some(name) = username {
        *name = match chat.conversation.user {
            Some(id) => format!("user-{id}"),
            None => "user".to_owned(),
        };
    }
    redact_text(&mut chat.prompt);
    redact_text(response);
    if let Some(workspace) = workspace {
        redact_text(&mut workspace.name);
        workspace.prompt.as_mut().map(redact_text);
    }
    sources.iter_mut().for_each(redact_text);
    for ExportAttachment { name, content } in attachments {
        redact_text(name);
        let head = content.find(',').map_or(0, |comma| comma + 1);
        content.truncate(head);
    }
}

/// Replaces the following by `[redacted]`, in one pass that takes linear time:
///
/// - e-mail addresses (`name@host.tld`, accents and Cyrillic or Greek letters included);
/// - numbers that may be telephone numbers: seven or more digits in groups separated by one or two
///   of space, `-`, `.`, `/`, `(`, `)` and their typographic forms, or after `+`, or with a leading
///   `0`; nine or more digits without groups, `+` and leading `0`. This includes card numbers;
/// - international bank account numbers, in one piece or in groups of four;
/// - credentials after the word `Bearer`; words with the prefix of an access key (`sk-`, `ghp_`,
///   `AKIA`, `crl_`, `eyJ` and others); four groups of seven letters and digits; and any word with a
///   part of 20 or more letters and digits of which at least two digits stand among letters.
///
/// Dates, ranges of years, IPv4 addresses, decimal fractions, amounts in groups of three digits that
/// begin with a shorter one (`12 000 000`), lists of numbers below 100, UUIDs, and digits inside
/// words are kept. Names of people and postal addresses are not recognized.
pub fn redact_text(text: &mut String) {
    let mut redacted = String::new();
    let mut copied = 0;
    let mut scanner = Scanner::new(text);
    while let Some(Range { start, end }) = scanner.next() {
        let start = start.max(copied);
        redacted.push_str(&text[copied..start]);
        redacted.push_str(REDACTED);
        copied = end;
    }
    if copied > 0 {
        redacted.push_str(&text[copied..]);
        *text = redacted;
    }
}

/// Scans a text word by word. To stay linear, it remembers the ranges that a failed lookahead has
/// ruled out.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// No e-mail address begins before this position.
    no_email_before: usize,
    /// No key begins before this position.
    no_key_before: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, no_email_before: 0, no_key_before: 0 }
    }

    fn next(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            let found = match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.word(),
                0x80.. => self.foreign(),
                _ => {
                    self.at += 1;
                    None
                }
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Examines the word at this position and moves past it.
    fn word(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if start > 0 && bytes[start - 1] == b'\\' && b"nrtbf".contains(&bytes[start]) {
            // An escaped line break, in text that is itself escaped.
            self.at += 1;
            return None;
        }
        let found = self.email().or_else(|| {
            let key = token::key(self.text, start, &mut self.no_key_before);
            key.or_else(|| token::iban(bytes, start))
        });
        if let Some(end) = found {
            self.at = end;
            return Some(start..end);
        }
        let end = start + token::word_length(&bytes[start..]);
        let word = &bytes[start..end];
        let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
        if digits == word.len() {
            let (end, number) = number::phone(self.text, start);
            self.at = end;
            return number;
        }
        self.at = end;
        if digits > 0 {
            self.skip_what_is_joined();
        } else if word.eq_ignore_ascii_case(b"bearer")
            && let Some(token) = token::bearer(bytes, end)
        {
            self.at = token.end;
            return Some(token);
        }
        None
    }

    /// Skips the remaining parts of an identifier such as `v1.2-20261123`.
    fn skip_what_is_joined(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some([b'-' | b'.', next]) = bytes.get(self.at..self.at + 2)
            && next.is_ascii_alphanumeric()
        {
            self.at += 1;
            self.at += token::word_length(&bytes[self.at..]);
        }
    }

    /// Examines a non-ASCII character, with which an e-mail address may begin.
    fn foreign(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let character = self.text[start..].chars().next()?;
        if is_letter(character)
            && let Some(end) = self.email()
        {
            self.at = end;
            return Some(start..end);
        }
        self.at += character.len_utf8();
        None
    }

    /// Returns the end of the e-mail address at this position.
    fn email(&mut self) -> Option<usize> {
        if self.at < self.no_email_before {
            return None;
        }
        let rest = &self.text[self.at..];
        let name = name_length(rest);
        self.no_email_before = self.at + name + 1;
        let host = rest[name..].strip_prefix('@')?;
        let mut end = None;
        let mut length = 0;
        loop {
            let label = &host[length..];
            let size = label
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || is_letter(c)))
                .unwrap_or(label.len());
            let label = label[..size].trim_end_matches('-');
            let top =
                label.chars().nth(1).is_some() && !label.ends_with(|c: char| c.is_ascii_digit());
            if length > 0 && top {
                end = Some(self.at + name + 1 + length + label.len());
            }
            length += size;
            if size == 0 || !host[length..].starts_with('.') {
                return end;
            }
            length += 1;
        }
    }
}

/// Returns the length of the leading characters that are allowed in a mailbox name.
fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += match bytes.get(at) {
            Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') => 1,
            Some(b'.' | b'_' | b'%' | b'+' | b'-' | b'\'') => 1,
            Some(0x80..) => match text[at..].chars().next() {
                Some(character) if is_letter(character) => character.len_utf8(),
                _ => return at,
            },
            _ => return at,
        };
    }
}

/// True for Latin, Greek, Cyrillic and Armenian letters. These scripts put spaces between words, so
/// an address does not swallow the sentence before it.
fn is_letter(character: char) -> bool {
    ('\u{c0}'..='\u{58f}').contains(&character) && character.is_alphabetic()
}
