//! Maps glyphs of an embedded font to characters with the font's own table (`cmap` of TrueType and
//! OpenType), for fonts without a map in the file.
use std::collections::HashMap;

use hayro_syntax::object::{Dict, Object, Stream};
use skrifa::{FontRef, MetadataProvider};

use super::fonts::{descendant, descriptor};

/// The code range of symbol fonts.
const SYMBOLS: u32 = 0xf000;

pub struct GlyphTable {
    /// Characters by the number of the glyph.
    meanings: HashMap<u32, char>,
    /// Glyphs by code, for fonts with their own codes.
    codes: HashMap<u32, u32>,
    /// Maps character ids to glyph ids, two bytes each; the identity if absent.
    glyphs: Option<Vec<u8>>,
}

impl GlyphTable {
    /// Returns the table of this font, if it has one.
    pub fn of_font(dict: &Dict<'_>) -> Option<Self> {
        let descendant = descendant(dict);
        let descriptor = descriptor(dict, descendant.as_ref());
        let file = ["FontFile2", "FontFile3"]
            .into_iter()
            .find_map(|key| descriptor.get::<Stream<'_>>(key))?;
        let bytes = file.decoded().ok()?;
        let font = FontRef::new(&bytes).ok()?;
        let map = font.charmap();
        let (mut meanings, mut codes) = (HashMap::new(), HashMap::new());
        for (code, glyph) in map.mappings() {
            let glyph = glyph.to_u32();
            if map.is_symbol() || (SYMBOLS..SYMBOLS + 0x100).contains(&code) {
                codes.insert(code & 0xff, glyph);
            }
            // If several characters share a glyph, the first one is the usual one.
            if let Some(char) = char::from_u32(code).filter(|char| is_public(*char)) {
                meanings.entry(glyph).or_insert(char);
            }
        }
        let glyphs = descendant.and_then(|font| match font.get::<Object<'_>>("CIDToGIDMap")? {
            Object::Stream(map) => Some(map.decoded().ok()?.into_owned()),
            _ => None,
        });
        (!meanings.is_empty()).then_some(Self { meanings, codes, glyphs })
    }

    /// Returns the text of a character in a composite font.
    pub fn of_character(&self, cid: u32) -> Option<char> {
        let glyph = match &self.glyphs {
            Some(glyphs) => {
                let at = 2 * cid as usize;
                let number = glyphs.get(at..at + 2)?;
                u32::from(u16::from_be_bytes([number[0], number[1]]))
            }
            None => cid,
        };
        self.meanings.get(&glyph).copied()
    }

    /// Returns the text of a code in a simple font with its own encoding.
    pub fn of_code(&self, code: u32) -> Option<char> {
        self.meanings.get(self.codes.get(&code)?).copied()
    }
}

fn is_public(char: char) -> bool {
    !char.is_control() && !matches!(char, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}
