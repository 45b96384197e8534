//! Interprets content streams: converts drawing instructions to glyphs with positions.
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use hayro_font::kurbo::Affine;
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction as Op;
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};
use hayro_syntax::page::Resources;

use super::fonts::{Decoded, Fonts, PageFont};
use super::glyph::{Glyph, NOTHING, Pen};
use super::layers::OptionalContent;
use super::marked::Marked;
use super::scans::{self, Drawn, ScanImage};
use super::state::{GraphicsState, adjusted, affine, moved};

/// Maximum nesting of drawings.
const DEEPEST: usize = 16;
/// Maximum number of saved states.
const MAX_STATES: usize = 4_096;
/// Maximum number of instructions of a page, since drawings can repeat each other without bound.
const MAX_INSTRUCTIONS: usize = 6_000_000;
/// Maximum number of characters of a page.
const MAX_GLYPHS: usize = 2_000_000;
/// Bytes of unpacked drawings that are cached, because forms repeat them.
const MAX_STORED: usize = 32 << 20;

/// Follows the drawing instructions of one page after another.
pub struct Interpreter<'a> {
    fonts: Fonts<'a>,
    layers: OptionalContent,
    unpacked: HashMap<usize, Rc<[u8]>>,
    glyph_bytes: usize,
    /// Forms in progress.
    open: HashSet<usize>,
    instructions: usize,
    pub glyphs: Vec<Glyph>,
    /// Number of characters without a known meaning.
    unknown: usize,
    /// Whether the page exceeds the limits.
    pub is_cut: bool,
    /// The drawn pictures, at most [`scans::LIMIT`].
    pub drawn: Vec<Drawn<'a>>,
}

impl<'a> Interpreter<'a> {
    pub fn new(catalog: &Dict<'_>) -> Self {
        Self {
            fonts: Fonts::new(),
            layers: OptionalContent::new(catalog),
            unpacked: HashMap::new(),
            glyph_bytes: 0,
            open: HashSet::new(),
            instructions: 0,
            glyphs: Vec::new(),
            unknown: 0,
            is_cut: false,
            drawn: Vec::new(),
        }
    }

    /// Resets the state of the previous page.
    pub fn turn_page(&mut self) {
        self.glyphs.clear();
        self.unknown = 0;
        self.instructions = 0;
        self.is_cut = false;
        self.drawn.clear();
        if self.glyph_bytes > MAX_STORED {
            self.unpacked.clear();
            self.glyph_bytes = 0;
        }
    }

    /// Whether most of the page's characters have no known meaning.
    pub fn is_mostly_unknown(&self) -> bool {
        self.unknown > 3 && self.unknown > self.glyphs.len()
    }

    /// Draws `content` with `matrix`, which maps its units to points of the upright page.
    pub fn draw(&mut self, content: &[u8], resources: &Resources<'a>, matrix: Affine) {
        self.run(content, resources, GraphicsState::new(matrix), 0);
    }

    /// Draws a form. Its own matrix is applied before `matrix`.
    pub fn draw_form(&mut self, form: &Stream<'a>, resources: &Resources<'a>, matrix: Affine) {
        self.form(form, resources, GraphicsState::new(matrix), 0);
    }

    /// Whether the content described by `dict` is on a visible layer.
    pub fn shows(&self, dict: &Dict<'_>) -> bool {
        self.layers.shows(dict)
    }

    fn form(
        &mut self,
        form: &Stream<'a>,
        resources: &Resources<'a>,
        mut state: GraphicsState<'a>,
        depth: usize,
    ) {
        let dict = form.dict();
        let key = dict.data().as_ptr() as usize;
        if depth >= DEEPEST || !self.layers.is_visible() || !self.layers.shows(dict) {
            return;
        }
        if !self.open.insert(key) {
            return;
        }
        if let Some(content) = self.unpack(form, key) {
            let own = dict.get::<[f64; 6]>("Matrix").map_or(Affine::IDENTITY, Affine::new);
            state.matrix *= own;
            let inner = dict.get::<Dict<'a>>("Resources").map(Resources::new);
            self.run(&content, inner.as_ref().unwrap_or(resources), state, depth + 1);
        }
        self.open.remove(&key);
    }

    fn unpack(&mut self, form: &Stream<'a>, key: usize) -> Option<Rc<[u8]>> {
        if let Some(known) = self.unpacked.get(&key) {
            return Some(Rc::clone(known));
        }
        let content: Rc<[u8]> = form.decoded().ok()?.into_owned().into();
        if content.len() + self.glyph_bytes <= MAX_STORED {
            self.glyph_bytes += content.len();
            self.unpacked.insert(key, Rc::clone(&content));
        }
        Some(content)
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: &Resources<'a>,
        mut state: GraphicsState<'a>,
        depth: usize,
    ) {
        let mut saved: Vec<GraphicsState<'a>> = Vec::new();
        let mut marked: Vec<Marked> = Vec::new();
        let (mut line, mut pen) = (Affine::IDENTITY, Affine::IDENTITY);
        let layers = self.layers.depth();
        let mut instructions = TypedIter::new(content);
        while let Some(instruction) = instructions.next() {
            self.instructions += 1;
            if self.instructions > MAX_INSTRUCTIONS || self.glyphs.len() > MAX_GLYPHS {
                self.is_cut = true;
                break;
            }
            match instruction {
                Op::SaveState(_) if saved.len() < MAX_STATES => saved.push(state.clone()),
                Op::RestoreState(_) => {
                    if let Some(before) = saved.pop() {
                        state = before;
                    }
                }
                Op::Transform(m) => {
                    state.matrix *= affine([m.0, m.1, m.2, m.3, m.4, m.5]);
                }
                Op::SetGraphicsState(set) => {
                    let font = resources.ext_g_states.get::<Dict<'a>>(set.0);
                    let font = font.and_then(|state| state.get::<Array<'a>>("Font"));
                    let mut font = font.iter().flat_map(|font| font.iter::<Object<'a>>());
                    if let (Some(Object::Dict(dict)), Some(Object::Number(size))) =
                        (font.next(), font.next())
                    {
                        state.font = self.fonts.get(&dict);
                        state.size = size.as_f64();
                    }
                }
                Op::TextFont(set) => {
                    let dict = resources.fonts.get::<Dict<'a>>(set.0);
                    let font = dict.and_then(|dict| self.fonts.get(&dict));
                    state.font = font.or_else(|| self.fonts.substitute());
                    state.size = set.1.as_f64();
                }
                Op::CharacterSpacing(set) => state.between = set.0.as_f64(),
                Op::WordSpacing(set) => state.between_words = set.0.as_f64(),
                Op::HorizontalScaling(set) => state.stretch = set.0.as_f64() / 100.0,
                Op::TextLeading(set) => state.leading = set.0.as_f64(),
                Op::TextRise(set) => state.rise = set.0.as_f64(),
                Op::BeginText(_) => (line, pen) = (Affine::IDENTITY, Affine::IDENTITY),
                Op::SetTextMatrix(m) => {
                    line = affine([m.0, m.1, m.2, m.3, m.4, m.5]);
                    pen = line;
                }
                Op::NextLine(by) => {
                    line *= moved(by.0.as_f64(), by.1.as_f64());
                    pen = line;
                }
                Op::NextLineAndSetLeading(by) => {
                    state.leading = -by.1.as_f64();
                    line *= moved(by.0.as_f64(), by.1.as_f64());
                    pen = line;
                }
                Op::NextLineUsingLeading(_) => {
                    line *= moved(0.0, -state.leading);
                    pen = line;
                }
                Op::ShowText(text) => {
                    self.show(&state, &mut pen, text.0.as_bytes());
                    self.end_text();
                }
                Op::NextLineAndShowText(text) => {
                    line *= moved(0.0, -state.leading);
                    pen = line;
                    self.show(&state, &mut pen, text.0.as_bytes());
                    self.end_text();
                }
                Op::ShowTextWithParameters(text) => {
                    state.between_words = text.0.as_f64();
                    state.between = text.1.as_f64();
                    line *= moved(0.0, -state.leading);
                    pen = line;
                    self.show(&state, &mut pen, text.2.as_bytes());
                    self.end_text();
                }
                Op::ShowTexts(texts) => {
                    for part in texts.0.iter::<Object<'_>>() {
                        match part {
                            Object::String(text) => self.show(&state, &mut pen, text.as_bytes()),
                            Object::Number(by) => pen *= adjusted(&state, by.as_f64()),
                            _ => {}
                        }
                    }
                    self.end_text();
                }
                Op::XObject(object) => {
                    if let Some(stream) = resources.x_objects.get::<Stream<'a>>(object.0) {
                        match stream.dict().get::<Name<'_>>("Subtype") {
                            Some(name) if name.as_str() == "Image" => {
                                self.picture(ScanImage::Stream(stream), state.matrix);
                            }
                            _ => self.form(&stream, resources, state.clone(), depth),
                        }
                    }
                }
                Op::InlineImage(image) => {
                    if let Ok(picture) = scans::decode(image.0) {
                        self.picture(ScanImage::Picture(picture), state.matrix);
                    }
                }
                Op::BeginMarkedContent(_) => {
                    self.layers.open(None);
                    marked.push(Marked::default());
                }
                Op::BeginMarkedContentWithProperties(begin) => {
                    let start = self.glyphs.len();
                    let (mark, layer) = match begin.1 {
                        Object::Name(name) => {
                            let dict = resources.properties.get::<Dict<'_>>(name);
                            (
                                dict.as_ref().map(|it| Marked::new(it, start)),
                                dict.zip(id(resources, name)),
                            )
                        }
                        Object::Dict(dict) => (Some(Marked::new(dict, start)), None),
                        _ => (None, None),
                    };
                    let layer = layer.filter(|_| begin.0.as_str() == "OC");
                    self.layers.open(layer.as_ref().map(|(layer, id)| (layer, *id)));
                    marked.push(mark.unwrap_or_default());
                }
                Op::EndMarkedContent(_) => {
                    self.layers.close(layers);
                    if let Some(marked) = marked.pop() {
                        marked.apply(&mut self.glyphs);
                    }
                }
                _ => {}
            }
        }
        while let Some(marked) = marked.pop() {
            marked.apply(&mut self.glyphs);
        }
        self.layers.truncate(layers);
    }

    /// Records a picture, unless a viewer hides it.
    fn picture(&mut self, image: ScanImage<'a>, matrix: Affine) {
        let is_shown = match &image {
            ScanImage::Stream(image) => self.layers.shows(image.dict()),
            ScanImage::Picture(_) => true,
        };
        if is_shown && self.layers.is_visible() && self.drawn.len() < scans::LIMIT {
            self.drawn.push(Drawn { image, matrix });
        }
    }

    fn show(&mut self, state: &GraphicsState<'a>, pen: &mut Affine, bytes: &[u8]) {
        let Some(font) = state.font.clone().or_else(|| self.fonts.substitute()) else { return };
        let is_visible = self.layers.is_visible();
        let mut offset = 0;
        while offset < bytes.len() && self.glyphs.len() <= MAX_GLYPHS {
            let (code, length) = font.code(bytes, offset);
            offset += length;
            let decoded = font.decode(code, length);
            let advance = decoded.advance / 1_000.0 * state.size;
            if is_visible {
                // Raised text stays on its line, unless the rise takes it to another one.
                let rise = if state.rise.abs() < state.size.abs() { 0.0 } else { state.rise };
                let place = state.matrix * *pen * moved(0.0, rise);
                self.place(state, &font, place, &decoded, advance);
            }
            let is_space = code == 32 && length == 1;
            let by = advance + state.between + if is_space { state.between_words } else { 0.0 };
            *pen *= match font.is_vertical {
                true => moved(0.0, -by),
                false => moved(by * state.stretch, 0.0),
            };
        }
    }

    /// Ends a piece of text: the next glyph has an explicit position.
    fn end_text(&mut self) {
        if let Some(last) = self.glyphs.last_mut() {
            last.spacing = None;
        }
    }

    fn place(
        &mut self,
        state: &GraphicsState<'a>,
        font: &PageFont<'a>,
        place: Affine,
        decoded: &Decoded,
        advance: f64,
    ) {
        let Some(pen) = Pen::at(place, font.is_vertical) else { return };
        let stretch = if font.is_vertical { 1.0 } else { state.stretch };
        let mut advance = advance * stretch * pen.along;
        let size = state.size.abs() * font.scale * pen.across;
        let (origin, mut direction) = (pen.origin, pen.direction);
        if advance < 0.0 {
            // A negative size reverses the direction.
            direction = -direction;
            advance = -advance;
        }
        if !(size > 1e-3 && size < 1e5 && advance < 1e5) {
            return;
        }
        if decoded.char == NOTHING && decoded.more.is_none() {
            self.unknown += 1;
            return;
        }
        self.glyphs.push(Glyph {
            char: decoded.char,
            more: decoded.more.as_deref().map(Into::into),
            origin,
            direction,
            size,
            advance,
            spacing: Some(state.between * stretch * pen.along),
            is_bold: font.is_bold,
            is_vertical: font.is_vertical,
        });
    }
}

/// Returns the object with the properties of this name.
fn id(resources: &Resources<'_>, name: &Name<'_>) -> Option<(u32, i32)> {
    let id = resources.properties.get_ref(name)?;
    Some((id.obj_number, id.gen_number))
}
