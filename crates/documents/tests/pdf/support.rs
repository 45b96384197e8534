//! Builds PDF files object by object, and reads them.
use std::fs;

use carrel_documents::{Limits, extract_file};
use carrel_domain::document::Extracted;
use tempfile::NamedTempFile;

pub const LIMITS: Limits = Limits { file: 8 << 20, text: 1 << 20, inflated: 16 << 20 };
pub const HELVETICA: &str =
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>";

/// Returns a file of these objects, numbered from 1; the first is the catalog.
pub fn file(objects: &[String]) -> Vec<u8> {
    let mut pdf = "%PDF-1.7\n".to_owned();
    let mut offsets = Vec::new();
    for (object, number) in objects.iter().zip(1..) {
        offsets.push(pdf.len());
        pdf.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let (table, count) = (pdf.len(), objects.len() + 1);
    pdf.push_str(&format!("xref\n0 {count}\n0000000000 65535 f \n"));
    offsets.iter().for_each(|offset| pdf.push_str(&format!("{offset:010} 00000 n \n")));
    pdf.push_str(&format!("trailer\n<</Size {count}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n"));
    pdf.into_bytes()
}

pub fn stream(dict: &str, content: &str) -> String {
    format!("<<{dict}/Length {}>>stream\n{content}\nendstream", content.len())
}

/// Returns a file of one page with Helvetica as `/F`, more entries of the page, and objects from 6
/// on.
pub fn page(content: &str, entries: &str, more: &[String]) -> Vec<u8> {
    let page = format!(
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R\
         /Resources<</Font<</F 4 0 R/G 6 0 R>>/XObject<</X 6 0 R>>>>{entries}>>"
    );
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        page,
        HELVETICA.to_owned(),
        stream("", content),
    ];
    objects.extend_from_slice(more);
    file(&objects)
}

/// Reads a file, without the form feed of the last page.
pub fn read(pdf: &[u8]) -> String {
    let text = read_whole(pdf);
    text.strip_suffix("\n\n\u{c}\n").unwrap().to_owned()
}

pub fn read_whole(pdf: &[u8]) -> String {
    document(pdf).text
}

pub fn document(pdf: &[u8]) -> Extracted {
    documents(pdf).unwrap().swap_remove(0)
}

/// Why a file is not read.
pub fn refusal(pdf: &[u8]) -> String {
    documents(pdf).unwrap_err().to_string()
}

fn documents(pdf: &[u8]) -> carrel_domain::Result<Vec<Extracted>> {
    let path = NamedTempFile::new().unwrap();
    fs::write(path.path(), pdf).unwrap();
    extract_file("a.pdf", path.path(), LIMITS)
}

/// Reads a page drawn by `content`.
pub fn text(content: &str) -> String {
    read(&page(content, "", &[]))
}

/// Draws each text at 10 points at its position.
pub fn drawn(texts: &[(f64, f64, &str)]) -> String {
    let show = |(x, y, text): &(f64, f64, &str)| format!("BT /F 10 Tf {x} {y} Td ({text}) Tj ET\n");
    texts.iter().map(show).collect()
}
