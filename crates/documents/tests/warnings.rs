//! Warnings name every part of a document that was not read.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::io::{Cursor, Write};

use carrel_documents::{Limits, extract_file};
use carrel_domain::document::Extracted;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const LIMITS: Limits = Limits { file: 8 << 20, text: 1 << 20, inflated: 64 << 20 };
const R: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn extracted(name: &str, content: &[u8]) -> carrel_domain::Result<Vec<Extracted>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    extract_file(name, file.path(), LIMITS)
}

/// Returns the warnings of the first document.
fn warnings(name: &str, content: &[u8]) -> Vec<String> {
    extracted(name, content).unwrap().swap_remove(0).warnings
}

fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Returns a Word document of one word with relationships to these parts.
fn word(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let relation = |(kind, part, _): &(&str, &str, &[u8])| {
        format!("<Relationship Id='{part}' Type='{R}/{kind}' Target='{part}'/>")
    };
    let relations: String = parts.iter().map(relation).collect();
    let relations = format!("<Relationships>{relations}</Relationships>");
    let body =
        "<w:document xmlns:w='w'><w:body><w:p><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>";
    let mut all = vec![
        ("word/document.xml", body.as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
    ];
    let names: Vec<_> = parts.iter().map(|(_, part, _)| format!("word/{part}")).collect();
    all.extend(names.iter().zip(parts).map(|(name, (.., content))| (name.as_str(), *content)));
    packed(&all)
}

/// Returns a PDF file whose pages have these contents and, as `/X`, a picture of one pixel.
fn pdf(pages: &[&str]) -> Vec<u8> {
    let kids: Vec<_> = (0..pages.len()).map(|page| format!("{} 0 R", 5 + 2 * page)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), pages.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
        "<</Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray\
         /Length 1>>stream\n0\nendstream"
            .to_owned(),
    ];
    for (content, number) in pages.iter().zip((6..).step_by(2)) {
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {number} 0 R\
             /Resources<</Font<</F 3 0 R>>/XObject<</X 4 0 R>>>>>>"
        ));
        objects.push(format!("<</Length {}>>stream\n{content}\nendstream", content.len()));
    }
    let mut pdf = "%PDF-1.7\n".to_owned();
    for (object, number) in objects.iter().zip(1..) {
        pdf.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    pdf.push_str("trailer\n<</Root 1 0 R>>\n");
    pdf.into_bytes()
}

const TEXT: &str = "BT /F 10 Tf 50 700 Td (words) Tj ET";
const PICTURE: &str = "q 500 0 0 700 50 50 cm /X Do Q";

#[test]
fn a_document_that_is_read_completely_has_no_warnings() {
    assert!(warnings("a.txt", b"words").is_empty());
    assert!(warnings("a.docx", &word(&[])).is_empty());
    assert!(warnings("a.pdf", &pdf(&[TEXT, ""])).is_empty());
    let words = "A page with a text of its own, beside which it shows a picture. ".repeat(2);
    let both = format!("BT /F 10 Tf 5 700 Td ({words}) Tj ET {PICTURE}");
    assert!(warnings("a.pdf", &pdf(&[&both])).is_empty());
}

#[test]
fn pages_that_are_pictures_are_named() {
    let found = warnings("a.pdf", &pdf(&[TEXT, PICTURE, PICTURE, TEXT, PICTURE]));
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .starts_with("Pages 2–3, 5 are pictures and were not read: this server has no model"),
        "{found:?}"
    );
    let found = warnings("a.pdf", &pdf(&[PICTURE, TEXT]));
    assert!(found[0].starts_with("Page 1 is a picture and was not read"), "{found:?}");
}

#[test]
fn a_file_of_nothing_but_pictures_is_refused_with_the_reason() {
    let refusal = extracted("scan.pdf", &pdf(&[PICTURE, PICTURE])).unwrap_err().to_string();
    let expected = "No text content found in scan.pdf. Pages 1–2 are pictures";
    assert!(refusal.starts_with(expected), "{refusal}");
    let blank = extracted("blank.pdf", &pdf(&[""])).unwrap_err().to_string();
    assert_eq!(blank, "No text content found in blank.pdf.");
}

#[test]
fn files_within_files_that_are_not_read_are_named() {
    let mail = "Subject: Offer\r\nFrom: a@b.c\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n\
        --x\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=plan.dwg\r\n\r\n1\r\n\
        --x\r\nContent-Type: application/pkcs7-mime\r\nContent-Disposition: attachment; filename=smime.p7m\r\n\r\n1\r\n\
        --x\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=empty.txt\r\n\r\n\r\n--x--\r\n";
    assert_eq!(
        warnings("m.eml", mail.as_bytes()),
        [
            "The embedded file plan.dwg was not read: files of type .dwg are not read.",
            "The embedded file smime.p7m was not read: it is encrypted.",
            "The embedded file empty.txt has no text."
        ]
    );
    let with_damaged_workbook = word(&[("package", "embeddings/book.xlsx", b"PK no workbook")]);
    assert_eq!(
        warnings("a.docx", &with_damaged_workbook),
        ["The embedded file book.xlsx is damaged, or it is not an Excel workbook (.xlsx)."]
    );
    let zip = packed(&[("a.txt", b"words"), ("b/c.bin", b"x"), ("d.docx", &with_damaged_workbook)]);
    let documents = extracted("z.zip", &zip).unwrap();
    assert!(documents[0].warnings[0].contains("b/c.bin"), "{:?}", documents[0].warnings);
    assert!(documents[1].warnings[0].contains("book.xlsx"), "{:?}", documents[1].warnings);
    let nothing = extracted("z.zip", &packed(&[("c.bin", b"x")])).unwrap_err().to_string();
    let expected = "No text content found in z.zip. The embedded file c.bin was not read";
    assert!(nothing.starts_with(expected), "{nothing}");
}

#[test]
fn files_nested_too_deep_are_named() {
    let mut zip = packed(&[("a.txt", b"deep")]);
    for _ in 0..6 {
        zip = packed(&[("top.txt", b"words"), ("z.zip", &zip)]);
    }
    let documents = extracted("z.zip", &zip).unwrap();
    let warned = documents.iter().flat_map(|document| &document.warnings);
    let warned: Vec<_> = warned.filter(|sentence| sentence.contains("too deep")).collect();
    assert_eq!(warned.len(), 1, "{documents:?}");
}

#[test]
fn charts_and_pictures_that_are_not_read_are_named() {
    let picture = vec![0; 10_000];
    let parts: [(&str, &str, &[u8]); 5] = [
        ("chart", "charts/chart1.xml", b"<c:chart><c:title></c:x>"),
        ("chart", "charts/chart2.xml", b"<c:chart/>"),
        ("image", "media/photo.png", &picture),
        ("image", "media/scan.jpeg", &picture),
        ("image", "media/bullet.gif", b"GIF89a"),
    ];
    let found = warnings("a.docx", &word(&parts));
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], "A chart in it could not be read: it is damaged.");
    assert_eq!(found[1], "A chart in it has no readable content.");
    assert!(found[2].starts_with("The text of 2 pictures in it was not read"), "{found:?}");
}

#[test]
fn files_attached_to_a_pdf_file_are_read_or_named() {
    let mut file = String::from_utf8(pdf(&[TEXT])).unwrap();
    let attached =
        |name: &str, number: u32| format!("({name})<</UF({name})/EF<</F {number} 0 R>>>>");
    let names = format!("{}{}", attached("terms.txt", 91), attached("plan.dwg", 92));
    let catalog = format!("/Type/Catalog/Names<</EmbeddedFiles<</Names[{names}]>>>>");
    file = file.replace("/Type/Catalog", &catalog);
    let stream = |number: u32, text: &str| {
        format!("{number} 0 obj\n<</Length {}>>stream\n{text}\nendstream\nendobj\n", text.len())
    };
    let streams = [stream(91, "Payable in 30 days."), stream(92, "1")].concat();
    file = file.replace("trailer", &format!("{streams}trailer"));
    let documents = extracted("a.pdf", file.as_bytes()).unwrap();
    assert_eq!(documents[1].text, "Payable in 30 days.");
    assert!(documents[0].warnings[0].contains("plan.dwg"), "{:?}", documents[0].warnings);
}
