//! Escaping for JSON strings and CSV cells, in one pass that copies unescaped runs at once.

/// How line breaks inside a cell are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// Unchanged. A lone carriage return becomes a line feed, because readers treat it differently.
    Kept,
    /// Each as one space.
    Spaces,
}

/// Writes a JSON string in quotes. Escapes only what JSON requires.
pub fn json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    json_inside(text, out);
    out.push(b'"');
}

/// Writes the contents of a JSON string without quotes, so that a string can be assembled from
/// parts.
pub fn json_inside(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let plain = run(rest, |byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else { return };
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0x08 => out.extend_from_slice(br"\b"),
            0x0c => out.extend_from_slice(br"\f"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(br"\u00");
                out.push(HEX[usize::from(control >> 4)]);
                out.push(HEX[usize::from(control & 15)]);
            }
        }
        rest = &rest[plain + 1..];
    }
}

/// Writes a CSV cell in quotes. NUL, which no reader accepts, becomes U+FFFD.
pub fn csv_cell(text: &str, breaks: Breaks, safe: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    if safe && starts_a_formula(text) {
        out.push(b'\'');
    }
    let spaces = breaks == Breaks::Spaces;
    let mut rest = text.as_bytes();
    loop {
        let plain = run(rest, |byte| {
            byte == b'"' || byte == b'\r' || byte == 0 || (byte == b'\n' && spaces)
        });
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else { break };
        rest = &rest[plain + 1..];
        match byte {
            b'"' => out.extend_from_slice(b"\"\""),
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'\r' if rest.first() == Some(&b'\n') => {
                out.extend_from_slice(if spaces { b" " } else { b"\r\n" });
                rest = &rest[1..];
            }
            _ => out.push(if spaces { b' ' } else { b'\n' }),
        }
    }
    out.push(b'"');
}

/// True if a spreadsheet might treat the cell as a formula.
fn starts_a_formula(text: &str) -> bool {
    let marks = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    text.starts_with(marks)
}

/// Returns the number of bytes before the first special one.
#[inline(always)]
fn run(bytes: &[u8], special: impl Fn(u8) -> bool) -> usize {
    let mut passed = blocks::<64>(bytes, &special);
    passed += blocks::<16>(&bytes[passed..], &special);
    let rest = &bytes[passed..];
    passed + rest.iter().position(|byte| special(*byte)).unwrap_or(rest.len())
}

/// Returns the number of bytes in the blocks of `N` before the first block with a special byte.
/// Compilers vectorize the test of a block.
#[inline(always)]
fn blocks<const N: usize>(bytes: &[u8], special: &impl Fn(u8) -> bool) -> usize {
    let (blocks, _) = bytes.as_chunks::<N>();
    let is_plain = |block: &&[u8; N]| !block.iter().fold(false, |any, byte| any | special(*byte));
    N * blocks.iter().take_while(is_plain).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str, breaks: Breaks, safe: bool) -> String {
        let mut out = Vec::new();
        csv_cell(text, breaks, safe, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_the_json_library_does() {
        let all: String =
            (0..0x250).filter_map(char::from_u32).chain("𝄞\u{2028}".chars()).collect();
        for shift in 0..40 {
            let text = format!("{}{all}", "x".repeat(shift));
            let mut out = Vec::new();
            json_string(&text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn cells_double_quotes_and_keep_or_flatten_breaks() {
        assert_eq!(cell("a\"b\r\nc\rd\ne", Breaks::Kept, false), "\"a\"\"b\r\nc\nd\ne\"");
        assert_eq!(cell("a\"b\r\nc\rd\ne\r", Breaks::Spaces, false), "\"a\"\"b c d e \"");
        assert_eq!(cell("a\0b", Breaks::Kept, false), "\"a\u{fffd}b\"");
        assert_eq!(cell("", Breaks::Kept, true), "\"\"");
    }

    #[test]
    fn safe_cells_cannot_start_a_formula() {
        for mark in ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"] {
            let text = format!("{mark}1+1");
            assert!(cell(&text, Breaks::Kept, true).starts_with("\"'"), "{text:?}");
            assert!(!cell(&text, Breaks::Kept, false).starts_with("\"'"), "{text:?}");
        }
        assert_eq!(cell("1=1", Breaks::Kept, true), "\"1=1\"");
    }
}
