//! The properties of a mail in Outlook's format: a body in three forms, a subject, a sender.
use crate::extract::Input;
use crate::extract::encoding::decode;
use crate::extract::extract_error::ExtractError;
use crate::extract::{html, rtf};

use super::compressed;

pub const SUBJECT: u16 = 0x0037;
pub const SENDER: u16 = 0x0c1a;
pub const SENDER_ADDRESS: u16 = 0x5d01;
pub const SENDER_MAIL: u16 = 0x0c1f;
pub const TO: u16 = 0x0e04;
pub const CC: u16 = 0x0e03;
pub const BODY: u16 = 0x1000;
pub const BODY_RTF: u16 = 0x1009;
pub const BODY_HTML: u16 = 0x1013;
pub const FILE_DATA: u16 = 0x3701;
pub const FILE_NAME: u16 = 0x3704;
pub const LONG_FILE_NAME: u16 = 0x3707;

/// Property types of texts: UTF-16 and 8-bit.
pub const UNICODE: u16 = 0x001f;
pub const BYTES: u16 = 0x001e;

pub fn string(kind: u16, bytes: &[u8]) -> String {
    let text = if kind == UNICODE {
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
    } else {
        decode(bytes, None)
    };
    text.trim_end_matches('\0').to_owned()
}

/// Returns the best available form of a mail's text.
pub fn body(
    input: &Input<'_>,
    plain: Option<String>,
    page: Option<&[u8]>,
    rich: Option<&[u8]>,
) -> Result<String, ExtractError> {
    if let Some(page) = page.filter(|page| !page.is_empty()) {
        let (text, _) = html::readable_bytes(page, input.limits.text)?;
        if !text.is_empty() {
            return Ok(text);
        }
    }
    if let Some(plain) = plain.filter(|plain| !plain.trim().is_empty()) {
        return Ok(plain.replace("\r\n", "\n"));
    }
    let rich = rich.and_then(|rich| compressed::unpack(rich, input.limits.inflated));
    match rich {
        Some(rich) => rtf::text(&rich, input.limits.text),
        None => Ok(String::new()),
    }
}
