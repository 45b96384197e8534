//! Files whose content differs from their extension: encrypted with a well-known password, or saved
//! in another format under an old name.
use super::extract_error::ExtractError;
use super::input::Input;
use super::{html, office, rtf, sheets, text};
use carrel_domain::document::Extracted;

/// The password with which Excel encrypts workbooks that are only protected against changes.
const DEFAULT_PASSWORD: &str = "VelvetSweatshop";
const COMPOUND_FILE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
const ZIP: &[u8] = b"PK\x03\x04";

/// Decrypts an office document that is encrypted with Excel's default password. Returns `None` if
/// the file is not encrypted.
pub fn open(extension: &str, input: &Input<'_>) -> Result<Option<Vec<u8>>, ExtractError> {
    let is_packed =
        ["docx", "docm", "pptx", "xlsx", "xlsm", "xlsb", "xltx", "xls"].contains(&extension);
    if !is_packed || !input.start(8)?.starts_with(COMPOUND_FILE) {
        return Ok(None);
    }
    let bytes = input.bytes()?;
    if !is_sealed(&bytes) {
        return Ok(None);
    }
    let opened = office_crypto::decrypt_from_bytes(bytes, DEFAULT_PASSWORD);
    let opened = opened.ok().filter(|opened| opened.starts_with(ZIP));
    opened.map(Some).ok_or_else(ExtractError::protected)
}

fn is_sealed(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(name.len()).any(|window| window == name)
}

type Read = fn(&Input<'_>) -> Result<Vec<Extracted>, ExtractError>;

/// Returns the reader for the actual content of a file, if it differs from the extension.
pub fn other_format(extension: &str, input: &Input<'_>) -> Result<Option<Read>, ExtractError> {
    if !["doc", "dot", "xls", "xlt", "xlsx", "docx", "rtf", "ppt"].contains(&extension) {
        return Ok(None);
    }
    let start = input.start(512)?;
    let begins = start.trim_ascii_start().to_ascii_lowercase();
    let is_packed = start.starts_with(ZIP);
    let is_old = start.starts_with(COMPOUND_FILE);
    Ok(match extension {
        _ if begins.starts_with(b"{\\rtf") && extension != "rtf" => Some(rtf::read),
        "rtf" if is_packed => Some(office::read_word),
        "doc" | "dot" if is_packed => Some(office::read_word),
        "ppt" if is_packed => Some(office::read_powerpoint),
        "xls" | "xlt" if is_packed => Some(sheets::read),
        "xlsx" if is_old && !is_sealed(&input.bytes()?) => Some(sheets::read_binary),
        _ if begins.starts_with(b"<html")
            || begins.starts_with(b"<!doctype html")
            || begins.starts_with(b"<table") =>
        {
            Some(html::read)
        }
        // Many programs save a text table with this extension.
        "xls" if !is_packed && !is_old && !begins.is_empty() && !begins.contains(&0) => {
            Some(text::read)
        }
        _ => None,
    })
}
