//! Detects the encoding of a text by its byte order mark, zeros, escapes, declaration or letters.
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    EUC_KR, Encoding, GBK, ISO_2022_JP, MACINTOSH, UTF_8, WINDOWS_1251, WINDOWS_1252,
    X_MAC_CYRILLIC,
};
use oem_cp::code_table::{
    DECODING_TABLE_CP437, DECODING_TABLE_CP850, DECODING_TABLE_CP852, DECODING_TABLE_CP855,
};

use super::alphabets::{by_rules_of_script, is_cyrillic};
use super::johab;
use super::plausible::score;

/// Bytes from which the encoding is guessed.
const GUESSED_FROM: usize = 1 << 20;
/// Bytes from which the width of code units is determined.
const UNITS_TOLD_BY: usize = 64 << 10;

/// Decodes a file: by its byte order mark, as UTF-8, in the encoding that the file declares, or in
/// the likeliest one. Invalid bytes become U+FFFD.
pub fn decode(bytes: &[u8], declared: Option<&'static Encoding>) -> String {
    if let Some(text) = wide_units(bytes) {
        return text;
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    if let Some(text) = escaped(bytes) {
        return text;
    }
    if is_mostly_utf8(bytes) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match declared.filter(|declared| *declared != UTF_8 && fits(bytes, declared)) {
        Some(declared) => declared.decode_without_bom_handling(bytes).0.into_owned(),
        None => guessed(bytes),
    }
}

/// Whether `bytes` are in UTF-16 or UTF-32, with or without a mark.
pub fn has_wide_units(bytes: &[u8]) -> bool {
    wide(bytes).is_some()
}

#[derive(Clone, Copy)]
enum Wide {
    Utf16 { little: bool },
    Utf32 { little: bool },
}

fn wide_units(bytes: &[u8]) -> Option<String> {
    let text = match wide(bytes)? {
        Wide::Utf16 { little } => {
            let order = if little { u16::from_le_bytes } else { u16::from_be_bytes };
            let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
            char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect::<String>()
        }
        Wide::Utf32 { little } => {
            let order = if little { u32::from_le_bytes } else { u32::from_be_bytes };
            let units =
                bytes.chunks_exact(4).map(|four| order([four[0], four[1], four[2], four[3]]));
            units.map(|unit| char::from_u32(unit).unwrap_or('\u{fffd}')).collect()
        }
    };
    Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn wide(bytes: &[u8]) -> Option<Wide> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] if bytes.len().is_multiple_of(4) => {
            return Some(Wide::Utf32 { little: true });
        }
        [0, 0, 0xfe, 0xff, ..] => return Some(Wide::Utf32 { little: false }),
        [0xff, 0xfe, ..] => return Some(Wide::Utf16 { little: true }),
        [0xfe, 0xff, ..] => return Some(Wide::Utf16 { little: false }),
        // Markup, whatever letters follow.
        [b'<', 0, 1..=0x7f, 0, ..] => return Some(Wide::Utf16 { little: true }),
        [0, b'<', 0, 1..=0x7f, ..] => return Some(Wide::Utf16 { little: false }),
        _ => {}
    }
    let start = &bytes[..bytes.len().min(UNITS_TOLD_BY)];
    let zeros = start.iter().filter(|byte| **byte == 0).count();
    if zeros == 0 || start.len() < 4 {
        return None;
    }
    // A few zeros in a single-byte text are damage.
    let is_single = |byte: &u8| matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b' '..=b'~');
    if zeros * 4 < start.len() && start.iter().all(is_single) {
        return None;
    }
    if zeros * 2 > start.len() {
        for little in [true, false] {
            let order = if little { u32::from_le_bytes } else { u32::from_be_bytes };
            let mut units =
                start.chunks_exact(4).map(|four| order([four[0], four[1], four[2], four[3]]));
            if units.all(|unit| char::from_u32(unit).is_some_and(is_written)) {
                return Some(Wide::Utf32 { little });
            }
        }
    }
    [true, false]
        .into_iter()
        .find(|little| is_utf16(start, *little))
        .map(|little| Wide::Utf16 { little })
}

/// Whether nearly all units are common characters, and enough of them are spaces, line ends or
/// Latin-1 characters. Text in other encodings contains no zeros.
fn is_utf16(bytes: &[u8], little: bool) -> bool {
    let order = if little { u16::from_le_bytes } else { u16::from_be_bytes };
    let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    let (mut all, mut written, mut latin) = (0usize, 0usize, 0usize);
    for c in char::decode_utf16(units) {
        all += 1;
        let Ok(c) = c else { continue };
        written += usize::from(is_written(c));
        latin += usize::from(is_written(c) && c < '\u{100}');
    }
    all > 0 && written * 100 >= all * 97 && latin * 200 >= all
}

fn is_written(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{c}' | '\u{feff}' => true,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => false,
        '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}' => false,
        // Rarely used blocks that random bytes often fall into.
        '\u{0700}'..='\u{08ff}' | '\u{1400}'..='\u{1cff}' | '\u{2800}'..='\u{2e7f}' => false,
        '\u{a000}'..='\u{abff}' => false,
        _ => true,
    }
}

/// Decodes text in a 7-bit encoding that switches by escape sequences.
fn escaped(bytes: &[u8]) -> Option<String> {
    if bytes.iter().any(|byte| *byte >= 0x80) {
        return None;
    }
    let has = |sequence: &[u8]| bytes.windows(sequence.len()).any(|window| window == sequence);
    if has(b"\x1b$)C") {
        return Some(shifted(bytes));
    }
    if has(b"\x1b$B") || has(b"\x1b$@") || has(b"\x1b(I") {
        return Some(ISO_2022_JP.decode_without_bom_handling(bytes).0.into_owned());
    }
    if has(b"~{") && has(b"~}") { tilded(bytes) } else { None }
}

/// Decodes ISO-2022-KR: between SO and SI are EUC-KR bytes without their highest bit.
fn shifted(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut is_shifted = false;
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            0x0e => is_shifted = true,
            0x0f => is_shifted = false,
            0x1b if tail.starts_with(b"$)C") => rest = &tail[3..],
            byte if is_shifted && *byte > 0x20 => plain.push(byte | 0x80),
            byte => plain.push(*byte),
        }
    }
    EUC_KR.decode_without_bom_handling(&plain).0.into_owned()
}

/// Decodes HZ: between `~{` and `~}` are GB 2312 bytes without their highest bit. Returns `None` if
/// these are not Chinese.
fn tilded(bytes: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut is_shifted = false;
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail.first()) {
            (b'~', Some(b'{')) => (is_shifted, rest) = (true, &tail[1..]),
            (b'~', Some(b'}')) => (is_shifted, rest) = (false, &tail[1..]),
            (b'~', Some(b'~')) => {
                plain.push(b'~');
                rest = &tail[1..];
            }
            (b'\n', _) => {
                is_shifted = false;
                plain.push(b'\n');
            }
            (byte, _) if is_shifted => plain.push(byte | 0x80),
            (byte, _) => plain.push(*byte),
        }
    }
    let (text, _, has_errors) = GBK.decode(&plain);
    (!has_errors).then(|| text.into_owned())
}

/// Whether the text can be in the declared encoding: it has at most a few undefined characters, and
/// no control characters among letters.
fn fits(bytes: &[u8], declared: &'static Encoding) -> bool {
    let start = &bytes[..bytes.len().min(GUESSED_FROM)];
    let (text, _) = declared.decode_without_bom_handling(start);
    let implausible =
        text.chars().filter(|c| matches!(c, '\u{fffd}' | '\u{80}'..='\u{9f}')).count();
    let not_ascii = text.chars().filter(|c| !c.is_ascii()).count();
    implausible * 20 <= not_ascii
}

/// Decodes bytes in the likeliest encoding.
fn guessed(bytes: &[u8]) -> String {
    if let Some(text) = johab::decoded(bytes) {
        return text;
    }
    let start = &bytes[..bytes.len().min(GUESSED_FROM)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(start, start.len() == bytes.len());
    let guess = detector.guess(None, Utf8Detection::Deny);
    let decode = |encoding: &'static Encoding| encoding.decode_without_bom_handling(start).0;
    let guess_text = decode(guess);
    let not_ascii = guess_text.chars().filter(|c| !c.is_ascii()).count();
    let guess_score = score(&guess_text);
    if let Some(certain) = by_rules_of_script(start) {
        return certain.decode_without_bom_handling(bytes).0.into_owned();
    }
    let cyrillic = [Candidate::Table(&DECODING_TABLE_CP855), Candidate::Web(X_MAC_CYRILLIC)];
    for candidate in cyrillic {
        if is_cyrillic(&candidate.decode(start), &guess_text) {
            return candidate.decode(bytes);
        }
    }
    if guess == WINDOWS_1251 && is_mac_cyrillic(start) {
        return X_MAC_CYRILLIC.decode_without_bom_handling(bytes).0.into_owned();
    }
    let is_sure =
        !is_latin(guess) && guess_score * 2 > i64::try_from(not_ascii).unwrap_or(i64::MAX);
    if !guess.is_single_byte() || is_sure {
        return guess.decode_without_bom_handling(bytes).0.into_owned();
    }
    // Encodings that browsers do not support: those of DOS and early Macintoshes.
    let candidates = [
        Candidate::Web(WINDOWS_1252),
        Candidate::Web(MACINTOSH),
        Candidate::Table(&DECODING_TABLE_CP850),
        Candidate::Table(&DECODING_TABLE_CP852),
        Candidate::Table(&DECODING_TABLE_CP437),
    ];
    let mut best = (Candidate::Web(guess), guess_score);
    for candidate in candidates {
        let score = score(&candidate.decode(start));
        if score > best.1 {
            best = (candidate, score);
        }
    }
    best.0.decode(bytes)
}

/// Whether Cyrillic text is in the Macintosh encoding rather than Windows-1251. Small letters are
/// the same in both, except я; capitals in one are symbols in the other.
fn is_mac_cyrillic(bytes: &[u8]) -> bool {
    let count = |is: fn(u8) -> bool| bytes.iter().filter(|byte| is(**byte)).count();
    let of_mac = count(|byte| matches!(byte, 0x80..=0x9f | 0xdf));
    let of_windows = count(|byte| matches!(byte, 0xc0..=0xde | 0xff));
    of_mac > of_windows
}

/// Whether an encoding is for languages written in Latin letters.
fn is_latin(encoding: &'static Encoding) -> bool {
    let name = encoding.name();
    let windows = ["windows-1250", "windows-1252", "windows-1254", "windows-1257", "windows-1258"];
    let iso = ["ISO-8859-2", "ISO-8859-3", "ISO-8859-4", "ISO-8859-10", "ISO-8859-13"];
    windows.contains(&name) || iso.contains(&name) || name.starts_with("ISO-8859-1")
}

#[derive(Clone, Copy)]
enum Candidate {
    Web(&'static Encoding),
    Table(&'static [char; 128]),
}

impl Candidate {
    fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Web(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
            Self::Table(table) => by_table(bytes, table),
        }
    }
}

pub fn by_table(bytes: &[u8], table: &[char; 128]) -> String {
    let character = |byte: &u8| table.get(usize::from(*byte).wrapping_sub(128)).copied();
    bytes.iter().map(|byte| character(byte).unwrap_or(char::from(*byte))).collect()
}

/// Whether the text is UTF-8 with so little damage that no other encoding is likely.
pub fn is_mostly_utf8(bytes: &[u8]) -> bool {
    if str::from_utf8(bytes).is_ok() {
        return true;
    }
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        // Letters of other encodings that happen to decode are mostly control characters.
        good += chunk.valid().chars().filter(|c| *c >= '\u{a0}').count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= 2 * bad || (bad == 1 && good > 0)
}
