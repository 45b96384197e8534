//! The reply of a worker: one line of JSON, then the texts of the documents in order, or a picture.
use std::io::{self, Write};

use carrel_domain::document::{DocumentPart, Extracted};
use carrel_domain::original::PageImage;
use serde::{Deserialize, Serialize};

use super::Output;
use crate::extract::extract_error::ExtractError;

/// The limit for the part of a reply that is not text, in bytes.
pub const HEAD_AT_MOST: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
enum Head {
    Documents(Vec<Document>),
    Page(Page),
    ExtractError(ExtractError),
}

/// A picture of a page without its content.
#[derive(Serialize, Deserialize)]
struct Page {
    /// The number of pages of the file.
    pages: u32,
    /// The length of the picture.
    bytes: usize,
}

/// A document without its text.
#[derive(Serialize, Deserialize)]
struct Document {
    sheet: Option<String>,
    mail: Option<u32>,
    #[serde(default)]
    file: Option<String>,
    title: Option<String>,
    author: String,
    description: String,
    source: String,
    #[serde(default)]
    warnings: Vec<String>,
    /// The length of the text.
    bytes: usize,
}

pub fn write(out: impl Write, answer: Result<Output, ExtractError>) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let (head, contents): (Head, Vec<Vec<u8>>) = match answer {
        Ok(Output::Documents(documents)) => {
            let (heads, texts): (_, Vec<_>) = documents.into_iter().map(divide).unzip();
            (Head::Documents(heads), texts.into_iter().map(String::into_bytes).collect())
        }
        Ok(Output::Page(PageImage { pages, png })) => {
            (Head::Page(Page { pages, bytes: png.len() }), vec![png])
        }
        Err(fault) => (Head::ExtractError(fault), Vec::new()),
    };
    serde_json::to_writer(&mut out, &head)?;
    out.write_all(b"\n")?;
    for content in contents {
        out.write_all(&content)?;
    }
    out.flush()
}

/// Parses a reply. Returns `None` if it is invalid or incomplete.
pub fn read(bytes: &[u8]) -> Option<Result<Output, ExtractError>> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, mut texts) = (&bytes[..end], &bytes[end + 1..]);
    let heads = match serde_json::from_slice(head).ok()? {
        Head::Documents(heads) => heads,
        Head::Page(Page { pages, bytes }) => {
            let page = PageImage { pages, png: texts.to_vec() };
            return (texts.len() == bytes).then_some(Ok(Output::Page(page)));
        }
        Head::ExtractError(fault) => return texts.is_empty().then_some(Err(fault)),
    };
    let mut documents = Vec::with_capacity(heads.len());
    for head in heads {
        let (text, rest) = texts.split_at_checked(head.bytes)?;
        documents.push(join(head, str::from_utf8(text).ok()?.to_owned()));
        texts = rest;
    }
    (texts.is_empty() && !documents.is_empty()).then_some(Ok(Output::Documents(documents)))
}

fn divide(extracted: Extracted) -> (Document, String) {
    let Extracted { part, title, author, description, source, text, warnings } = extracted;
    let (sheet, mail, file) = match part {
        None => (None, None, None),
        Some(DocumentPart::Sheet(name)) => (Some(name), None, None),
        Some(DocumentPart::Mail(number)) => (None, Some(number), None),
        Some(DocumentPart::File(name)) => (None, None, Some(name)),
    };
    let bytes = text.len();
    let head = Document { sheet, mail, file, title, author, description, source, warnings, bytes };
    (head, text)
}

fn join(document: Document, text: String) -> Extracted {
    let Document { sheet, mail, file, title, author, description, source, warnings, bytes: _ } =
        document;
    let part = sheet
        .map(DocumentPart::Sheet)
        .or(mail.map(DocumentPart::Mail))
        .or(file.map(DocumentPart::File));
    Extracted { part, title, author, description, source, text, warnings }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(part: Option<DocumentPart>, text: &str) -> Extracted {
        let [author, description, source] = ["a", "d", "s"].map(str::to_owned);
        let (title, text, warnings) = (Some("t".into()), text.into(), vec!["w".into()]);
        Extracted { part, title, author, description, source, text, warnings }
    }

    fn written(answer: Result<Output, ExtractError>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, answer).unwrap();
        bytes
    }

    #[test]
    fn a_written_reply_is_read_back() {
        let documents = vec![
            document(None, "日本\nx"),
            document(Some(DocumentPart::Sheet("S".into())), ""),
            document(Some(DocumentPart::Mail(7)), "y"),
            document(Some(DocumentPart::File("a/b.txt".into())), "z"),
        ];
        let page = Output::Page(PageImage { pages: 3, png: vec![0x89, b'\n', 0] });
        for output in [Output::Documents(documents), page] {
            assert_eq!(read(&written(Ok(output.clone()))), Some(Ok(output)));
        }
        let fault = ExtractError::unreadable("is odd.");
        assert_eq!(read(&written(Err(fault.clone()))), Some(Err(fault)));
    }

    #[test]
    fn an_invalid_reply_is_refused() {
        let whole = written(Ok(Output::Documents(vec![document(None, "日本")])));
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None);
        }
        assert_eq!(read(&[&whole[..], b"x"].concat()), None);
        assert_eq!(read(b"{\"Documents\":[]}\n"), None);
        assert_eq!(read(b"\xff\xfe\n\n"), None);
    }
}
