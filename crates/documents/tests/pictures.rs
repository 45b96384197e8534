//! Reads text in pictures: image files, scanned pages, pictures within documents.
//!
//! `carrel model fetch ocr` installs the model next to `CARREL_MODEL_DIR`. Without it, tests that
//! read pictures are skipped.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::env;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use carrel_documents::{Limits, Ocr, extract_with_pictures, ocr_model};
use carrel_domain::document::Extracted;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const LIMITS: Limits = Limits { file: 8 << 20, text: 1 << 20, inflated: 64 << 20 };
const SEALED: &str = "reading pictures is turned off on this server (CARREL_OCR_TIMEOUT is 0)";

fn scan(name: &str) -> Vec<u8> {
    let scans = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/scans");
    fs::read(scans.join(name)).unwrap()
}

/// Returns the model, if it is installed.
fn model() -> Option<Ocr> {
    let embedder = env::var_os("CARREL_MODEL_DIR").map(PathBuf::from)?;
    let directory = embedder.with_file_name(ocr_model::NAME);
    if !ocr_model::is_complete(&directory) {
        eprintln!("skipped: there is no model in {} (carrel model fetch ocr)", directory.display());
        return None;
    }
    Some(Ocr::Ready { directory, seconds: 600, languages: String::new() })
}

fn extract(name: &str, content: &[u8], ocr: &Ocr) -> carrel_domain::Result<Vec<Extracted>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    extract_with_pictures(name, file.path(), LIMITS, ocr)
}

fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Returns a file whose pages have these contents and, as `/X`, the picture `scan.jpg`.
fn pdf(pages: &[&str]) -> Vec<u8> {
    let picture = scan("scan.jpg");
    let kids: Vec<_> = (0..pages.len()).map(|page| format!("{} 0 R", 5 + 2 * page)).collect();
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut object = |number: usize, content: &[u8]| {
        file.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        file.extend_from_slice(content);
        file.extend_from_slice(b"\nendobj\n");
    };
    object(1, b"<</Type/Catalog/Pages 2 0 R>>");
    let kids = format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), pages.len());
    object(2, kids.as_bytes());
    object(3, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    let dict = format!(
        "<</Type/XObject/Subtype/Image/Width 900/Height 380/BitsPerComponent 8/ColorSpace/DeviceGray\
         /Filter/DCTDecode/Length {}>>stream\n",
        picture.len()
    );
    object(4, &[dict.as_bytes(), &picture, b"\nendstream"].concat());
    for (content, number) in pages.iter().zip((5..).step_by(2)) {
        let page = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {} 0 R\
             /Resources<</Font<</F 3 0 R>>/XObject<</X 4 0 R>>>>>>",
            number + 1
        );
        object(number, page.as_bytes());
        let stream = format!("<</Length {}>>stream\n{content}\nendstream", content.len());
        object(number + 1, stream.as_bytes());
    }
    file.extend_from_slice(b"trailer\n<</Root 1 0 R>>\n");
    file
}

const TEXT: &str = "BT /F 10 Tf 50 700 Td (The first page has text.) Tj ET";
const UPRIGHT: &str = "q 540 0 0 228 30 500 cm /X Do Q";
/// A page that was scanned upside down.
const TURNED: &str = "q -540 0 0 -228 570 728 cm /X Do Q";
const STAMPED: &str = "q 540 0 0 228 30 500 cm /X Do Q BT /F 8 Tf 50 20 Td (Scanned by 7) Tj ET";

fn assert_read(text: &str) {
    for expected in [
        "Maintenance agreement no. 2026-0417",
        "The supplier delivers within thirty days after the order was placed.",
        "Die Prüfung der Verträge übernimmt Frau Größe.",
        "| Bearing 6204 | 4 | 19.90 |",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
}

#[test]
fn image_files_are_read() {
    let Some(model) = model() else { return };
    for name in ["scan.png", "scan.jpg"] {
        let documents = extract(name, &scan(name), &model).unwrap();
        assert_read(&documents[0].text);
        assert!(documents[0].warnings.is_empty(), "{:?}", documents[0].warnings);
    }
    // The name of the file does not matter.
    assert_read(&extract("a.gif", &scan("scan.png"), &model).unwrap()[0].text);
}

#[test]
fn every_page_of_a_tiff_file_is_read_including_a_sideways_one() {
    let Some(model) = model() else { return };
    let text = extract("fax.tif", &scan("scan.tiff"), &model).unwrap().swap_remove(0).text;
    let pages: Vec<_> = text.split('\u{c}').collect();
    assert_read(pages[0]);
    assert_eq!(pages[1].trim(), "Second page: payable within 14 days.");
    assert_eq!(pages.len(), 3);
}

#[test]
fn scripts_that_the_model_does_not_know_are_warned_of() {
    let Some(model) = model() else { return };
    for name in ["greek-russian.png", "arabic.png"] {
        let document = extract(name, &scan(name), &model).unwrap().swap_remove(0);
        let advice = "name the languages in TARGET_OCR_LANG.";
        let warned = document.warnings.iter().filter(|warning| warning.ends_with(advice)).count();
        assert_eq!(warned, 1, "{:?}", document.warnings);
    }
}

#[test]
fn tables_with_ruled_lines_keep_their_cells() {
    let Some(model) = model() else { return };
    for name in ["table.png", "table-crooked.png"] {
        let text = extract(name, &scan(name), &model).unwrap().swap_remove(0).text;
        let rows = [
            "| Part | Pieces | Price |",
            "| --- | --- | --- |",
            "| Bearing with a greased steel cage | 4 | 19.90 |",
            "| Gasket | 12 | 0.85 |",
            "| Impeller, cast in one run | 1 | 310.00 |",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), rows, "{name}");
    }
}

#[test]
fn scanned_pages_are_read_among_pages_with_text() {
    let Some(model) = model() else { return };
    let documents = extract("m.pdf", &pdf(&[TEXT, UPRIGHT, TURNED, STAMPED, ""]), &model).unwrap();
    let pages: Vec<_> = documents[0].text.split('\u{c}').map(str::trim).collect();
    assert_eq!((pages[0], pages[4]), ("The first page has text.", ""));
    pages[1..4].iter().for_each(|page| assert_read(page));
    assert!(pages[3].ends_with("Scanned by 7"), "{}", pages[3]);
    assert!(documents[0].warnings.is_empty(), "{:?}", documents[0].warnings);
}

#[test]
fn pages_beyond_the_time_limit_are_named() {
    let Some(Ocr::Ready { directory, languages, .. }) = model() else { return };
    let none = Ocr::Ready { directory, seconds: 0, languages };
    let documents = extract("m.pdf", &pdf(&[TEXT, UPRIGHT, UPRIGHT]), &none).unwrap();
    let expected = "Pages 2–3 are pictures and were not read: reading earlier pictures took the 0 \
        seconds allowed (CARREL_OCR_TIMEOUT).";
    assert_eq!(documents[0].warnings, [expected]);
}

#[test]
fn pictures_in_documents_and_mails_are_read() {
    let Some(model) = model() else { return };
    let relations =
        "<Relationships><Relationship Id='p' Type='x/image' Target='media/p.png'/></Relationships>";
    let body = "<w:document xmlns:w='w' xmlns:r='r'><w:body><w:p><w:r><w:t>Before</w:t></w:r></w:p>\
        <w:p><w:r><w:drawing><a:blip r:embed='p'/></w:drawing></w:r></w:p>\
        <w:p><w:r><w:t>After</w:t></w:r></w:p></w:body></w:document>";
    let picture = scan("scan.png");
    let word = packed(&[
        ("word/document.xml", body.as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
        ("word/media/p.png", &picture),
    ]);
    let document = extract("a.docx", &word, &model).unwrap().swap_remove(0);
    assert_read(&document.text);
    assert!(document.text.starts_with("Before") && document.text.trim().ends_with("After"));
    assert!(document.warnings.is_empty(), "{:?}", document.warnings);
    let zip = packed(&[("a.txt", b"words"), ("b/scan.png", &picture)]);
    assert_read(&extract("z.zip", &zip, &model).unwrap()[1].text);
}

#[test]
fn languages_restrict_the_characters_that_are_read() {
    let Some(Ocr::Ready { directory, seconds, .. }) = model() else { return };
    let chinese = Ocr::Ready { directory, seconds, languages: "chi_sim".to_owned() };
    let text = extract("a.png", &scan("scan.png"), &chinese).unwrap().swap_remove(0).text;
    assert!(text.contains("thirty days") && !text.contains("Prüfung"), "{text}");
}

#[test]
fn files_that_are_damaged_or_not_pictures_are_refused_with_a_reason() {
    let Some(model) = model() else { return };
    let refusal =
        |name: &str, content: &[u8]| extract(name, content, &model).unwrap_err().to_string();
    let expected = "a.png cannot be read as a picture: it is not an image of a known format.";
    assert_eq!(refusal("a.png", b"words"), expected);
    for name in ["scan.png", "scan.jpg", "scan.tiff"] {
        let whole = scan(name);
        for length in [3, 20, 60, whole.len() / 2] {
            // The intact part of a damaged file may be read.
            if let Err(error) = extract(name, &whole[..length], &model) {
                let text = error.to_string();
                assert!(text.contains("cannot be read") || text.contains("No text"), "{text}");
            }
        }
    }
    // A header of 40,000 by 40,000 pixels without any data.
    let mut huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    huge.extend([0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40, 8, 2, 0, 0, 0, 0, 0, 0, 0]);
    let text = refusal("huge.png", &huge);
    assert!(text.contains("40000 × 40000 pixels, more than the limit of 80000000"), "{text}");
}

#[test]
fn without_a_model_the_command_that_fetches_it_is_named() {
    let refusal = |ocr: &Ocr| extract("a.png", &scan("scan.png"), ocr).unwrap_err().to_string();
    let missing = "The file is a picture, and this server has no model for reading pictures (the \
        operator can fetch it with `carrel model fetch ocr`), so it cannot be read.";
    assert_eq!(refusal(&Ocr::NoModel), missing);
    assert!(refusal(&Ocr::Off).contains(SEALED));
    let documents = extract("m.pdf", &pdf(&[TEXT, UPRIGHT]), &Ocr::Off).unwrap();
    let expected = format!("Page 2 is a picture and was not read: {SEALED}.");
    assert_eq!(documents[0].warnings, [expected]);
}
