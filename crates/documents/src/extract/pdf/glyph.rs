//! A character with its position on a page.
use hayro_font::kurbo::{Affine, Point, Vec2};

/// Marks glyphs without text: the rest of a marked sequence whose text the file states, or a
/// character of unknown meaning.
pub const NOTHING: char = '\0';

/// A drawn character, ligature or marked sequence.
#[derive(Clone, Debug)]
pub struct Glyph {
    pub char: char,
    /// The characters after `char`, if a glyph stands for several.
    pub more: Option<Box<str>>,
    /// The pen's position, in points, `y` upwards, the page turned upright.
    pub origin: Point,
    /// Unit vector along which the text runs.
    pub direction: Vec2,
    /// Height of a line of this text, in points.
    pub size: f64,
    /// The advance, without the spacing between characters.
    pub advance: f64,
    /// Extra spacing before the next glyph of the same text, in points; `None` at the end of a
    /// text.
    pub spacing: Option<f64>,
    pub is_bold: bool,
    pub is_vertical: bool,
}

impl Glyph {
    /// Returns the position along `direction` and across it (upwards).
    pub fn along(&self, direction: Vec2) -> (f64, f64) {
        let at = self.origin.to_vec2();
        (at.dot(direction), at.dot(Vec2::new(-direction.y, direction.x)))
    }

    pub fn is_space(&self) -> bool {
        self.char == ' ' && self.more.is_none()
    }

    /// Returns the visible middle of the glyph.
    pub fn middle(&self) -> Point {
        let up = Vec2::new(-self.direction.y, self.direction.x);
        let rise = if self.is_vertical { 0.0 } else { self.size / 4.0 };
        self.origin + self.direction * (self.advance / 2.0) + up * rise
    }

    pub fn write(&self, out: &mut String) {
        if self.char != NOTHING {
            out.push(self.char);
            out.push_str(self.more.as_deref().unwrap_or_default());
        }
    }
}

/// Position and direction of the pen, from the matrix that transforms text space.
pub struct Pen {
    pub origin: Point,
    pub direction: Vec2,
    /// The scale along the line.
    pub along: f64,
    /// The scale across the line.
    pub across: f64,
}

impl Pen {
    /// Returns `None` for a degenerate matrix.
    pub fn at(matrix: Affine, vertical: bool) -> Option<Self> {
        let [a, b, c, d, x, y] = matrix.as_coeffs();
        let (right, up) = (Vec2::new(a, b), Vec2::new(c, d));
        let (way, side) = if vertical { (-up, right) } else { (right, up) };
        let (along, across) = (way.hypot(), side.hypot());
        let usable = |value: f64| value.is_finite() && value > 1e-6 && value < 1e6;
        let is_usable = usable(along) && usable(across) && x.is_finite() && y.is_finite();
        is_usable.then(|| Self { origin: Point::new(x, y), direction: way / along, along, across })
    }
}
