//! Office documents built part by part: the reader finds what the programs show.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

mod packages;
mod support;

use carrel_domain::document::DocumentPart;

use support::{packed, read, relations, word};

#[test]
fn clauses_are_numbered_as_in_word() {
    let numbering = "<w:numbering><w:abstractNum w:abstractNumId='1'>\
        <w:lvl w:ilvl='0'><w:start w:val='1'/><w:numFmt w:val='decimal'/><w:pStyle w:val='H1'/><w:lvlText w:val='%1.'/></w:lvl>\
        <w:lvl w:ilvl='1'><w:numFmt w:val='decimal'/><w:lvlText w:val='%1.%2'/></w:lvl>\
        <w:lvl w:ilvl='2'><w:numFmt w:val='lowerLetter'/><w:lvlText w:val='(%3)'/></w:lvl></w:abstractNum>\
        <w:abstractNum w:abstractNumId='2'><w:lvl w:ilvl='0'><w:numFmt w:val='bullet'/></w:lvl></w:abstractNum>\
        <w:num w:numId='5'><w:abstractNumId w:val='1'/></w:num><w:num w:numId='6'><w:abstractNumId w:val='2'/></w:num>\
        <w:num w:numId='7'><w:abstractNumId w:val='1'/><w:lvlOverride w:ilvl='0'><w:startOverride w:val='1'/></w:lvlOverride></w:num>\
        </w:numbering>";
    let styles = "<w:styles><w:style w:type='paragraph' w:styleId='H1'><w:pPr><w:numPr><w:numId w:val='5'/></w:numPr></w:pPr></w:style>\
        <w:style w:type='paragraph' w:styleId='Own'><w:basedOn w:val='H1'/></w:style></w:styles>";
    let paragraph = |properties: &str, text: &str| {
        format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let item = |level: u32, list: u32, text: &str| {
        let properties =
            format!("<w:numPr><w:ilvl w:val='{level}'/><w:numId w:val='{list}'/></w:numPr>");
        paragraph(&properties, text)
    };
    let body = [
        paragraph("<w:pStyle w:val='H1'/>", "Scope"),
        paragraph("<w:pStyle w:val='Own'/>", "Liability"),
        item(1, 5, "Limited"),
        item(2, 5, "in the warehouse"),
        item(2, 5, "on the ship"),
        item(1, 5, "Insured"),
        item(2, 5, "again"),
        paragraph("<w:pStyle w:val='H1'/><w:numPr><w:numId w:val='0'/></w:numPr>", "Plain"),
        item(0, 6, "dot"),
        item(0, 7, "Anew"),
    ];
    let related = [("a", "numbering", "numbering.xml"), ("b", "styles", "styles.xml")];
    let text = word(
        &body.concat(),
        &related,
        &[("word/numbering.xml", numbering), ("word/styles.xml", styles)],
    );
    let expected = "1. Scope\n2. Liability\n2.1 Limited\n(a) in the warehouse\n(b) on the ship\n2.2 Insured\n\
        (a) again\n\nPlain\n\n- dot\n1. Anew";
    assert_eq!(text, expected);
}

#[test]
fn notes_comments_text_boxes_and_headers_are_read() {
    let body = "<w:p><w:r><w:t>One</w:t></w:r><w:r><w:footnoteReference w:id='2'/></w:r><w:r><w:commentReference w:id='0'/></w:r></w:p>\
        <w:p><w:r><w:sym w:font='Wingdings' w:char='F0FE'/><w:t> yes</w:t></w:r>\
        <w:r><w:fldChar w:fldCharType='begin'><w:ffData><w:checkBox><w:default w:val='1'/></w:checkBox></w:ffData></w:fldChar></w:r>\
        <w:r><w:instrText> FORMCHECKBOX </w:instrText></w:r><w:r><w:fldChar w:fldCharType='end'/></w:r></w:p>\
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>A</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>B</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>C</w:t></w:r></w:p></w:tc></w:tr>\
        <w:tr><w:tc><w:tcPr><w:vMerge w:val='restart'/></w:tcPr><w:p><w:r><w:t>1</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc><w:tc><w:p><w:r><w:t>2</w:t></w:r></w:p><w:p><w:r><w:t>3</w:t></w:r></w:p></w:tc></w:tr>\
        <w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc><w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr><w:p><w:r><w:t>4</w:t></w:r></w:p></w:tc></w:tr></w:tbl>";
    let footnotes = "<w:footnotes><w:footnote w:id='0' w:type='separator'><w:p/></w:footnote><w:footnote w:id='2'><w:p><w:r><w:t>Aside.</w:t></w:r></w:p></w:footnote></w:footnotes>";
    let comments = "<w:comments><w:comment w:id='0' w:author='Ann'><w:p><w:r><w:t>Check.</w:t></w:r></w:p></w:comment></w:comments>";
    let header = "<w:hdr><w:p><w:r><w:t>ACME</w:t></w:r></w:p></w:hdr>";
    let related = [
        ("a", "footnotes", "footnotes.xml"),
        ("b", "comments", "comments.xml"),
        ("c", "header", "header1.xml"),
        ("d", "header", "header2.xml"),
    ];
    let parts = [
        ("word/footnotes.xml", footnotes),
        ("word/comments.xml", comments),
        ("word/header1.xml", header),
        ("word/header2.xml", header),
    ];
    let expected = "ACME\n\nOne[^1]\n\n[^1]: Aside.\n\n[Comment by Ann: Check.]\n\n☑ yes☒\n\n\
        | A | B | C |\n| --- | --- | --- |\n| 1 |  | 2 3 |\n| 1 | 4 |  |";
    assert_eq!(word(body, &related, &parts), expected);
}

#[test]
fn slides_contain_their_charts_and_hidden_slides_are_marked() {
    let chart = "<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title>\
        <c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache><c:pt idx='0'><c:v>2025</c:v></c:pt></c:strCache></c:strRef></c:tx>\
        <c:cat><c:strRef><c:strCache><c:pt idx='0'><c:v>North</c:v></c:pt></c:strCache></c:strRef></c:cat>\
        <c:val><c:numRef><c:numCache><c:formatCode>0%</c:formatCode><c:pt idx='0'><c:v>0.15</c:v></c:pt></c:numCache></c:numRef></c:val>\
        </c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>";
    let slide =
        "<p:sld show='0' xmlns:r='r'><p:graphicFrame><c:chart r:id='c'/></p:graphicFrame></p:sld>";
    let presentation = "<p:presentation xmlns:r='r'><p:sldIdLst><p:sldId id='1' r:id='s'/></p:sldIdLst></p:presentation>";
    let parts = [
        ("ppt/presentation.xml", presentation),
        ("ppt/_rels/presentation.xml.rels", &relations(&[("s", "slide", "slides/slide1.xml")])),
        ("ppt/slides/slide1.xml", slide),
        ("ppt/slides/_rels/slide1.xml.rels", &relations(&[("c", "chart", "../charts/chart1.xml")])),
        ("ppt/charts/chart1.xml", chart),
    ];
    let text = read("a.pptx", &packed(&parts)).swap_remove(0).text;
    assert_eq!(
        text,
        "[Hidden slide 1]\n\nChart: Sales\n\n|  | 2025 |\n| --- | --- |\n| North | 15% |\n\n\u{c}\n"
    );
}

#[test]
fn cells_are_read_as_displayed_in_excel() {
    let sheet = "<worksheet><sheetData><row r='1'><c r='A1' s='1'><v>2138</v></c><c r='C1' s='2'><v>0.15</v></c></row>\
        <row r='2'><c r='A2'><f>B1*2</f></c><c r='B2' t='b'><v>1</v></c><c r='C2' t='inlineStr'><is><t>x</t></is></c></row></sheetData></worksheet>";
    let styles = "<styleSheet><numFmts><numFmt numFmtId='170' formatCode='00000'/></numFmts><cellXfs><xf numFmtId='0'/><xf numFmtId='170'/><xf numFmtId='9'/></cellXfs></styleSheet>";
    let comments = "<comments><authors><author>Ann</author></authors><commentList><comment ref='B2' authorId='0'><text><t>why</t></text></comment></commentList></comments>";
    let workbook = "<workbook xmlns:r='r'><sheets><sheet name='S' r:id='s' state='hidden'/></sheets></workbook>";
    let parts = [
        ("xl/workbook.xml", workbook),
        (
            "xl/_rels/workbook.xml.rels",
            &*relations(&[
                ("s", "worksheet", "worksheets/sheet1.xml"),
                ("t", "styles", "styles.xml"),
            ]),
        ),
        ("xl/styles.xml", styles),
        ("xl/worksheets/sheet1.xml", sheet),
        (
            "xl/worksheets/_rels/sheet1.xml.rels",
            &*relations(&[("c", "comments", "../comments1.xml")]),
        ),
        ("xl/comments1.xml", comments),
    ];
    let sheets = read("a.xlsx", &packed(&parts));
    assert_eq!(
        sheets[0].text,
        "02138,,15%\n=B1*2,TRUE,x\n\n\u{c}\n[Comment on B2 by Ann: why]\n\n[Hidden sheet]\n"
    );
    assert_eq!(sheets[0].part, Some(DocumentPart::Sheet("S".into())));
}

#[test]
fn files_within_files_are_separate_documents() {
    let mail = "Subject: Offer\r\nFrom: a@b.c\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n--x\r\nContent-Type: text/plain; name=o.txt\r\n\
        Content-Disposition: attachment; filename=o.txt\r\n\r\nThe price is 4,200 EUR.\r\n--x\r\n\
        Content-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\nThe door code is 8841.\r\n--x--\r\n";
    let found = read("m.eml", mail.as_bytes());
    assert!(found[0].text.contains("The door code is 8841."), "{}", found[0].text);
    assert!(found[0].text.contains("Attachments: o.txt"), "{}", found[0].text);
    assert_eq!(found[1].part, Some(DocumentPart::File("o.txt".into())));
    assert!(found[1].text.contains("4,200 EUR"));
    let zip = packed(&[("a/m.eml", mail), ("b.txt", "words"), ("c.bin", "x")]);
    let parts: Vec<_> =
        read("z.zip", &zip).into_iter().map(|document| document.part.unwrap()).collect();
    let expected =
        ["a/m.eml", "a/m.eml/o.txt", "b.txt"].map(|name| DocumentPart::File(name.into()));
    assert_eq!(parts, expected);
}

#[test]
fn text_in_old_encodings_is_read() {
    let text = |bytes: &[u8]| read("a.txt", bytes).swap_remove(0).text;
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    assert_eq!(text(&wide("Überschuss 5.000 €\n")), "Überschuss 5.000 €\n");
    assert_eq!(
        text(&wide("図書館の閲覧室は静かです。\n本を読む。\n")),
        "図書館の閲覧室は静かです。\n本を読む。\n"
    );
    assert_eq!(text(b"\x1b$B7@Ls=q\x1b(B 1\n"), "契約書 1\n");
    assert_eq!(
        text(b"Die K\x81che schlie\xe1t, sch\x94ne Gr\x81\xe1e\n"),
        "Die Küche schließt, schöne Grüße\n"
    );
    assert_eq!(
        text(b"Caf\x8e d\x8ej\x88 vu, tr\x8fs \x8el\x8egant\n"),
        "Café déjà vu, très élégant\n"
    );
    assert_eq!(
        text(b"\x8d\xe0\xf1\xee\xf1 \x90\xe0\xe1\xee\xf2\xe0\xe5\xf2, \x8e\xed\xe0 \x92\xe8\xf5\xee\n"),
        "Насос Работает, Она Тихо\n"
    );
    let runes = "<p>𐌰𐌱𐌲𐌳𐌴𐌵 𐌶𐌷𐌸𐌹𐌺𐌻</p>";
    let page = runes.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    assert_eq!(read("a.html", &page)[0].text, "𐌰𐌱𐌲𐌳𐌴𐌵 𐌶𐌷𐌸𐌹𐌺𐌻");
    assert_eq!(
        text("pump – “seal” déj\u{e0}".as_bytes().split_last().unwrap().1),
        "pump – “seal” déj\u{fffd}"
    );
}

#[test]
fn a_document_has_its_author_and_title() {
    let core = "<cp:coreProperties xmlns:dc='d'><dc:title>Annual  report</dc:title>\
        <dc:creator>Ada Lee</dc:creator></cp:coreProperties>";
    let body =
        "<w:document xmlns:w='w'><w:body><w:p><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>";
    let word = packed(&[("word/document.xml", body), ("docProps/core.xml", core)]);
    let document = read("a.docx", &word).swap_remove(0);
    assert_eq!((&*document.author, &*document.description), ("Ada Lee", "Annual report"));
    let meta = "<m><meta:initial-creator>Ben</meta:initial-creator><dc:creator>Cy</dc:creator></m>";
    let content = "<office:document-content><office:body><office:text><text:p>x</text:p></office:text>\
        </office:body></office:document-content>";
    let text = packed(&[("content.xml", content), ("meta.xml", meta)]);
    let document = read("a.odt", &text).swap_remove(0);
    assert_eq!((&*document.author, &*document.description), ("Ben", "No description found."));
}

#[test]
fn every_sheet_has_the_author_of_its_workbook() {
    let core = "<cp:coreProperties xmlns:dc='d'><dc:title>Plan</dc:title><dc:creator>Ada Lee</dc:creator>\
        </cp:coreProperties>";
    let workbook = "<workbook xmlns:r='r'><sheets><sheet name='S' r:id='s'/></sheets></workbook>";
    let sheet =
        "<worksheet><sheetData><row r='1'><c r='A1'><v>1</v></c></row></sheetData></worksheet>";
    let parts = [
        ("xl/workbook.xml", workbook),
        ("xl/_rels/workbook.xml.rels", &*relations(&[("s", "worksheet", "worksheets/sheet1.xml")])),
        ("xl/worksheets/sheet1.xml", sheet),
        ("docProps/core.xml", core),
    ];
    let document = read("a.xlsx", &packed(&parts)).swap_remove(0);
    assert_eq!(document.author, "Ada Lee");
    assert_eq!(document.description, "Spreadsheet data from sheet: S");
}
