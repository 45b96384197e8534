//! The upright page: the image turned so that its lines of text are horizontal.
use crate::boxes::TextBox;
use crate::engine::TextLine;
use crate::picture::Picture;
use crate::upright_page::UprightPage;

/// Longer side of an upright page, in pixels. Ruled lines of a page at 300 dpi are still visible in it.
const LONGEST_SIDE: f32 = 2_000.0;

/// Maps positions in the image to positions on the upright page, whose upper left corner is (0, 0).
pub struct Level {
    direction: (f32, f32),
    start: (f32, f32),
    size: (f32, f32),
}

impl Level {
    /// `direction` is that of the lines in the image, a unit vector.
    pub fn new(picture: &Picture, direction: (f32, f32)) -> Self {
        let mut level = Self { direction, start: (0.0, 0.0), size: (0.0, 0.0) };
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)];
        let corners = corners.map(|corner| level.place(corner));
        let (mut low, mut high) = (corners[0], corners[0]);
        for (x, y) in corners {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        (level.start, level.size) = (low, (high.0 - low.0, high.1 - low.1));
        level
    }

    /// Returns where a position in the image is on the page.
    fn place(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let (cos, sin) = self.direction;
        (x * cos + y * sin - self.start.0, y * cos - x * sin - self.start.1)
    }

    /// Returns where a position on the page is in the image.
    fn origin(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let ((cos, sin), (x, y)) = (self.direction, (x + self.start.0, y + self.start.1));
        (x * cos - y * sin, y * cos + x * sin)
    }

    /// Returns a line without text at the position of a box.
    pub fn line(&self, found: &TextBox) -> TextLine {
        let (x, y) = self.place(found.middle);
        let (with, own) = (self.direction, found.direction);
        let is_vertical = own.0 * with.0 + own.1 * with.1 < 0.5;
        let (across, down) = match is_vertical {
            true => (found.reach.1, found.reach.0),
            false => found.reach,
        };
        let (left, right, top, bottom) = (x - across, x + across, y - down, y + down);
        TextLine { left, right, top, bottom, is_vertical, ..TextLine::default() }
    }

    /// Returns the part of a box between two horizontal positions on the page.
    pub fn part(&self, found: &TextBox, (left, right): (f32, f32)) -> TextBox {
        let (x, _) = self.place(found.middle);
        let shift = (left + right) / 2.0 - x;
        let (cos, sin) = found.direction;
        let middle = (found.middle.0 + shift * cos, found.middle.1 + shift * sin);
        TextBox { middle, reach: ((right - left) / 2.0, found.reach.1), ..*found }
    }

    /// Returns the page's brightness, with fewer pixels if the image is large.
    pub fn upright_page(&self, picture: &Picture) -> UprightPage {
        let pixel = (self.size.0.max(self.size.1) / LONGEST_SIDE).max(1.0);
        let side = |length: f32| (length / pixel).ceil().max(1.0) as usize;
        let (width, height) = (side(self.size.0), side(self.size.1));
        let value = |at: usize| {
            let (column, row) = ((at % width) as f32 + 0.5, (at / width) as f32 + 0.5);
            let (x, y) = self.origin((column * pixel, row * pixel));
            let sum: u16 = picture.point(x as isize, y as isize).into_iter().map(u16::from).sum();
            (sum / 3) as u8
        };
        UprightPage { width, height, values: (0..width * height).map(value).collect(), pixel }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_on_its_side_is_turned_upright() {
        // The lines of the page run upwards; its only dark pixel is near the end of the first line.
        let mut bytes = vec![255; 4 * 6];
        bytes[4] = 0;
        let picture = Picture::gray(4, 6, bytes).unwrap();
        let level = Level::new(&picture, (0.0, -1.0));
        let page = level.upright_page(&picture);
        assert_eq!((page.width, page.height, page.pixel), (6, 4, 1.0));
        let dark: Vec<usize> = (0..24).filter(|at| page.values[*at] == 0).collect();
        assert_eq!(dark, [4]);
        let found = TextBox { middle: (1.0, 3.0), direction: (0.0, -1.0), reach: (2.0, 1.0) };
        let line = level.line(&found);
        assert_eq!((line.left, line.top, line.right, line.bottom), (1.0, 0.0, 5.0, 2.0));
        assert!(!line.is_vertical);
        let part = level.part(&found, (3.0, 5.0));
        assert_eq!((part.middle, part.reach), ((1.0, 2.0), (1.0, 1.0)));
    }
}
