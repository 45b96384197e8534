//! Marked sequences whose text the file states (`ActualText`).
use hayro_syntax::object::{Dict, String as PdfString};

use super::glyph::{Glyph, NOTHING};
use super::info::text_string;

/// A marked sequence in progress.
#[derive(Default)]
pub struct Marked {
    text: Option<String>,
    start: usize,
}

impl Marked {
    pub fn new(properties: &Dict<'_>, start: usize) -> Self {
        let text = properties.get::<PdfString<'_>>("ActualText");
        Self { text: text.map(|text| text_string(text.as_bytes())), start }
    }

    /// Replaces the text of the glyphs since the start by the stated one. A sequence over several
    /// lines keeps its own text, because the parts cannot be assigned to lines.
    pub fn apply(self, glyphs: &mut [Glyph]) {
        let Some(text) = self.text else { return };
        let Some(drawn) = glyphs.get_mut(self.start..).filter(|drawn| !drawn.is_empty()) else {
            return;
        };
        let mut own = String::new();
        drawn.iter().for_each(|glyph| glyph.write(&mut own));
        let without_spaces = |text: &str| text.split_whitespace().collect::<String>();
        let (first, last) = (&drawn[0], &drawn[drawn.len() - 1]);
        let is_one_line = (first.along(first.direction).1 - last.along(first.direction).1).abs()
            < first.size / 2.0;
        // A short text stated for many letters is usually wrong.
        let is_more = own.chars().count() > 2 * text.chars().count() + 2;
        if without_spaces(&own) == without_spaces(&text) || !is_one_line || is_more {
            return;
        }
        let direction = first.direction;
        let start = first.along(direction).0;
        let end = drawn.iter().map(|glyph| glyph.along(direction).0 + glyph.advance);
        let end = end.fold(start, f64::max);
        let mut chars = text.chars();
        let (char, more) = (chars.next().unwrap_or(NOTHING), chars.as_str());
        for glyph in drawn.iter_mut().skip(1) {
            (glyph.char, glyph.more) = (NOTHING, None);
        }
        (drawn[0].char, drawn[0].more) = (char, (!more.is_empty()).then(|| more.into()));
        drawn[0].advance = end - start;
    }
}
