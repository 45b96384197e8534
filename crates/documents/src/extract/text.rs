//! Reads text files in any encoding, and distinguishes text from other content.
use carrel_domain::document::Extracted;
use encoding_rs::Encoding;

use super::Input;
use super::encoding::{decode, has_wide_units, is_mostly_utf8};
use super::extract_error::ExtractError;
use super::formats::is_known_not_to_be_text;

/// Bytes of a file that determine whether it is text.
const SNIFFED: usize = 1024;
/// Bytes that determine whether a file with a text extension is text.
const CLAIM_TOLD_BY: usize = 64 << 10;

/// Reads a file with a text extension.
pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let bytes = text_bytes(input)?;
    Ok(vec![document(decode(&bytes, None), None)])
}

/// Reads JSON as text. It must be in Unicode.
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

/// Reads a file of an unknown type if it looks like text.
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

/// Returns the bytes of a file that is text, as its type claims.
pub fn text_bytes(input: &Input<'_>) -> Result<Vec<u8>, ExtractError> {
    let mut bytes = input.bytes()?;
    if looks_like_text(&bytes) {
        return Ok(bytes);
    }
    // Logs of machines that lost power contain zeros; the rest is text.
    bytes.retain(|byte| *byte != 0);
    let start = &bytes[..bytes.len().min(CLAIM_TOLD_BY)];
    if !start.is_empty() && has_few_controls(start) {
        Ok(bytes)
    } else {
        Err(ExtractError::empty())
    }
}

/// Decodes text in any encoding.
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

/// Whether less than a tenth of the file's beginning are control characters. Text that is not UTF-8
/// must not contain NUL there either: random bytes stay below a tenth too often, while text in old
/// encodings has no NUL.
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

/// Reads source code, and describes it with its language.
pub fn read_code(input: &Input<'_>, language: &str) -> Result<Vec<Extracted>, ExtractError> {
    let mut documents = read(input)?;
    for document in &mut documents {
        document.description = format!("Source code in {language}");
    }
    Ok(documents)
}
