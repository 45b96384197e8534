//! Mails saved by Outlook (`.msg`, MS-OXMSG).
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use carrel_domain::document::Extracted;
use cfb::CompoundFile;

use super::properties::{
    self, BODY, BODY_HTML, BODY_RTF, BYTES, CC, FILE_DATA, FILE_NAME, LONG_FILE_NAME, SENDER,
    SENDER_ADDRESS, SENDER_MAIL, SUBJECT, TO, UNICODE,
};
use super::{DEEPEST, MAX_ATTACHMENTS, TOO_DEEP, too_many_attachments};
use crate::extract::Input;
use crate::extract::embedded::Embedded;
use crate::extract::extract_error::ExtractError;

const WHAT: &str = "a mail saved by Outlook (.msg)";

type File = CompoundFile<Cursor<Vec<u8>>>;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut file =
        CompoundFile::open(Cursor::new(input.bytes()?)).map_err(|_| ExtractError::damaged(WHAT))?;
    let mut attached = Embedded::default();
    let mut text = String::new();
    message(input, &mut file, Path::new("/"), &mut attached, &mut text, 0)?;
    let title = string(&mut file, Path::new("/"), SUBJECT);
    let author = string(&mut file, Path::new("/"), SENDER);
    let document = Extracted {
        part: None,
        title,
        author: author.unwrap_or_else(|| "no author found".to_owned()),
        description: "No description found.".to_owned(),
        source: "Mail file uploaded by the user.".to_owned(),
        text,
        warnings: Vec::new(),
    };
    let mut documents = vec![document];
    documents.extend(attached.into_documents());
    Ok(documents)
}

fn message(
    input: &Input<'_>,
    file: &mut File,
    at: &Path,
    attached: &mut Embedded,
    text: &mut String,
    depth: usize,
) -> Result<(), ExtractError> {
    let sender = string(file, at, SENDER).unwrap_or_default();
    let address = string(file, at, SENDER_ADDRESS).or_else(|| string(file, at, SENDER_MAIL));
    let from = match address.filter(|address| address.contains('@') && *address != sender) {
        Some(address) => format!("{sender} <{address}>"),
        None => sender,
    };
    let heads = [
        ("Subject", string(file, at, SUBJECT)),
        ("From", Some(from)),
        ("To", string(file, at, TO)),
        ("Cc", string(file, at, CC)),
    ];
    for (name, value) in heads {
        let value = value.filter(|value| !value.trim().is_empty());
        text.extend(value.map(|value| format!("{name}: {}\n", value.trim())));
    }
    let plain = string(file, at, BODY);
    let page = stream(file, at, BODY_HTML, 0x0102);
    let page = page.or_else(|| string(file, at, BODY_HTML).map(String::into_bytes));
    let rich = stream(file, at, BODY_RTF, 0x0102);
    let body = properties::body(input, plain, page.as_deref(), rich.as_deref())?;
    if !body.trim().is_empty() {
        text.push_str(&format!("\n{}\n", body.trim()));
    }
    let mut names = Vec::new();
    let folders = attachments(file, at);
    if folders.len() > MAX_ATTACHMENTS {
        input.warn(too_many_attachments());
    }
    for folder in folders.into_iter().take(MAX_ATTACHMENTS) {
        let inner = folder.join(format!("__substg1.0_{FILE_DATA:04X}000D"));
        if file.is_storage(&inner) {
            text.push_str("\nForwarded message:\n");
            match depth < DEEPEST {
                true => message(input, file, &inner, attached, text, depth + 1)?,
                false => input.warn(TOO_DEEP),
            }
            continue;
        }
        let name =
            string(file, &folder, LONG_FILE_NAME).or_else(|| string(file, &folder, FILE_NAME));
        let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
        if let Some(data) = stream(file, &folder, FILE_DATA, 0x0102) {
            attached.add(input, &name, &data);
        }
        names.push(name);
    }
    if !names.is_empty() {
        text.push_str(&format!("\nAttachments: {}\n", names.join(", ")));
    }
    Ok(())
}

fn attachments(file: &File, at: &Path) -> Vec<PathBuf> {
    let Ok(entries) = file.read_storage(at) else { return Vec::new() };
    let folders =
        entries.filter(|entry| entry.is_storage() && entry.name().starts_with("__attach_"));
    let mut folders: Vec<_> =
        folders.map(|entry| at.join(entry.name())).take(MAX_ATTACHMENTS + 1).collect();
    folders.sort();
    folders
}

fn string(file: &mut File, at: &Path, id: u16) -> Option<String> {
    let found =
        [UNICODE, BYTES].into_iter().find_map(|kind| Some((kind, stream(file, at, id, kind)?)));
    found.map(|(kind, bytes)| properties::string(kind, &bytes))
}

fn stream(file: &mut File, at: &Path, id: u16, kind: u16) -> Option<Vec<u8>> {
    let path = at.join(format!("__substg1.0_{id:04X}{kind:04X}"));
    if !file.is_stream(&path) {
        return None;
    }
    let mut bytes = Vec::new();
    file.open_stream(&path).ok()?.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
