//! Text files of any encoding, and the distinction of text from other content.
use carrel_domain::document::Extracted;
use encoding_rs::Encoding;

use super::Input;
use super::encoding::{decode, has_wide_units, is_mostly_utf8};
use super::extract_error::ExtractError;
use super::formats::is_known_not_to_be_text;

/// The bytes of a file that decide whether it is text.
const SNIFFED: usize = 1024;
/// The bytes that decide whether a file with a text extension is text.
const CLAIM_TOLD_BY: usize = 64 << 10;

/// A file with a text extension.
pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = text_bytes(input)?;
    Ok(vec![document(decode(&bytes, None), None)])
}

/// JSON is read as text, but is always Unicode.
pub fn read_json(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = text_bytes(input)?;
    if Encoding::for_bom(&bytes).is_none()
        && !has_wide_units(&bytes)
        && str::from_utf8(&bytes).is_err()
    {
        return Err(ExtractError::unreadable("is not valid JSON: it is not in UTF-8."));
    }
    Ok(vec![document(decode(&bytes, None), None)])
}

/// A file of a type that is not in the table: taken when it looks like text.
pub fn read_unknown(input: &Input<'_>, extension: &str) -> Result<Vec<Extracted>, ExtractError> {
    let refusal = || {
        ExtractError::with_message(format!(
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
pub fn text_bytes(input: &Input<'_>) -> Result<Vec<u8>, ExtractError> {
    let mut bytes = input.bytes()?;
    if looks_like_text(&bytes) {
        return Ok(bytes);
    }
    // Logs of machines that lost power have zeros in them; the rest is text.
    bytes.retain(|byte| *byte != 0);
    let start = &bytes[..bytes.len().min(CLAIM_TOLD_BY)];
    if !start.is_empty() && has_few_controls(start) {
        Ok(bytes)
    } else {
        Err(ExtractError::empty())
    }
}

/// The text of `bytes` in any encoding.
pub fn decode_text(bytes: &[u8]) -> String {
    decode(bytes, None)
}

pub fn document(text: String, title: Option<String>) -> Extracted {
    Extracted {
        part: None,
        title,
        author: "Unknown".to_owned(),
        description: "Unknown".to_owned(),
        source: "a text file uploaded by the user.".to_owned(),
        text,
        warnings: Vec::new(),
    }
}

/// Whether less than a tenth of the file's beginning are control characters. What is not UTF-8
/// must not have a NUL there either: chance bytes stay just below a tenth too often, while text
/// in older encodings has none.
fn looks_like_text(bytes: &[u8]) -> bool {
    if Encoding::for_bom(bytes).is_some() || has_wide_units(bytes) {
        return true;
    }
    let start = &bytes[..bytes.len().min(SNIFFED)];
    start.is_empty() || (has_few_controls(start) && (!start.contains(&0) || is_mostly_utf8(start)))
}

fn has_few_controls(start: &[u8]) -> bool {
    let control = |byte: &&u8| {
        (**byte < 0x20
            && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x08 | 0x0c | 0x0e | 0x0f | 0x1b))
            || **byte == 0x7f
    };
    start.iter().filter(control).count() * 10 < start.len()
}

/// Source code, which is marked as such with its language.
pub fn read_code(input: &Input<'_>, language: &str) -> Result<Vec<Extracted>, ExtractError> {
    let mut documents = read(input)?;
    for document in &mut documents {
        document.description = format!("Source code in {language}");
    }
    Ok(documents)
}
