//! Text files of any encoding, and telling text from other things.
use carrel_domain::document::Extracted;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

use super::Input;
use super::fault::Fault;
use super::formats::is_known_not_to_be_text;

/// How much of a file tells whether it is text.
const SNIFFED: usize = 1024;
/// How much of a file its encoding is guessed from.
const GUESSED_FROM: usize = 1 << 20;

/// A file whose type says that it is text.
pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let bytes = text_bytes(input)?;
    Ok(vec![document(decode(&bytes, None), None)])
}

/// JSON is text as it stands, but always Unicode.
pub fn read_json(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let bytes = text_bytes(input)?;
    if Encoding::for_bom(&bytes).is_none() && str::from_utf8(&bytes).is_err() {
        return Err(Fault::refused("is not valid JSON: it is not in UTF-8."));
    }
    Ok(vec![document(decode(&bytes, None), None)])
}

/// A file of a type that is not in the table: taken when it looks like text.
pub fn read_unknown(input: &Input<'_>, extension: &str) -> Result<Vec<Extracted>, Fault> {
    let refusal = || {
        Fault::said(format!(
            "File extension .{extension} not supported for parsing and cannot be assumed as text \
             file type."
        ))
    };
    if is_known_not_to_be_text(extension) {
        return Err(refusal());
    }
    let bytes = input.bytes()?;
    if !looks_like_text(&bytes) {
        return Err(refusal());
    }
    Ok(vec![document(decode(&bytes, None), None)])
}

/// The bytes of a file that claims to be text and looks so.
pub fn text_bytes(input: &Input<'_>) -> Result<Vec<u8>, Fault> {
    let bytes = input.bytes()?;
    if looks_like_text(&bytes) { Ok(bytes) } else { Err(Fault::empty()) }
}

pub fn document(text: String, title: Option<String>) -> Extracted {
    Extracted {
        part: None,
        title,
        author: "Unknown".to_owned(),
        description: "Unknown".to_owned(),
        source: "a text file uploaded by the user.".to_owned(),
        text,
    }
}

/// Whether less than a tenth of the file's beginning are control characters. What is not UTF-8
/// must not have a NUL there either: chance bytes stay just below a tenth too often, while text
/// in older encodings has none.
fn looks_like_text(bytes: &[u8]) -> bool {
    if Encoding::for_bom(bytes).is_some() {
        return true;
    }
    let start = &bytes[..bytes.len().min(SNIFFED)];
    let control = |byte: &&u8| {
        (**byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x08 | 0x0c | 0x1b))
            || **byte == 0x7f
    };
    let controls = start.iter().filter(control).count();
    let few = controls * 10 < start.len();
    start.is_empty() || (few && (!start.contains(&0) || is_mostly_utf8(start)))
}

/// The text of a file: by its byte order mark, as UTF-8, as `declared` within the file, or in the
/// encoding that its bytes are most likely in. Bytes that mean nothing there become U+FFFD.
pub fn decode(bytes: &[u8], declared: Option<&'static Encoding>) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    if is_mostly_utf8(bytes) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let encoding = declared.filter(|declared| *declared != UTF_8).unwrap_or_else(|| guess(bytes));
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let start = &bytes[..bytes.len().min(GUESSED_FROM)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(start, start.len() == bytes.len());
    detector.guess(None, Utf8Detection::Deny)
}

/// Whether it is UTF-8, or damaged in so few places that it cannot be anything else.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    if str::from_utf8(bytes).is_ok() {
        return true;
    }
    let (mut good, mut bad) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= 10 * bad
}
