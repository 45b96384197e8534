//! A character with its position on a page.
use hayro_font::kurbo::{Affine, Point, Vec2};

/// Stands for characters that are drawn but have no text of their own: the rest of a marked
/// sequence whose text the file states, or one whose meaning is unknown.
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
    /// How far the file sets the next glyph of the same text apart, in points; `None` where the text
    /// ends.
    pub spacing: Option<f64>,
    pub is_bold: bool,
    pub is_vertical: bool,
}

impl Glyph {
    /// Position along `direction` and across it (upwards).
    pub fn along(&self, direction: Vec2) -> (f64, f64) {
        let at = self.origin.to_vec2();
        (at.dot(direction), at.dot(Vec2::new(-direction.y, direction.x)))
    }

    pub fn is_space(&self) -> bool {
        self.char == ' ' && self.more.is_none()
    }

    /// The middle of its line, where it is seen.
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
    /// The same for one across it.
    pub across: f64,
}

impl Pen {
    /// `None` for a matrix that flattens text.
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
