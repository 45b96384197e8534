//! Fonts that map their codes to characters themselves.
use crate::support::{document, drawn, page, read, refusal};

#[test]
fn the_table_of_an_embedded_font_defines_its_codes() {
    // Codes are glyph ids, and the file does not define their meaning.
    let font = "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[7 0 R]>>";
    let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)\
        /Ordering(Identity)/Supplement 0>>/FontDescriptor 8 0 R/CIDToGIDMap/Identity/DW 600>>";
    let descriptor = "<</Type/FontDescriptor/FontName/X/Flags 4/FontFile2 9 0 R>>";
    let program = hex(&tiny_font());
    let program =
        format!("<</Filter/ASCIIHexDecode/Length {}>>stream\n{program}\nendstream", program.len());
    let more = [font, descendant, descriptor].map(str::to_owned);
    let mut objects = more.to_vec();
    objects.push(program);
    let content = "BT /G 20 Tf 50 700 Td <000100020001> Tj ET";
    assert_eq!(read(&page(content, "", &objects)), "OχO");
}

/// A font whose codes are numbers of glyphs, and nothing says what these show.
fn font_without_meaning() -> Vec<String> {
    let font = "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[7 0 R]>>";
    let descendant = "<</Type/Font/Subtype/CIDFontType0/BaseFont/X/CIDSystemInfo<</Registry(Adobe)\
        /Ordering(Identity)/Supplement 0>>/DW 600>>";
    [font, descendant].map(str::to_owned).to_vec()
}

const UNKNOWN: &str = "BT /G 20 Tf 50 600 Td <00010002000300040005000600070008> Tj ET";

#[test]
fn a_page_whose_fonts_cannot_be_decoded_is_named_in_the_warnings() {
    let warnings = |content: &str| document(&page(content, "", &font_without_meaning())).warnings;
    let stamp = drawn(&[(50.0, 700.0, "Page 1")]);
    let found = warnings(&format!("{stamp}{UNKNOWN}"));
    let expected = "Most of the text on page 1 was not read: its fonts do not say";
    assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    // A few such characters on a page of text are bullets or formulas.
    let text = drawn(&[(50.0, 700.0, "A page of text with a sign whose meaning is not known")]);
    let found = warnings(&format!("{text}BT /G 20 Tf 50 600 Td <00010002> Tj ET"));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_file_without_any_decodable_page_is_refused_with_the_reason() {
    let refusal = refusal(&page(UNKNOWN, "", &font_without_meaning()));
    let expected = "No text content found in a.pdf. Most of the text on page 1 was not read";
    assert!(refusal.starts_with(expected), "{refusal}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a TrueType font of three empty glyphs, of which 1 is `O` and 2 is `χ`.
fn tiny_font() -> Vec<u8> {
    let words =
        |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    let segments: [(u16, u16); 3] = [(0x4f, 1), (0x3c7, 2), (0xffff, 0)];
    let deltas = segments.map(|(code, glyph)| glyph.wrapping_sub(code));
    let codes = segments.map(|(code, _)| code);
    let mut map = words(&[0, 1, 3, 1, 0, 12, 4, 16 + 8 * 3, 0, 6, 4, 1, 2]);
    map.extend(words(&codes));
    map.extend(words(&[0]));
    map.extend(words(&codes));
    map.extend(words(&deltas));
    map.extend(words(&[0, 0, 0]));
    let mut head = words(&[1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 0, 1_000]);
    head.extend(words(&[0; 17]));
    let mut horizontal = words(&[1, 0, 800, 0xff38, 0, 600]);
    horizontal.extend(words(&[0; 11]));
    horizontal.extend(words(&[3]));
    let maxima = [words(&[1, 0, 3]), words(&[0; 13])].concat();
    let tables: [(&[u8; 4], Vec<u8>); 7] = [
        (b"cmap", map),
        (b"glyf", vec![0; 4]),
        (b"head", head),
        (b"hhea", horizontal),
        (b"hmtx", words(&[600, 0, 600, 0, 600, 0])),
        (b"loca", words(&[0; 4])),
        (b"maxp", maxima),
    ];
    let mut font = [vec![0, 1, 0, 0], words(&[7, 64, 2, 48])].concat();
    let mut at = 12 + 16 * tables.len();
    for (name, content) in &tables {
        font.extend_from_slice(*name);
        font.extend([0; 4]);
        font.extend((at as u32).to_be_bytes());
        font.extend((content.len() as u32).to_be_bytes());
        at += content.len().next_multiple_of(4);
    }
    for (_, mut content) in tables {
        content.resize(content.len().next_multiple_of(4), 0);
        font.extend(content);
    }
    font
}
