//! Files in the encoding of Unix mail (`uuencode`), as attachments or within plain text.

/// Lines that a file begins with: `begin 644 name`.
const BEGIN: &[u8] = b"begin ";
/// Files of one text; the rest stays text.
const MAX_FILES: usize = 100;

pub struct EncodedFile {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The files in a text, and the text without them. A file without an end is text.
pub fn extract(text: &[u8]) -> (Vec<EncodedFile>, Vec<u8>) {
    let (mut files, mut rest) = (Vec::new(), Vec::new());
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        let mut inside = lines.clone();
        let name = name(line).filter(|_| files.len() < MAX_FILES);
        match name.and_then(|name| Some((name, decode(&mut inside)?))) {
            Some((name, bytes)) => {
                files.push(EncodedFile { name, bytes });
                lines = inside;
            }
            None => rest.extend_from_slice(line),
        }
    }
    (files, rest)
}

/// The name in the line before a file, behind its permissions.
fn name(line: &[u8]) -> Option<String> {
    let line = line.strip_prefix(BEGIN)?.trim_ascii();
    let space = line.iter().position(|byte| *byte == b' ')?;
    let (mode, name) = (&line[..space], line[space..].trim_ascii());
    let is_mode =
        matches!(mode.len(), 3 | 4) && mode.iter().all(|byte| matches!(byte, b'0'..=b'7'));
    (is_mode && !name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

/// The bytes up to the line `end`; `None` at the first line that is not in this encoding, which the
/// beginning of another file is not either.
fn decode<'a>(lines: &mut impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in lines {
        let line = line.trim_ascii_end();
        if line == b"end" {
            return Some(bytes);
        }
        // Programs cut spaces at the end of a line, which are zeros.
        let Some((length, digits)) = line.split_first() else { continue };
        let length = usize::from(value(*length)?);
        if digits.len() > length.div_ceil(3) * 4 + 2 {
            return None;
        }
        let start = bytes.len();
        for four in digits.chunks(4) {
            let digit = |at: usize| four.get(at).map_or(Some(0), |digit| value(*digit));
            let [a, b, c, d] = [digit(0)?, digit(1)?, digit(2)?, digit(3)?];
            bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
        }
        bytes.resize(start + length, 0);
    }
    None
}

fn value(digit: u8) -> Option<u8> {
    matches!(digit, b' '..=b'`').then(|| (digit - b' ') & 0x3f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'Payable in 30 days.\n' | uuencode terms.txt`
    const FILE: &str = "begin 644 terms.txt\n44&%Y86)L92!I;B`S,\"!D87ES+@H`\n`\nend\n";

    #[test]
    fn files_are_taken_out_of_the_text_around_them() {
        let (files, rest) = extract(format!("See below.\n{FILE}Regards\n").as_bytes());
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].name, "terms.txt");
        assert_eq!(files[0].bytes, b"Payable in 30 days.\n");
        assert_eq!(rest, b"See below.\nRegards\n");
    }

    #[test]
    fn what_only_looks_like_a_file_stays_text() {
        for text in
            ["begin 644 a.txt\n", "begin 644 a.txt\nplain words\nend\n", "begin at 9 am\nend\n"]
        {
            let (files, rest) = extract(text.as_bytes());
            assert!(files.is_empty());
            assert_eq!(rest, text.as_bytes());
        }
    }
}
