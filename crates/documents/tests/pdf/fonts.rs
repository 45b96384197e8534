//! Fonts that map their codes to characters themselves.
use crate::support::{page, read};

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
