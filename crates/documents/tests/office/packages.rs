//! Packages whose parts are named or written differently from the standards, as some programs do.
use super::support::{packed, read, relations};

const WORKBOOK: &str =
    "<workbook xmlns:r='r'><sheets><sheet name='S' r:id='s'/></sheets></workbook>";
const SHEET: &str =
    "<worksheet><sheetData><row r='1'><c r='A1' t='s'><v>0</v></c></row></sheetData></worksheet>";
const STRINGS: &str = "<sst><si><t>Pump 7</t></si></sst>";

fn workbook_relations() -> String {
    relations(&[
        ("s", "worksheet", "worksheets/sheet1.xml"),
        ("t", "sharedStrings", "sharedStrings.xml"),
    ])
}

fn text(name: &str, parts: &[(&str, &str)]) -> String {
    read(name, &packed(parts)).swap_remove(0).text
}

#[test]
fn backslashes_and_letter_case_do_not_hide_parts() {
    let related = workbook_relations();
    let parts = [
        ("[content_types].xml", "<Types/>"),
        ("xl\\workbook.xml", WORKBOOK),
        ("xl\\_rels\\workbook.xml.rels", &*related),
        ("xl\\worksheets\\sheet1.xml", SHEET),
        ("xl\\sharedStrings.xml", STRINGS),
    ];
    assert_eq!(text("a.xlsx", &parts), "Pump 7\n");
    let parts = [
        ("XL/Workbook.xml", WORKBOOK),
        ("XL/_Rels/Workbook.XML.RELS", &*related),
        ("xl/WorkSheets/Sheet1.xml", SHEET),
        ("xl/SharedStrings.xml", STRINGS),
    ];
    assert_eq!(text("a.xlsx", &parts), "Pump 7\n");
}

#[test]
fn an_exact_name_takes_precedence_over_a_similar_spelling() {
    let related = workbook_relations();
    let parts = [
        ("xl/SharedStrings.xml", "<sst><si><t>other</t></si></sst>"),
        ("xl/workbook.xml", WORKBOOK),
        ("xl/_rels/workbook.xml.rels", &*related),
        ("xl/worksheets/sheet1.xml", SHEET),
        ("xl/sharedStrings.xml", STRINGS),
    ];
    assert_eq!(text("a.xlsx", &parts), "Pump 7\n");
}

#[test]
fn relationships_may_be_absolute_escaped_or_have_backslashes() {
    let slide =
        |text: &str| format!("<p:sld><p:sp><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sp></p:sld>");
    let presentation = "<p:presentation xmlns:r='r'><p:sldIdLst><p:sldId id='1' r:id='a'/><p:sldId id='2' r:id='b'/>\
        <p:sldId id='3' r:id='c'/></p:sldIdLst></p:presentation>";
    let related = relations(&[
        ("a", "slide", "/ppt/slides/slide1.xml"),
        ("b", "slide", "slides/slide%20two.xml"),
        ("c", "slide", "slides\\slide3.xml"),
    ]);
    let parts = [
        ("ppt/presentation.xml", presentation),
        ("ppt/_rels/presentation.xml.rels", &*related),
        ("ppt/slides/slide1.xml", &*slide("One")),
        ("ppt/slides/slide two.xml", &*slide("Two")),
        ("ppt/slides/slide3.xml", &*slide("Three")),
    ];
    assert_eq!(text("a.pptx", &parts), "One\n\n\u{c}\n\nTwo\n\n\u{c}\n\nThree\n\n\u{c}\n");
}

#[test]
fn a_package_without_relationships_is_read_by_the_usual_names() {
    let parts = [
        ("xl/workbook.xml", WORKBOOK),
        ("xl/worksheets/sheet1.xml", SHEET),
        ("xl/sharedStrings.xml", STRINGS),
    ];
    assert_eq!(text("a.xlsx", &parts), "Pump 7\n");
}

#[test]
fn a_missing_sheet_is_named() {
    let workbook = "<workbook xmlns:r='r'><sheets><sheet name='S' r:id='s'/><sheet name='Lost' r:id='u'/></sheets></workbook>";
    let parts = [
        ("xl/workbook.xml", workbook),
        ("xl/_rels/workbook.xml.rels", &*workbook_relations()),
        ("xl/worksheets/sheet1.xml", SHEET),
        ("xl/sharedStrings.xml", STRINGS),
    ];
    let documents = read("a.xlsx", &packed(&parts));
    assert_eq!(documents[0].warnings, ["The sheet Lost is missing in the file."]);
}

#[test]
fn parts_may_be_in_utf_16_have_a_byte_order_mark_or_a_document_type() {
    let body = "<w:document><w:body><w:p><w:r><w:t>Größe 7</w:t></w:r></w:p></w:body></w:document>";
    let wide: Vec<u8> = format!("\u{feff}<?xml version='1.0' encoding='UTF-16'?>{body}")
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let marked = format!("\u{feff}<?xml version='1.0'?>{body}");
    let typed = format!("<!DOCTYPE w:document [<!ENTITY a 'b'>]>\n{body}");
    for document in [&wide[..], marked.as_bytes(), typed.as_bytes()] {
        let read = read("a.docx", &packed(&[("word/document.xml", document)])).swap_remove(0);
        assert_eq!(read.text, "Größe 7");
    }
}

#[test]
fn books_and_open_documents_are_found_too() {
    let content = "<office:document-content><office:body><office:text><text:p>Words.</text:p></office:text>\
        </office:body></office:document-content>";
    assert_eq!(text("a.odt", &[("Content.xml", content)]), "Words.");
    let container =
        "<container><rootfiles><rootfile full-path='OEBPS\\Content.opf'/></rootfiles></container>";
    let package = "<package><manifest><item id='c' href='Text/chapter%201.xhtml' media-type='application/xhtml+xml'/>\
        <item id='d' href='..\\Two.xhtml' media-type='application/xhtml+xml'/></manifest>\
        <spine><itemref idref='c'/><itemref idref='d'/></spine></package>";
    let parts = [
        ("meta-inf/container.xml", container),
        ("OEBPS/content.opf", package),
        ("OEBPS/text/Chapter 1.xhtml", "<html><body><p>One</p></body></html>"),
        ("two.xhtml", "<html><body><p>Two</p></body></html>"),
    ];
    assert_eq!(text("a.epub", &parts), "One\n\nTwo");
}
