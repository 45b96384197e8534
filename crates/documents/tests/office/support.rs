//! Builds packages from their parts, and reads them.
use std::io::{Cursor, Write};

use carrel_documents::{Limits, extract_file};
use carrel_domain::document::Extracted;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const LIMITS: Limits = Limits { file: 8 << 20, text: 1 << 20, inflated: 64 << 20 };
const R: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

pub fn packed(parts: &[(&str, impl AsRef<[u8]>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_ref()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub fn read(name: &str, content: &[u8]) -> Vec<Extracted> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    extract_file(name, file.path(), LIMITS).unwrap()
}

pub fn relations(parts: &[(&str, &str, &str)]) -> String {
    let one = |(id, kind, target): &(&str, &str, &str)| {
        format!("<Relationship Id='{id}' Type='{R}/{kind}' Target='{target}'/>")
    };
    format!("<Relationships>{}</Relationships>", parts.iter().map(one).collect::<String>())
}

pub fn word(body: &str, more: &[(&str, &str, &str)], parts: &[(&str, &str)]) -> String {
    let document =
        format!("<w:document xmlns:w='w' xmlns:r='r'><w:body>{body}</w:body></w:document>");
    let relations = relations(more);
    let mut all =
        vec![("word/document.xml", &*document), ("word/_rels/document.xml.rels", &*relations)];
    all.extend_from_slice(parts);
    read("a.docx", &packed(&all)).swap_remove(0).text
}
