//! Creates files that are designed to harm their reader.
use std::io::{Cursor, Write};

use anyhow::Result;
use flate2::{Compress, Compression, FlushCompress};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::random::Random;

/// Creates an archive of these entries.
pub fn archive<'a>(entries: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let method = CompressionMethod::Stored;
        zip.start_file(name, SimpleFileOptions::default().compression_method(method))?;
        zip.write_all(&content)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Creates a Word document with this body.
pub fn word(body: impl AsRef<[u8]>) -> Result<Vec<u8>> {
    let document = [&b"<d><b>"[..], body.as_ref(), &b"</b></d>"[..]].concat();
    archive([("word/document.xml", document)])
}

/// Creates a document with words of a megabyte each, which compress to a thousandth.
pub fn bomb(megabytes: usize) -> Result<Vec<u8>> {
    let paragraph = format!("<p><t>{}</t></p>", "x".repeat(1 << 20));
    pack(&[("word/document.xml", &[("<d>", 1), (&paragraph, megabytes), ("</d>", 1)])])
}

/// Creates a Word document of `megabytes`, at most 4,000, without text, which only takes time to
/// read.
pub fn endless_word(megabytes: usize) -> Result<Vec<u8>> {
    let empty_paragraphs = "<p/>".repeat((1 << 20) / 4);
    pack(&[("word/document.xml", &[("<d>", 1), (&empty_paragraphs, megabytes), ("</d>", 1)])])
}

/// Smaller entries, in bytes, have a correct checksum.
const MAX_CHECKED_BYTES: usize = 64 << 20;

/// A text and its number of repetitions.
type Part<'a> = (&'a str, usize);

/// Creates an archive whose entries consist of pieces. Each piece is compressed once and its
/// compressed form is repeated, so that large entries are created fast. The checksums of large
/// entries are wrong. Entries have less than 4 GiB.
fn pack(entries: &[(&str, &[Part<'_>])]) -> Result<Vec<u8>> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, parts) in entries {
        let at = u32::try_from(archive.len())?;
        let content = deflate(parts)?;
        let size = parts.iter().map(|(part, times)| part.len() * times).sum::<usize>();
        let mut sum = flate2::Crc::new();
        for (part, times) in parts.iter().filter(|_| size < MAX_CHECKED_BYTES) {
            (0..*times).for_each(|_| sum.update(part.as_bytes()));
        }
        let size = u32::try_from(size)?;
        let mut directory_entry = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0];
        directory_entry.extend(sum.sum().to_le_bytes());
        directory_entry.extend(u32::try_from(content.len())?.to_le_bytes());
        directory_entry.extend(size.to_le_bytes());
        directory_entry.extend(u16::try_from(name.len())?.to_le_bytes());
        directory_entry.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&directory_entry);
        archive.extend(name.bytes());
        archive.extend(content);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&directory_entry);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.bytes());
    }
    let (at, size) = (u32::try_from(archive.len())?, u32::try_from(directory.len())?);
    let count = u16::try_from(entries.len())?.to_le_bytes();
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count, count].concat());
    archive.extend(size.to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0, 0]);
    Ok(archive)
}

fn deflate(parts: &[Part<'_>]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for (part, times) in parts {
        let mut packer = Compress::new(Compression::best(), false);
        let mut block = Vec::with_capacity(part.len() + 100);
        packer.compress_vec(part.as_bytes(), &mut block, FlushCompress::Full)?;
        all.extend(block.repeat(*times));
    }
    // An empty final block.
    all.extend([3, 0]);
    Ok(all)
}

/// Creates an archive of many entries, with a Word document among them.
pub fn crowd(entries: usize) -> Result<Vec<u8>> {
    let names: Vec<_> = (0..entries).map(|number| format!("e{number}")).collect();
    let crowd = names.iter().map(|name| (name.as_str(), Vec::new()));
    archive(crowd.chain([("word/document.xml", b"<d><p><t>text</t></p></d>".to_vec())]))
}

/// Creates a workbook of one sheet.
pub fn workbook(rows: &str, strings: &[Part<'_>]) -> Result<Vec<u8>> {
    const RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"{RELATION}/{kind}\" Target=\"{target}\"/>")
    };
    let relations = |all: String| format!("<Relationships>{all}</Relationships>");
    let package = relations(relation("rId1", "officeDocument", "xl/workbook.xml"));
    let book = format!(
        "<workbook xmlns=\"{main}\" xmlns:r=\"{RELATION}\"><sheets>\
         <sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let parts = relation("rId1", "worksheet", "worksheets/sheet1.xml")
        + &relation("rId2", "sharedStrings", "sharedStrings.xml");
    let parts = relations(parts);
    let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
    pack(&[
        ("_rels/.rels", &[(&package, 1)]),
        ("xl/workbook.xml", &[(&book, 1)]),
        ("xl/_rels/workbook.xml.rels", &[(&parts, 1)]),
        ("xl/worksheets/sheet1.xml", &[(&sheet, 1)]),
        ("xl/sharedStrings.xml", strings),
    ])
}

/// Creates a sheet with two cells at opposite corners of the largest possible range.
pub fn sparse() -> Result<Vec<u8>> {
    let cell = |place: &str, text: &str| {
        format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
    };
    let rows = format!(
        "<row r=\"1\">{}</row><row r=\"1048576\">{}</row>",
        cell("A1", "first"),
        cell("XFD1048576", "last")
    );
    workbook(&rows, &[("<sst/>", 1)])
}

/// Creates a workbook with strings that fill the memory of a reader that collects them.
pub fn strings(megabytes: usize) -> Result<Vec<u8>> {
    let string = format!("<si><t>{}</t></si>", "x".repeat(1 << 20));
    let row = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>";
    workbook(row, &[("<sst>", 1), (&string, megabytes), ("</sst>", 1)])
}

/// Creates a PDF of these objects, numbered from 1; the first is the catalog.
pub fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut pdf = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (object, number) in objects.iter().zip(1..) {
        offsets.push(pdf.len());
        pdf.extend(format!("{number} 0 obj\n").bytes());
        pdf.extend(object);
        pdf.extend(b"\nendobj\n");
    }
    let (table, count) = (pdf.len(), objects.len() + 1);
    pdf.extend(format!("xref\n0 {count}\n0000000000 65535 f \n").bytes());
    for offset in offsets {
        pdf.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    let end = format!("trailer\n<</Size {count}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n");
    pdf.extend(end.bytes());
    pdf
}

/// Creates a PDF of one page with a word repeated `millions` of million times.
pub fn endless_pdf(millions: usize) -> Result<Vec<u8>> {
    let words = "1 0 0 1 9 9 Tm (word) Tj ".repeat(10_000);
    let pack = deflate(&[("BT /F 12 Tf ", 1), (&words, 100 * millions), ("ET", 1)])?;
    let pack = [&[0x78, 0xda], &pack[..], &[0; 4]].concat();
    let head = format!("<</Length {}/Filter/FlateDecode>>stream\n", pack.len());
    Ok(page(&[head.as_bytes(), &pack, b"\nendstream"].concat()))
}

/// Creates a valid PDF of one page with these lines.
pub fn printed_pdf(lines: &[&str]) -> Vec<u8> {
    let lines = lines.iter().map(|line| format!("({line}) Tj 0 -20 Td ")).collect::<String>();
    let drawn = format!("BT /F 12 Tf 40 760 Td {lines}ET");
    page(format!("<</Length {}>>stream\n{drawn}\nendstream", drawn.len()).as_bytes())
}

/// Creates a PDF of one page with this content stream and one font.
fn page(stream: &[u8]) -> Vec<u8> {
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R\
        /Resources<</Font<</F 5 0 R>>>>>>";
    pdf(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        page.into(),
        stream.to_vec(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
    ])
}

/// Creates a PDF whose pages and drawings contain themselves, and which claims to have a billion
/// pages.
pub fn circular_pdf() -> Vec<u8> {
    let form = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 4 0 R>>>>\
        /Length 10>>stream\n/X Do /X Do\nendstream";
    pdf(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Count 1000000000>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</X 4 0 R>>>>>>".to_vec(),
        form.to_vec(),
    ])
}

/// Returns the bytes with a few bits flipped, depending on the seed.
pub fn flipped(bytes: &[u8], seed: u64, changes: usize) -> Vec<u8> {
    let (mut bytes, mut random) = (bytes.to_vec(), Random::new(seed));
    for _ in 0..changes {
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap_or(0);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << random.below(8);
        }
    }
    bytes
}
