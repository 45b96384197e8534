//! Reads `winmail.dat`, the attachment in which Outlook packs mails (MS-OXTNEF).
use super::properties::{self, BODY, BODY_HTML, BODY_RTF, LONG_FILE_NAME};
use crate::extract::Input;
use crate::extract::embedded::Embedded;
use crate::extract::encoding::decode;
use crate::extract::extract_error::ExtractError;

const SIGNATURE: u32 = 0x223e_9f78;
const SUBJECT: u32 = 0x0001_8004;
const TEXT: u32 = 0x0002_800c;
const PROPERTIES: u32 = 0x0006_9003;
const NEW_FILE: u32 = 0x0006_9002;
const FILE_TITLE: u32 = 0x0001_8010;
const FILE_DATA: u32 = 0x0006_800f;
const FILE_PROPERTIES: u32 = 0x0006_9005;

#[derive(Default)]
struct File {
    title: String,
    long_name: String,
    data: Vec<u8>,
}

/// Returns the text. Attachments are added to `attached`.
pub fn read(
    input: &Input<'_>,
    bytes: &[u8],
    attached: &mut Embedded,
) -> Result<String, ExtractError> {
    let mut rest = Bytes(bytes);
    if rest.u32() != Some(SIGNATURE) || rest.take(2).is_none() {
        return Ok(String::new());
    }
    let (mut plain, mut page, mut rich, mut subject) = (None, None, None, None);
    let mut files: Vec<File> = Vec::new();
    while let Some((id, data)) = attribute(&mut rest) {
        match id {
            SUBJECT => subject = Some(decode(data, None).trim_end_matches('\0').to_owned()),
            TEXT => plain = Some(decode(data, None).trim_end_matches('\0').to_owned()),
            PROPERTIES => each_property(data, |id, kind, value| match id {
                BODY => plain = Some(properties::string(kind, value)),
                BODY_HTML => page = Some(value.to_vec()),
                BODY_RTF => rich = Some(value.to_vec()),
                _ => {}
            }),
            NEW_FILE => files.push(File::default()),
            _ => {
                let Some(file) = files.last_mut() else { continue };
                match id {
                    FILE_TITLE => file.title = decode(data, None).trim_end_matches('\0').to_owned(),
                    FILE_DATA => file.data = data.to_vec(),
                    FILE_PROPERTIES => each_property(data, |id, kind, value| {
                        if id == LONG_FILE_NAME {
                            file.long_name = properties::string(kind, value);
                        }
                    }),
                    _ => {}
                }
            }
        }
    }
    let mut text = properties::body(input, plain, page.as_deref(), rich.as_deref())?;
    if let Some(subject) = subject.filter(|subject| text.is_empty() && !subject.is_empty()) {
        text = subject;
    }
    let mut names = Vec::new();
    for File { title, long_name, data } in files {
        let name = if long_name.is_empty() { title } else { long_name };
        if !name.is_empty() {
            attached.add(input, &name, &data);
            names.push(name);
        }
    }
    if !names.is_empty() {
        text.push_str(&format!("\n\nAttachments: {}", names.join(", ")));
    }
    Ok(text)
}

fn attribute<'a>(rest: &mut Bytes<'a>) -> Option<(u32, &'a [u8])> {
    rest.take(1)?;
    let (id, length) = (rest.u32()?, rest.u32()?);
    let data = rest.take(length as usize)?;
    rest.take(2)?;
    Some((id, data))
}

fn each_property<'a>(data: &'a [u8], mut found: impl FnMut(u16, u16, &'a [u8])) {
    let mut rest = Bytes(data);
    let count = rest.u32().unwrap_or(0);
    for _ in 0..count {
        if property(&mut rest, &mut found).is_none() {
            return;
        }
    }
}

fn property<'a>(rest: &mut Bytes<'a>, found: &mut impl FnMut(u16, u16, &'a [u8])) -> Option<()> {
    let (kind, id) = (rest.u16()?, rest.u16()?);
    if id >= 0x8000 {
        rest.take(16)?;
        if rest.u32()? == 1 {
            let length = rest.u32()? as usize;
            rest.take(length.next_multiple_of(4))?;
        } else {
            rest.take(4)?;
        }
    }
    let is_many = kind & 0x1000 != 0;
    let kind = kind & !0x1000;
    let size = match kind {
        0x0002 | 0x0003 | 0x0004 | 0x000a | 0x000b => Some(4),
        0x0005..=0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        _ => None,
    };
    let count = if is_many || size.is_none() { rest.u32()? } else { 1 };
    for _ in 0..count {
        let length = match size {
            Some(size) => size,
            None => rest.u32()? as usize,
        };
        let value = rest.take(length)?;
        rest.take(length.next_multiple_of(4) - length);
        found(id, kind, value);
    }
    Some(())
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
}
