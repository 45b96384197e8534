//! The `.env` format: parsing, and writing such that values are read back exactly.
use std::iter::Peekable;
use std::str::CharIndices;

/// A value and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, before the `=`.
    pub name: String,
    /// The value, without quotes.
    pub value: String,
    /// The line on which the entry begins, from 1.
    pub line: usize,
}

/// A syntax error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The reason.
    pub reason: &'static str,
}

/// Parses `NAME=value` lines. If a name occurs twice, both entries are returned in order.
///
/// - `#` begins a comment at the start of a line and after white space that follows a value.
/// - `export` before a name is ignored, so that shells can read the file too.
/// - A value without quotes ends at the end of the line and is trimmed.
/// - `'...'` and `` `...` `` contain literal text, including line breaks, but not their own quote.
/// - `"..."` supports `\n`, `\r`, `\t`, `\"`, `\\` and `\$`; other backslashes stay.
/// - `$` is always literal, so that passwords can contain it.
///
/// All errors are reported, and lines with errors are skipped.
pub fn parse(text: &str) -> (Vec<Entry>, Vec<ParseError>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (entry, length) = statement(rest);
        match entry {
            Ok(Some((name, value))) => entries.push(Entry { name, value, line }),
            Ok(None) => {}
            Err(reason) => errors.push(ParseError { line, reason }),
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    (entries, errors)
}

/// A name and a value, or `None` for an empty line or a comment.
type Statement = Result<Option<(String, String)>, &'static str>;

/// Parses one statement, which can span lines inside quotes. Also returns its length, including the
/// line end.
fn statement(text: &str) -> (Statement, usize) {
    let end = text.find('\n').map_or(text.len(), |end| end + 1);
    let line = &text[..end];
    let trimmed = line.trim_start();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return (Ok(None), end);
    }
    let Some(equals) = line.find('=') else {
        return (Err("must have the form NAME=value"), end);
    };
    let name = line[..equals].trim();
    let name = match name.strip_prefix("export") {
        Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim_start(),
        _ => name,
    };
    if !is_name(name) {
        return (Err("has a name with characters other than letters, digits and underscores"), end);
    }
    let value = line[equals + 1..].trim_start_matches([' ', '\t']);
    let start = equals + 1 + (line.len() - equals - 1 - value.len());
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"' | '`')) else {
        return (Ok(Some((name.to_owned(), unquoted(value).to_owned()))), end);
    };
    let Some((value, length)) = quoted(&text[start + 1..], quote) else {
        return (Err("has a quote that is never closed"), end);
    };
    let closed = start + 1 + length;
    let end = text[closed..].find('\n').map_or(text.len(), |end| closed + end + 1);
    let trailing = text[closed..end].trim();
    if !trailing.is_empty() && !trailing.starts_with('#') {
        return (Err("has something other than a comment behind the closing quote"), end);
    }
    (Ok(Some((name.to_owned(), value))), end)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Returns the text before a comment. A `#` inside a word does not begin one.
fn unquoted(text: &str) -> &str {
    let comment = text.char_indices().find(|(at, c)| {
        *c == '#' && text[..*at].chars().next_back().is_none_or(char::is_whitespace)
    });
    comment.map_or(text, |(at, _)| &text[..at]).trim_end()
}

/// Returns the value up to the closing `quote`, and the bytes consumed including the quote.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut signs = text.char_indices().peekable();
    while let Some((at, c)) = signs.next() {
        match c {
            _ if c == quote => return Some((value, at + c.len_utf8())),
            '\\' if quote == '"' => value.push_str(&escaped(&mut signs)),
            _ => value.push(c),
        }
    }
    None
}

fn escaped(signs: &mut Peekable<CharIndices<'_>>) -> String {
    let sign = match signs.peek() {
        Some((_, 'n')) => '\n',
        Some((_, 'r')) => '\r',
        Some((_, 't')) => '\t',
        Some((_, sign @ ('"' | '\\' | '$'))) => *sign,
        _ => return "\\".to_owned(),
    };
    signs.next();
    sign.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let (entries, errors) = parse(text);
        assert_eq!(errors, [], "{text}");
        entries.into_iter().map(|entry| (entry.name, entry.value)).collect()
    }

    #[test]
    fn values_are_parsed() {
        for (text, value) in [
            ("A=plain", "plain"),
            ("A=", ""),
            ("A=''", ""),
            ("  export A = spaced out  ", "spaced out"),
            ("A=pass#word # a comment", "pass#word"),
            ("A=#nothing", ""),
            ("A='it # stays $HOME \\n'", "it # stays $HOME \\n"),
            (
                "A=\"two\\nlines \\\"quoted\\\" \\\\ \\$x $x \\d\" # c",
                "two\nlines \"quoted\" \\ $x $x \\d",
            ),
            ("A=`it's \"both\"`", "it's \"both\""),
            ("A='over\ntwo lines'", "over\ntwo lines"),
            ("\u{feff}A=with a mark\r\n", "with a mark"),
            ("A=don't", "don't"),
            ("A=é語=x", "é語=x"),
        ] {
            assert_eq!(values(text), [("A".to_owned(), value.to_owned())], "{text}");
        }
    }

    #[test]
    fn any_value_survives_a_round_trip() {
        let escape = |value: &str| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            value.replace('\n', "\\n").replace('\r', "\\r")
        };
        for value in [
            "",
            " ",
            "#",
            "a # b",
            "pa$$word",
            "${HOME}",
            "it's",
            "\"",
            "\\",
            "\\n",
            "a\nb\r\n",
            "=",
            "'\"`",
            "\u{2028}é語\u{a0}",
            "export A=1",
            "\\\"",
        ] {
            let text = format!("A=\"{}\"\nB=2\n", escape(value));
            let read = values(&text);
            assert_eq!(read[0].1, value, "{text}");
            assert_eq!(read.len(), 2, "{text}");
        }
    }

    #[test]
    fn every_error_is_reported_with_its_line() {
        let text = "A=1\nnonsense\n# fine\nB-C=2\nD='over\ntwo' junk\nE=\"open\nF=3\n";
        let (entries, errors) = parse(text);
        let names: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.line)).collect();
        assert_eq!(names, [("A", 1), ("F", 8)]);
        assert_eq!(errors.iter().map(|m| m.line).collect::<Vec<_>>(), [2, 4, 5, 7]);
    }

    #[test]
    fn no_input_panics() {
        for text in ["=", "=\n", "A='", "A=\"\\", "A=\"\\é\"", "export", "export =x", "\0", "é=1"]
        {
            parse(text);
        }
    }
}
