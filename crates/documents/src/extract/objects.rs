//! Extracts files from objects that other programs embed in office documents (OLE).
use std::io::{Cursor, Read};

use cfb::CompoundFile;

const COMPOUND_FILE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The longest name of a file, in bytes.
const LONGEST_NAME: usize = 1_024;

/// Returns the file in an object, under its own name or as `object` with the extension of its type.
/// Returns `None` if the bytes are not an object or the object contains no file.
pub fn unwrap(bytes: &[u8], object: &str) -> Option<(String, Vec<u8>)> {
    if !bytes.starts_with(COMPOUND_FILE) {
        return None;
    }
    let mut container = CompoundFile::open(Cursor::new(bytes)).ok()?;
    let stem = object.rsplit_once('.').map_or(object, |(stem, _)| stem);
    let named = |extension: &str| format!("{stem}.{extension}");
    if let Some(content) = stream(&mut container, "\u{1}Ole10Native") {
        let (name, content) = packaged(&content)?;
        return Some((name.unwrap_or_else(|| object.to_owned()), content.to_vec()));
    }
    for name in ["Package", "CONTENTS"] {
        if let Some(content) = stream(&mut container, name) {
            let extension = extension_of(&content)?;
            return Some((named(extension), content));
        }
    }
    // The object itself is a file of an old Office version.
    let old = [("Workbook", "xls"), ("Book", "xls"), ("WordDocument", "doc")];
    let extension = old.iter().find(|(name, _)| container.is_stream(format!("/{name}")))?.1;
    Some((named(extension), bytes.to_vec()))
}

fn stream(container: &mut CompoundFile<Cursor<&[u8]>>, name: &str) -> Option<Vec<u8>> {
    let path = format!("/{name}");
    if !container.is_stream(&path) {
        return None;
    }
    let mut content = Vec::new();
    container.open_stream(path).ok()?.read_to_end(&mut content).ok()?;
    Some(content)
}

/// Returns the name and the content of a file packed by the Windows shell: a size, two bytes, a
/// label, a path, four bytes, another path with its length before it, and the content likewise.
fn packaged(bytes: &[u8]) -> Option<(Option<String>, &[u8])> {
    let (label, rest) = text(bytes.get(6..)?)?;
    let (_, rest) = text(rest)?;
    let (_, rest) = counted(rest.get(4..)?)?;
    let (content, _) = counted(rest)?;
    let name = label.rsplit(['/', '\\']).next().unwrap_or_default();
    Some(((!name.is_empty()).then(|| name.to_owned()), content))
}

/// Splits off a zero-terminated text.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().take(LONGEST_NAME).position(|byte| *byte == 0)?;
    let (text, rest) = bytes.split_at(end);
    Some((encoding_rs::WINDOWS_1252.decode_without_bom_handling(text).0.into_owned(), &rest[1..]))
}

/// Splits off bytes that are preceded by their length.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

fn extension_of(content: &[u8]) -> Option<&'static str> {
    let has = |part: &[u8]| content.windows(part.len()).any(|window| window == part);
    match content {
        _ if content.starts_with(b"%PDF") => Some("pdf"),
        _ if !content.starts_with(b"PK") => None,
        _ if has(b"word/document.xml") => Some("docx"),
        _ if has(b"xl/workbook.xml") => Some("xlsx"),
        _ if has(b"ppt/presentation.xml") => Some("pptx"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn object(stream: &str, content: &[u8]) -> Vec<u8> {
        let mut container = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        container.create_stream(stream).unwrap().write_all(content).unwrap();
        container.into_inner().into_inner()
    }

    fn native(label: &str, content: &[u8]) -> Vec<u8> {
        let length = |of: usize| u32::try_from(of).unwrap().to_le_bytes();
        let path = b"C:\\Temp\\a\0";
        let parts: [&[u8]; 9] = [
            &[0, 0, 0, 0, 2, 0],
            label.as_bytes(),
            b"\0C:\\a\0",
            &[0, 0, 3, 0],
            &length(path.len()),
            path,
            &length(content.len()),
            content,
            &[0, 0],
        ];
        parts.concat()
    }

    #[test]
    fn the_file_within_an_object_is_found() {
        let packed = object("/\u{1}Ole10Native", &native("C:\\docs\\terms.txt", b"30 days"));
        assert_eq!(unwrap(&packed, "o.bin").unwrap(), ("terms.txt".into(), b"30 days".to_vec()));
        let portable = unwrap(&object("/CONTENTS", b"%PDF-1.7"), "oleObject1.bin").unwrap();
        assert_eq!(portable, ("oleObject1.pdf".into(), b"%PDF-1.7".to_vec()));
        let sheet = unwrap(&object("/Workbook", b"x"), "oleObject2.bin").unwrap();
        assert_eq!(sheet.0, "oleObject2.xls");
    }

    #[test]
    fn damaged_objects_hold_nothing() {
        let whole = native("a.txt", b"words");
        for length in 0..whole.len() - 2 {
            assert_eq!(unwrap(&object("/\u{1}Ole10Native", &whole[..length]), "o.bin"), None);
        }
        assert_eq!(unwrap(b"words", "o.bin"), None);
        assert_eq!(unwrap(COMPOUND_FILE, "o.bin"), None);
        assert_eq!(unwrap(&object("/Other", b"x"), "o.bin"), None);
    }
}
