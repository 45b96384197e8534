//! An image in memory, with access to its pixels and parts.

/// Rows of pixels from the top, with one byte (gray) or three (red, green, blue) each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Picture {
    /// Returns `None` if the image is empty or the number of bytes does not match.
    pub fn gray(width: usize, height: usize, bytes: Vec<u8>) -> Option<Self> {
        Self::new(width, height, 1, bytes)
    }

    /// Like [`Picture::gray`], with three bytes per pixel.
    pub fn color(width: usize, height: usize, bytes: Vec<u8>) -> Option<Self> {
        Self::new(width, height, 3, bytes)
    }

    fn new(width: usize, height: usize, channels: usize, bytes: Vec<u8>) -> Option<Self> {
        let expected = width.checked_mul(height)?.checked_mul(channels)?;
        (expected > 0 && bytes.len() == expected).then_some(Self { width, height, channels, bytes })
    }

    /// Returns width, height, bytes per pixel, and the bytes.
    pub(crate) fn into_parts(self) -> (usize, usize, usize, Vec<u8>) {
        (self.width, self.height, self.channels, self.bytes)
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    pub fn is_gray(&self) -> bool {
        self.channels == 1
    }

    /// Returns the brightness of each pixel, row by row.
    pub fn brightness(&self) -> Vec<u8> {
        if self.is_gray() {
            return self.bytes.clone();
        }
        // The weights of ITU-R BT.601, in 256ths.
        let light = |rgb: &[u8]| {
            let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
            ((77 * red + 150 * green + 29 * blue) >> 8) as u8
        };
        self.bytes.chunks_exact(3).map(light).collect()
    }

    /// Returns the color of a pixel. Positions outside take the color of the edge.
    pub fn point(&self, x: isize, y: isize) -> [u8; 3] {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        let at = (y * self.width + x) * self.channels;
        match self.channels {
            1 => [self.bytes[at]; 3],
            _ => [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2]],
        }
    }

    /// Interpolates the color at a position. (0, 0) is the upper left corner of the first pixel.
    pub fn between(&self, x: f32, y: f32) -> [f32; 3] {
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (right_share, lower_share) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        let mut mixed = [0.0; 3];
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let share = if dx == 0 { 1.0 - right_share } else { right_share }
                * if dy == 0 { 1.0 - lower_share } else { lower_share };
            let color = self.point(left + dx, top + dy);
            for (mixed, part) in mixed.iter_mut().zip(color) {
                *mixed += share * f32::from(part);
            }
        }
        mixed
    }

    /// Scales the image. Each pixel is the mean of those it covers.
    pub fn scaled(&self, width: usize, height: usize) -> Self {
        let (width, height, channels) = (width.max(1), height.max(1), self.channels);
        let mut bytes = Vec::with_capacity(width * height * channels);
        let range = |at: usize, of: usize, all: usize| {
            let start = (at * all / of).min(all - 1);
            (start, ((at + 1) * all).div_ceil(of).clamp(start + 1, all))
        };
        let is_smaller = width < self.width && height < self.height;
        for y in 0..height {
            let (top, bottom) = range(y, height, self.height);
            for x in 0..width {
                if !is_smaller {
                    let from_x = (x as f32 + 0.5) * self.width as f32 / width as f32;
                    let from_y = (y as f32 + 0.5) * self.height as f32 / height as f32;
                    let color = self.between(from_x, from_y);
                    bytes.extend(color[..channels].iter().map(|part| part.round() as u8));
                    continue;
                }
                let (left, right) = range(x, width, self.width);
                for channel in 0..channels {
                    let mut sum = 0;
                    for row in top..bottom {
                        let line = row * self.width;
                        for column in left..right {
                            sum += usize::from(self.bytes[(line + column) * channels + channel]);
                        }
                    }
                    bytes.push((sum / ((bottom - top) * (right - left))) as u8);
                }
            }
        }
        Self { width, height, channels, bytes }
    }

    /// Returns the image after clockwise quarter turns. If `is_mirrored`, it is mirrored before
    /// that.
    pub fn turned(&self, quarters: u8, is_mirrored: bool) -> Self {
        let (width, height) = match quarters % 2 {
            0 => (self.width, self.height),
            _ => (self.height, self.width),
        };
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for y in 0..height {
            for x in 0..width {
                let (mut from_x, from_y) = match quarters % 4 {
                    0 => (x, y),
                    1 => (y, self.height - 1 - x),
                    2 => (self.width - 1 - x, self.height - 1 - y),
                    _ => (self.width - 1 - y, x),
                };
                if is_mirrored {
                    from_x = self.width - 1 - from_x;
                }
                let at = (from_y * self.width + from_x) * self.channels;
                bytes.extend_from_slice(&self.bytes[at..at + self.channels]);
            }
        }
        Self { width, height, channels: self.channels, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_turned_and_mirrored() {
        let picture = Picture::gray(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let turned = |quarters, is_mirrored| picture.turned(quarters, is_mirrored).bytes;
        assert_eq!(turned(1, false), [4, 1, 5, 2, 6, 3]);
        assert_eq!(turned(2, false), [6, 5, 4, 3, 2, 1]);
        assert_eq!(turned(3, false), [3, 6, 2, 5, 1, 4]);
        assert_eq!(turned(0, true), [3, 2, 1, 6, 5, 4]);
    }

    #[test]
    fn a_smaller_picture_has_the_means_of_its_pixels() {
        let picture = Picture::color(2, 2, [[0; 3], [10; 3], [20; 3], [30; 3]].concat()).unwrap();
        assert_eq!(picture.scaled(1, 1).bytes, [15; 3]);
        assert_eq!(picture.scaled(2, 2).bytes, picture.bytes);
        assert_eq!(picture.between(1.0, 1.0), [15.0; 3]);
        assert_eq!(picture.between(-9.0, 99.0), [20.0; 3]);
    }

    #[test]
    fn bytes_of_the_wrong_length_are_refused() {
        assert!(Picture::gray(0, 2, Vec::new()).is_none());
        assert!(Picture::color(1, 1, vec![0; 2]).is_none());
        assert!(Picture::color(usize::MAX, 2, vec![0; 6]).is_none());
    }
}
