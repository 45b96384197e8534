//! Parses environment files like the npm package `dotenv`, which AnythingLLM uses.
//!
//! The format differs from this server's own (`carrel_services::settings::dotenv`): a `#` ends an
//! unquoted value anywhere, `\"` stays two characters, and only `\n` and `\r` are escapes.

/// Returns the values of a file in order. If a name is set twice, the last value wins.
pub fn parse(text: &str) -> Vec<(String, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut values: Vec<(String, String)> = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (entry, length) = line(rest);
        rest = &rest[length..];
        let Some((name, value)) = entry else { continue };
        values.retain(|(known, _)| *known != name);
        values.push((name, value));
    }
    values
}

/// Parses the assignment at the beginning of a text. Returns it, if there is one, and the number of
/// bytes it takes with the end of its line.
fn line(text: &str) -> (Option<(String, String)>, usize) {
    let end = text.find('\n').map_or(text.len(), |end| end + 1);
    let Some((name, start)) = name(text.get(..end).unwrap_or(text)) else { return (None, end) };
    let after = &text[start..];
    let indent = after.len() - after.trim_start_matches([' ', '\t']).len();
    let value = &after[indent..];
    if let Some(quote @ ('\'' | '"' | '`')) = value.chars().next()
        && let Some(length) = quoted(&value[1..], quote)
    {
        let inner = &value[1..=length];
        let inner = match quote {
            '"' => inner.replace("\\n", "\n").replace("\\r", "\r"),
            _ => inner.to_owned(),
        };
        let after_quote = start + indent + 1 + length + 1;
        let end = text[after_quote..].find('\n').map_or(text.len(), |end| after_quote + end + 1);
        return (Some((name, inner)), end);
    }
    let unquoted = text[start..end].split('#').next().unwrap_or_default().trim();
    // Quotes are removed even if a comment has cut the value, as long as both are left.
    let first = unquoted.chars().next().filter(|first| matches!(first, '\'' | '"' | '`'));
    let inner = first
        .filter(|_| unquoted.len() > 1)
        .and_then(|quote| unquoted.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)));
    (Some((name, inner.unwrap_or(unquoted).to_owned())), end)
}

/// Returns the name that a line sets and the position of its value.
fn name(line: &str) -> Option<(String, usize)> {
    let trimmed = line.trim_start();
    let mut rest = trimmed;
    if let Some(after) = rest.strip_prefix("export")
        && after.starts_with(char::is_whitespace)
    {
        rest = after.trim_start();
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(length);
    let spaced = rest.trim_start_matches([' ', '\t']);
    let value = match spaced.strip_prefix('=') {
        Some(value) => value,
        None => rest.strip_prefix(':').filter(|value| value.starts_with([' ', '\t']))?,
    };
    (!name.is_empty()).then(|| (name.to_owned(), line.len() - value.len()))
}

/// Returns the length of a quoted value if only a comment follows it. An escaped quote only closes
/// the value if no other does.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let is_end = |at: &usize| {
        let after_quote = &text[at + 1..];
        let line = after_quote.split('\n').next().unwrap_or_default().trim_start();
        line.is_empty() || line.starts_with('#')
    };
    let (mut escaped, mut before) = (Vec::new(), None);
    for (at, c) in text.char_indices() {
        if c == quote {
            if before != Some('\\') {
                escaped.push(at);
                break;
            }
            escaped.push(at);
        }
        before = Some(c);
    }
    escaped.into_iter().rev().find(is_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed_like_those_of_the_product() {
        for (text, value) in [
            ("A=plain", "plain"),
            ("A=", ""),
            ("A=''", ""),
            ("  export A = spaced out  ", "spaced out"),
            ("A: yaml", "yaml"),
            ("A=pass#word", "pass"),
            ("A=\"my pass#word\"", "my pass#word"),
            ("A='fake-chat' # the model", "fake-chat"),
            (
                "A=\"sk \\\"quoted\\\" # no comment\"   # a comment",
                "sk \\\"quoted\\\" # no comment",
            ),
            ("A='$HOME'", "$HOME"),
            ("A=`back`", "back"),
            ("A=with=equals", "with=equals"),
            ("A=\"a\\nb\\tc\"", "a\nb\\tc"),
            ("A='a\\nb'", "a\\nb"),
            ("A='over\ntwo lines'", "over\ntwo lines"),
            ("A='open", "'open"),
            ("A='a' junk", "'a' junk"),
            ("A='ends in \\'", "ends in \\"),
            ("A='fake ", "'fake"),
            ("\u{feff}A=x\r\n", "x"),
        ] {
            let read = parse(text);
            assert_eq!(read, [("A".to_owned(), value.to_owned())], "{text}");
        }
    }

    #[test]
    fn the_last_value_of_a_name_wins_and_comments_are_skipped() {
        let text = "# A=1\nB=\"x\"\nno line\nB=\"y\"\nOPEN=\n# C=2\nD=1";
        let read: Vec<_> = parse(text).into_iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(read, ["B=y", "OPEN=", "D=1"]);
    }

    #[test]
    fn nothing_makes_it_panic() {
        for text in
            ["=", "=\n", "A='", "A=\"\\", "A=\"\\é\"", "export", "export =x", "\0", "é=1", "A=é'"]
        {
            parse(text);
        }
    }
}
