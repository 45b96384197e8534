//! The fonts of a file: map codes in a content stream to text and widths.
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_font::{CMapResolverFn, Font, FontCache, FontGlyph, FontResolverFn, StandardFont};
use hayro_syntax::object::{Array, Dict, Name, Object, Rect, Stream};
use unicode_normalization::UnicodeNormalization;

use super::glyph::NOTHING;
use super::glyph_table::GlyphTable;

/// Flag of a font descriptor: bold although its name does not say so.
const FORCE_BOLD: u32 = 1 << 18;
/// The weight from which a font counts as bold.
const BOLD: f32 = 600.0;

/// All fonts of a file, each loaded once.
pub struct Fonts<'a> {
    cache: FontCache<'a>,
    programs: FontResolverFn,
    maps: CMapResolverFn,
    /// Fonts by the address of their dictionary.
    loaded: HashMap<(usize, usize), Option<Rc<PageFont<'a>>>>,
    substitute: Option<Rc<PageFont<'a>>>,
}

/// The meaning of one code.
#[derive(Clone)]
pub struct Decoded {
    pub char: char,
    pub more: Option<Rc<str>>,
    /// Along the line, in thousandths of the font's size.
    pub advance: f64,
}

pub struct PageFont<'a> {
    font: Font<'a>,
    /// The fallback meaning of codes in a composite font.
    composite: Option<Composite>,
    pub is_vertical: bool,
    pub is_bold: bool,
    /// Whether its glyphs are symbols, so that codes outside of its encoding have no meaning.
    is_symbolic: bool,
    /// The factor by which letters are taller than the font size, for fonts with their own unit.
    pub scale: f64,
    /// The table of the embedded font, loaded if the file does not define the meaning of a code.
    table: OnceCell<Option<GlyphTable>>,
    dict: Dict<'a>,
    known: RefCell<HashMap<u32, Decoded>>,
}

struct Composite {
    encoding: Option<CMap>,
    /// Maps the character collection of the font to Unicode.
    unicode: Option<CMap>,
    codes: Codes,
}

/// The meaning of a composite font's codes if neither map nor font defines it.
#[derive(Clone, Copy, PartialEq)]
enum Codes {
    Unknown,
    /// Unicode code points.
    Unicode,
    /// Glyph ids of a Windows font that is not embedded.
    WindowsGlyphs,
}

impl<'a> Fonts<'a> {
    pub fn new() -> Self {
        Self {
            cache: FontCache::new(),
            programs: Arc::new(|query| {
                let standard = match query {
                    hayro_font::FontQuery::Standard(standard) => *standard,
                    hayro_font::FontQuery::Fallback(fallback) => fallback.pick_standard_font(),
                };
                Some(standard.get_font_data())
            }),
            maps: Arc::new(load_embedded),
            loaded: HashMap::new(),
            substitute: None,
        }
    }

    /// Returns the font of this dictionary, or `None` if it cannot be read.
    pub fn get(&mut self, dict: &Dict<'a>) -> Option<Rc<PageFont<'a>>> {
        let key = (dict.data().as_ptr() as usize, dict.data().len());
        if let Some(known) = self.loaded.get(&key) {
            return known.clone();
        }
        let font = self.cache.font(dict, &self.programs, &self.maps);
        let font = font.map(|font| Rc::new(PageFont::new(font, dict)));
        self.loaded.insert(key, font.clone());
        font
    }

    /// Returns the replacement for a missing font.
    pub fn substitute(&mut self) -> Option<Rc<PageFont<'a>>> {
        if self.substitute.is_none() {
            let font = self.cache.standard_font(StandardFont::Helvetica, &self.programs)?;
            self.substitute = Some(Rc::new(PageFont::new(font, &Dict::empty())));
        }
        self.substitute.clone()
    }
}

impl<'a> PageFont<'a> {
    fn new(font: Font<'a>, dict: &Dict<'a>) -> Self {
        let subtype = dict.get::<Name<'_>>("Subtype");
        let subtype = subtype.as_ref().map_or("", |name| name.as_str());
        let descendant = descendant(dict);
        let descriptor = descriptor(dict, descendant.as_ref());
        let name = dict.get::<Name<'_>>("BaseFont");
        let name = name.as_ref().map_or("", |name| name.as_str()).to_ascii_lowercase();
        let says_bold = ["bold", "black", "heavy", "-bd", "cmbx", "demi"];
        let is_bold = says_bold.iter().any(|part| name.contains(part))
            || descriptor.get::<f32>("FontWeight").is_some_and(|weight| weight >= BOLD)
            || descriptor.get::<u32>("Flags").is_some_and(|flags| flags & FORCE_BOLD != 0);
        let symbolic = ["symbol", "dingbat", "wingding", "webding"];
        Self {
            is_vertical: !font.is_horizontal(),
            composite: (subtype == "Type0").then(|| Composite::new(dict, descendant.as_ref())),
            is_bold,
            is_symbolic: symbolic.iter().any(|part| name.contains(part)),
            scale: if subtype == "Type3" { type3_scale(dict) } else { 1.0 },
            table: OnceCell::new(),
            dict: dict.clone(),
            font,
            known: RefCell::default(),
        }
    }

    /// Returns the code at `offset` and its length in bytes, at least one.
    pub fn code(&self, bytes: &[u8], offset: usize) -> (u32, usize) {
        let (code, length) = self.font.read_code(bytes, offset);
        (code, length.max(1))
    }

    pub fn decode(&self, code: u32, length: usize) -> Decoded {
        if let Some(known) = self.known.borrow().get(&code) {
            return known.clone();
        }
        let advance = self.font.code_advance(code);
        let text = clean(&self.text(code, length), self.is_symbolic);
        let mut chars = text.chars();
        let char = chars.next().unwrap_or(NOTHING);
        let rest = chars.as_str();
        let decoded = Decoded {
            char,
            more: (!rest.is_empty()).then(|| rest.into()),
            advance: if self.is_vertical { -advance.y } else { advance.x },
        };
        self.known.borrow_mut().insert(code, decoded.clone());
        decoded
    }

    fn text(&self, code: u32, length: usize) -> String {
        let by_mapping = match self.font.glyph(self.font.map_code(code), code) {
            FontGlyph::Outline(glyph) => glyph.as_unicode(),
            FontGlyph::Type3(glyph) => glyph.as_unicode(),
        };
        let by_mapping = by_mapping.map(text_of).filter(|text| text.chars().any(is_meant));
        let by_font = || {
            let table = self.table.get_or_init(|| GlyphTable::of_font(&self.dict)).as_ref()?;
            let char = match &self.composite {
                Some(composite) => table.of_character(composite.character(code, length)?),
                None => table.of_code(code),
            };
            Some(char?.to_string())
        };
        by_mapping
            .or_else(by_font)
            .or_else(|| match &self.composite {
                Some(composite) => composite.text(code, length),
                None => u8::try_from(code).ok().map(single),
            })
            .unwrap_or_default()
    }
}

/// Returns the part of a composite font that contains the glyphs.
pub fn descendant<'a>(dict: &Dict<'a>) -> Option<Dict<'a>> {
    let fonts = dict.get::<Array<'a>>("DescendantFonts")?;
    fonts.iter::<Dict<'a>>().next()
}

pub fn descriptor<'a>(dict: &Dict<'a>, descendant: Option<&Dict<'a>>) -> Dict<'a> {
    descendant.unwrap_or(dict).get("FontDescriptor").unwrap_or_default()
}

impl Composite {
    fn new(dict: &Dict<'_>, descendant: Option<&Dict<'_>>) -> Self {
        let encoding = match dict.get::<Object<'_>>("Encoding") {
            Some(Object::Name(name)) if !name.as_str().starts_with("Identity") => {
                known_map(CMapName::from_bytes(name.as_ref()))
            }
            Some(Object::Stream(stream)) => embedded_map(&stream),
            _ => None,
        };
        let by_encoding =
            encoding.as_ref().and_then(|map| map.metadata().character_collection.clone());
        let family = by_encoding
            .map(|collection| collection.family)
            .filter(|family| *family != CidFamily::AdobeIdentity)
            .or_else(|| {
                let info = descendant?.get::<Dict<'_>>("CIDSystemInfo")?;
                let text = |key| info.get::<hayro_syntax::object::String<'_>>(key);
                Some(CidFamily::from_registry_ordering(
                    text("Registry")?.as_bytes(),
                    text("Ordering")?.as_bytes(),
                ))
            });
        let unicode = family.and_then(|family| known_map(family.ucs2_cmap()?));
        Self { encoding, unicode, codes: Codes::of(dict, descendant) }
    }

    /// Returns the character id of a code.
    fn character(&self, code: u32, length: usize) -> Option<u32> {
        match &self.encoding {
            Some(encoding) => encoding.lookup_cid_code(code, u8::try_from(length).ok()?),
            None => Some(code),
        }
    }

    fn text(&self, code: u32, length: usize) -> Option<String> {
        let cid = self.character(code, length)?;
        let by_map = self.unicode.as_ref().and_then(|map| map.lookup_bf_string(cid)).map(text_of);
        by_map.or_else(|| Some(self.codes.character(code)?.to_string()))
    }
}

impl Codes {
    fn of(dict: &Dict<'_>, descendant: Option<&Dict<'_>>) -> Self {
        let says_identity = |font: &Dict<'_>, key: &str| {
            font.get::<Name<'_>>(key).is_some_and(|name| name.as_str().starts_with("Identity"))
        };
        if says_identity(dict, "ToUnicode") {
            return Self::Unicode;
        }
        let Some(glyphs) = descendant.filter(|_| says_identity(dict, "Encoding")) else {
            return Self::Unknown;
        };
        let is_truetype =
            glyphs.get::<Name<'_>>("Subtype").is_some_and(|kind| kind.as_str() == "CIDFontType2");
        let descriptor = descriptor(dict, Some(glyphs));
        let is_embedded =
            ["FontFile", "FontFile2", "FontFile3"].iter().any(|file| descriptor.contains_key(file));
        match glyphs.get::<Object<'_>>("CIDToGIDMap") {
            // The codes differ from the glyph ids to which the map leads.
            Some(Object::Stream(_)) => Self::Unicode,
            _ if is_truetype && !is_embedded => Self::WindowsGlyphs,
            _ => Self::Unknown,
        }
    }

    fn character(self, code: u32) -> Option<char> {
        match self {
            Self::Unknown => None,
            Self::Unicode => char::from_u32(code),
            // Arial, Times New Roman and others start with three glyphs followed by ASCII.
            Self::WindowsGlyphs => {
                char::from_u32(code + 29).filter(|char| (' '..='~').contains(char))
            }
        }
    }
}

fn known_map(name: CMapName<'_>) -> Option<CMap> {
    CMap::parse(load_embedded(name)?, load_embedded)
}

fn embedded_map(stream: &Stream<'_>) -> Option<CMap> {
    CMap::parse(&stream.decoded().ok()?, load_embedded)
}

/// Returns the scale of a Type 3 font, which has its own unit. The height of its box determines the
/// size.
fn type3_scale(dict: &Dict<'_>) -> f64 {
    let matrix = dict.get::<[f64; 6]>("FontMatrix").unwrap_or([0.001, 0.0, 0.0, 0.001, 0.0, 0.0]);
    let height = dict.get::<Rect>("FontBBox").map_or(0.0, |area| (area.y1 - area.y0).abs());
    let scale = height * matrix[3].hypot(matrix[2]);
    if scale.is_finite() && (0.05..20.0).contains(&scale) { scale } else { 1.0 }
}

fn text_of(text: BfString) -> String {
    match text {
        BfString::Char(char) => char.to_string(),
        BfString::String(text) => text,
    }
}

/// Decodes a byte in a font without an encoding.
fn single(byte: u8) -> String {
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.into_owned()
}

fn is_meant(char: char) -> bool {
    !char.is_control() && char != '\u{fffd}' || char == '\t' || char == '\n' || char == '\r'
}

/// Normalises text for searching: ligatures and presentation forms become letters, and private
/// symbols the public characters they look like.
fn clean(text: &str, is_symbolic: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\t' | '\n' | '\r' | '\u{a0}' => out.push(' '),
            '\u{fffd}' | '\u{feff}' | '\u{200b}' => {}
            '\u{f0b7}' | '\u{f0a7}' | '\u{f06e}' | '\u{f0a8}' => out.push('•'),
            '\u{f0fc}' | '\u{f0fe}' => out.push('✓'),
            '\u{f020}'..='\u{f07e}' if !is_symbolic => {
                out.extend(char::from_u32(u32::from(char) - 0xf000));
            }
            '\u{fb00}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' => {
                out.extend([char].iter().copied().nfkc().filter(|part| *part != ' '))
            }
            '\u{e000}'..='\u{f8ff}' => {}
            _ if is_meant(char) => out.push(char),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ligatures_and_presentation_forms_become_letters() {
        assert_eq!(clean("\u{fb01}", false), "fi");
        assert_eq!(clean("\u{fefb}", false), "لا");
        assert_eq!(clean("\u{f0b7}\u{f041}", false), "•A");
        assert_eq!(clean("\u{f041}\u{0}\u{fffd}", true), "");
    }
}
