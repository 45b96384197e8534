//! The graphics state for the next text, and how it moves the pen.
use std::rc::Rc;

use hayro_font::kurbo::Affine;
use hayro_syntax::object::Number;

use super::fonts::PageFont;

#[derive(Clone)]
pub struct GraphicsState<'a> {
    pub matrix: Affine,
    pub font: Option<Rc<PageFont<'a>>>,
    pub size: f64,
    pub between: f64,
    pub between_words: f64,
    pub stretch: f64,
    pub leading: f64,
    pub rise: f64,
}

impl GraphicsState<'_> {
    pub fn new(matrix: Affine) -> Self {
        Self {
            matrix,
            font: None,
            size: 1.0,
            between: 0.0,
            between_words: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }
}

pub fn affine(numbers: [Number; 6]) -> Affine {
    Affine::new(numbers.map(|number| number.as_f64()))
}

pub fn moved(x: f64, y: f64) -> Affine {
    Affine::translate((x, y))
}

pub fn adjusted(state: &GraphicsState<'_>, by: f64) -> Affine {
    let by = -by / 1_000.0 * state.size;
    match state.font.as_ref().is_some_and(|font| font.is_vertical) {
        true => moved(0.0, by),
        false => moved(by * state.stretch, 0.0),
    }
}
