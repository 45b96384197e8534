//! Reading PDF files: each kind of loss, on a small generated file.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

mod fonts;
mod letters;
mod support;

use support::{HELVETICA, document, drawn, file, page, read, read_whole, stream, text};

#[test]
fn lines_of_a_paragraph_are_joined_and_hyphens_that_break_words_removed() {
    let lines = [
        "The keeper of the light wrote down every ship that passed the point, an exam-",
        "ple that others followed when the second tower was built on the far side of the",
        "bay in spring.",
        "12 High Street",
    ];
    let places = [700.0, 688.0, 676.0, 640.0];
    let drawn: Vec<_> = places.iter().zip(lines).map(|(y, line)| (50.0, *y, line)).collect();
    assert_eq!(
        text(&self::drawn(&drawn)),
        "The keeper of the light wrote down every ship that passed the point, an example that \
         others followed when the second tower was built on the far side of the bay in spring.\n\n\
         12 High Street"
    );
}

#[test]
fn lines_that_do_not_fill_their_block_are_not_joined() {
    let address = drawn(&[
        (50.0, 700.0, "Harbour Board"),
        (50.0, 688.0, "The Old Custom House at the Pier"),
        (50.0, 676.0, "Northhaven"),
    ]);
    assert_eq!(text(&address), "Harbour Board\nThe Old Custom House at the Pier\nNorthhaven");
}

#[test]
fn rows_of_cells_are_a_table_with_empty_cells() {
    let rows = drawn(&[
        (50.0, 700.0, "Item"),
        (200.0, 700.0, "Price"),
        (300.0, 700.0, "Stock"),
        (50.0, 686.0, "Lamp oil"),
        (200.0, 686.0, "4.20"),
        (300.0, 686.0, "17"),
        (50.0, 672.0, "Rope"),
        (300.0, 672.0, "8"),
        (50.0, 658.0, "Flag"),
        (200.0, 658.0, "9.00"),
    ]);
    assert_eq!(
        text(&rows),
        "| Item | Price | Stock |\n| --- | --- | --- |\n| Lamp oil | 4.20 | 17 |\n\
         | Rope | | 8 |\n| Flag | 9.00 | |"
    );
}

#[test]
fn text_of_forms_and_rotated_text_is_read() {
    let form = stream(
        "/Type/XObject/Subtype/Form/BBox[0 0 100 100]/Resources<</Font<</H 4 0 R>>>>",
        "BT /H 8 Tf 10 10 Td (inside the figure) Tj ET",
    );
    let content = "BT /F 10 Tf 50 700 Td (Before) Tj ET q 1 0 0 1 100 500 cm /X Do Q \
        BT /F 10 Tf 0 1 -1 0 40 300 Tm (Rainfall in mm) Tj ET";
    assert_eq!(read(&page(content, "", &[form])), "Before\n\ninside the figure\n\nRainfall in mm");
}

#[test]
fn a_form_that_draws_itself_terminates() {
    let form = stream(
        "/Type/XObject/Subtype/Form/BBox[0 0 100 100]/Resources<</Font<</H 4 0 R>>/XObject<</X 6 0 R>>>>",
        "BT /H 8 Tf 10 10 Td (once) Tj ET /X Do /X Do",
    );
    assert_eq!(read(&page("/X Do", "", &[form])), "once");
}

#[test]
fn a_rotated_page_is_read_as_displayed() {
    let content = "BT /F 10 Tf 0 1 -1 0 100 50 Tm (first line) Tj ET \
        BT /F 10 Tf 0 1 -1 0 112 50 Tm (second line) Tj ET";
    assert_eq!(read(&page(content, "/Rotate 90", &[])), "first line\nsecond line");
}

#[test]
fn bold_text_printed_twice_is_read_once() {
    let content = drawn(&[(50.0, 700.0, "Total due"), (50.3, 700.0, "Total due")]);
    assert_eq!(text(&content), "Total due");
}

#[test]
fn letter_spaced_text_is_one_word_and_gaps_separate_words() {
    assert_eq!(text("BT /F 10 Tf 3 Tc 50 700 Td (LIGHTHOUSE) Tj ET"), "LIGHTHOUSE");
    let content = "BT /F 10 Tf 50 700 Td [(two)-300(words)-20( )-20(and)10(more)] TJ ET";
    assert_eq!(text(content), "two words andmore");
}

#[test]
fn each_page_ends_with_a_form_feed() {
    let page = |content: u32| {
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {content} 0 R\
             /Resources<</Font<</F 4 0 R>>>>>>"
        )
    };
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R 6 0 R 7 0 R]/Count 3>>".to_owned(),
        page(5),
        HELVETICA.to_owned(),
        stream("", &drawn(&[(50.0, 700.0, "one")])),
        page(9),
        page(8),
        stream("", &drawn(&[(50.0, 700.0, "three")])),
        stream("", ""),
    ];
    let text = read_whole(&file(&objects));
    assert_eq!(text, "one\n\n\u{c}\n\n\n\u{c}\n\nthree\n\n\u{c}\n");
}

#[test]
fn labels_side_by_side_stay_separate() {
    let labels: Vec<String> = (10..40).map(|number| number.to_string()).collect();
    let places = labels.iter().enumerate();
    let texts: Vec<_> =
        places.map(|(at, label)| (50.0 + 15.0 * at as f64, 700.0, label.as_str())).collect();
    assert_eq!(text(&drawn(&texts)), labels.join(" "));
}

#[test]
fn the_filter_of_a_stream_may_be_elsewhere() {
    let hex: String =
        drawn(&[(50.0, 700.0, "found")]).bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R\
         /Resources<</Font<</F 4 0 R>>>>>>"
            .to_owned(),
        HELVETICA.to_owned(),
        stream("/Filter 6 0 R", &format!("{hex}>")),
    ];
    objects.push("[/ASCIIHexDecode]".to_owned());
    assert_eq!(read(&file(&objects)), "found");
}

#[test]
fn stated_text_replaces_the_drawn_text() {
    let content =
        "BT /F 10 Tf 50 700 Td (co) Tj /Span <</ActualText (-operate)>> BDC (*) Tj EMC ET";
    assert_eq!(text(content), "co-operate");
}

/// Returns a font whose codes, from 1 on, are the characters of `text`.
fn mapped_font(text: &str) -> Vec<String> {
    let maps: String = text
        .chars()
        .zip(1..)
        .map(|(char, code)| format!("<{code:02x}> <{:04x}>\n", u32::from(char)))
        .collect();
    let count = text.chars().count();
    let widths = "500 ".repeat(count);
    let map = format!(
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <ff> \
         endcodespacerange {count} beginbfchar\n{maps}endbfchar endcmap end"
    );
    vec![
        format!(
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar 1/LastChar {count}\
             /Widths[{widths}]/ToUnicode 7 0 R>>"
        ),
        stream("", &map),
    ]
}

#[test]
fn latin_words_and_numbers_in_hebrew_and_arabic_keep_their_order() {
    // In visual order, from left to right.
    for (visual, read_as) in [
        ("info@example.com :ליימ", "מייל: info@example.com"),
        ("Model X-200 םגד 03-5551234 ןופלט", "טלפון 03-5551234 דגם Model X-200"),
        ("Lamp 45 باتك", "كتاب Lamp 45"),
    ] {
        let codes: String =
            (1..=visual.chars().count()).map(|code| format!("{code:02x}")).collect();
        let content = format!("BT /G 10 Tf 50 700 Td <{codes}> Tj ET");
        assert_eq!(read(&page(&content, "", &mapped_font(visual))), read_as);
    }
}

#[test]
fn typed_notes_are_read_at_their_position_and_comments_are_marked() {
    let annotations = "/Annots[<</Type/Annot/Subtype/FreeText/Rect[200 698 400 712]\
        /Contents(valid for Austria only)/DA(/Helv 10 Tf)>>\
        <</Type/Annot/Subtype/Highlight/Rect[50 600 90 612]/T(Ann)/Contents(please check)>>\
        <</Type/Annot/Subtype/FreeText/F 2/Rect[50 500 90 512]/Contents(hidden)>>]";
    let content = drawn(&[(50.0, 700.0, "Price list"), (50.0, 600.0, "Rope 8.00")]);
    assert_eq!(
        read(&page(&content, annotations, &[])),
        "Price list valid for Austria only\n\nRope 8.00\n\n[Comment by Ann: please check]"
    );
}

#[test]
fn form_fields_are_read_as_displayed() {
    let annotations = "/Annots[<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Ann Lee)/Rect[100 698 200 712]>>\
        <</Type/Annot/Subtype/Widget/FT/Ch/T(land)/V(at)/Opt[[(at)(Austria)][(ch)(Switzerland)]]\
        /Rect[100 678 200 692]>>\
        <</Type/Annot/Subtype/Widget/FT/Btn/T(ok)/AS/Yes/Rect[100 658 110 668]>>\
        <</Type/Annot/Subtype/Widget/FT/Btn/T(no)/AS/Off/Rect[100 638 110 648]>>]";
    let content = drawn(&[
        (50.0, 700.0, "Name:"),
        (50.0, 680.0, "Land:"),
        (50.0, 660.0, "Agreed"),
        (50.0, 640.0, "Refused"),
    ]);
    let read = read(&page(&content, annotations, &[]));
    let plain = read.replace(['|', '\n'], " ");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in ["Name: Ann Lee", "Land: Austria", "Agreed [x]", "Refused [ ]"] {
        assert!(plain.contains(expected), "{read}");
    }
}

#[test]
fn vertical_text_is_read_down_its_columns_from_the_right() {
    let font = |base: &str| {
        format!(
            "<</Type/Font/Subtype/Type0/BaseFont/{base}/Encoding/90ms-RKSJ-V/DescendantFonts[\
             <</Type/Font/Subtype/CIDFontType0/BaseFont/{base}\
             /CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/DW 1000>>]>>"
        )
    };
    let column = |x: f64, text: &str| {
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(text);
        let codes: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("BT /G 12 Tf {x} 700 Td <{codes}> Tj ET\n")
    };
    let content = column(300.0, "日本語の文") + &column(282.0, "次の行");
    let text = read(&page(&content, "", &[font("Ryumin-Light")]));
    assert_eq!(text.replace(char::is_whitespace, ""), "日本語の文次の行");
}

#[test]
fn text_taller_than_the_body_is_a_heading_and_bullets_are_items() {
    let content = "BT /F 20 Tf 50 740 Td (The tide tables) Tj ET\n".to_owned()
        + &drawn(&[
            (50.0, 700.0, "\\225 Measured every hour of the day at the gauge"),
            (50.0, 688.0, "\\225 Printed"),
        ]);
    assert_eq!(
        text(&content),
        "# The tide tables\n\n- Measured every hour of the day at the gauge\n- Printed"
    );
}

#[test]
fn columns_drawn_across_the_page_are_read_one_after_the_other() {
    let (left, right) = (
        [
            "The keeper wrote down every ship",
            "that passed the point in the west",
            "and every storm that came across",
            "the sea in winter and in spring.",
        ],
        [
            "Her brother kept the tide tables",
            "and printed them in the town, far",
            "from the light, for the fishermen",
            "who paid for them with herrings.",
        ],
    );
    let mut texts = Vec::new();
    for (at, (left, right)) in left.iter().zip(right).enumerate() {
        let y = 700.0 - 12.0 * at as f64;
        texts.extend([(50.0, y, *left), (320.0, y, right)]);
    }
    let read = text(&drawn(&texts)).replace('\n', " ");
    assert_eq!(read.replace("  ", " "), format!("{} {}", left.join(" "), right.join(" ")));
}

#[test]
fn a_bookmark_makes_its_line_a_heading() {
    let content = drawn(&[
        (50.0, 700.0, "1 Scope of the agreement"),
        (50.0, 688.0, "It covers pumps and their parts."),
        (50.0, 640.0, "Prices"),
        (50.0, 628.0, "They are net."),
    ]);
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R/Names<</Dests 9 0 R>>>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>>>"
            .to_owned(),
        HELVETICA.to_owned(),
        stream("", &content),
        "<</First 7 0 R/Last 7 0 R>>".to_owned(),
        "<</Title(Scope of the Agreement)/Dest[3 0 R/XYZ 0 700 0]/First 8 0 R>>".to_owned(),
        // The destination is named. The bookmark names itself as the next one.
        "<</Title(Prices)/A<</S/GoTo/D(net)>>/Next 8 0 R>>".to_owned(),
        "<</Names[(net)[3 0 R/Fit]]>>".to_owned(),
    ];
    let expected = "# 1 Scope of the agreement\n\nIt covers pumps and their parts.\n\n\
        ## Prices\n\nThey are net.";
    assert_eq!(read(&file(&objects)), expected);
    // A bookmark that leads nowhere changes nothing.
    objects[6] = "<</Title(Scope of the Agreement)/Dest[99 0 R/Fit]>>".to_owned();
    assert!(!read(&file(&objects)).contains("# 1 Scope"));
}

#[test]
fn an_xmp_packet_supplies_metadata_missing_in_the_dictionary() {
    let packet = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF><rdf:Description><dc:title><rdf:Alt>\
        <rdf:li xml:lang='x-default'>Tides</rdf:li></rdf:Alt></dc:title><dc:creator><rdf:Seq>\
        <rdf:li>Ada</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF>\
        </x:xmpmeta>";
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/Metadata 6 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>>>"
            .to_owned(),
        HELVETICA.to_owned(),
        stream("", &drawn(&[(50.0, 700.0, "text")])),
        stream("/Type/Metadata/Subtype/XML", packet),
    ];
    let document = document(&file(&objects));
    assert_eq!((&*document.author, &*document.description), ("Ada, Bob", "Tides"));
}
