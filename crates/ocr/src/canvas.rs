//! A page onto which images are drawn, each scaled, rotated and mirrored as the page requires.
use crate::picture::Picture;

/// A white page.
pub struct Canvas {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, bytes: vec![255; width * height * 3] }
    }

    /// Draws an image. The matrix `[a b c d e f]` maps a position in the image, from 0 to 1
    /// rightwards and from 0 to 1 upwards, to a position on the page in pixels from its upper left
    /// corner: `(a·u + c·v + e, b·u + d·v + f)`.
    pub fn draw(&mut self, picture: &Picture, matrix: [f64; 6]) {
        let [a, b, c, d, e, f] = matrix;
        let size = a * d - b * c;
        if !size.is_finite() || size.abs() < 1e-9 {
            return;
        }
        let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
        let corners = corners.map(|(u, v)| (a * u + c * v + e, b * u + d * v + f));
        let range = |values: [f64; 4], most: usize| {
            let low = values.into_iter().fold(f64::MAX, f64::min).floor();
            let high = values.into_iter().fold(f64::MIN, f64::max).ceil();
            (low.clamp(0.0, most as f64) as usize, high.clamp(0.0, most as f64) as usize)
        };
        let (left, right) = range(corners.map(|corner| corner.0), self.width);
        let (top, bottom) = range(corners.map(|corner| corner.1), self.height);
        let (width, height) = (picture.width() as f64, picture.height() as f64);
        // Pixels of the image per pixel of the page, in either direction.
        let points = (width * height / size.abs()).sqrt();
        let samples = (points.round() as usize).clamp(1, 4);
        for y in top..bottom {
            for x in left..right {
                let mut sum = [0.0; 3];
                let mut count = 0.0;
                for sample in 0..samples * samples {
                    let part = |at: usize, i: usize| at as f64 + (i as f64 + 0.5) / samples as f64;
                    let (x, y) = (part(x, sample % samples) - e, part(y, sample / samples) - f);
                    let (u, v) = ((d * x - c * y) / size, (a * y - b * x) / size);
                    if (0.0..=1.0).contains(&u) && (0.0..=1.0).contains(&v) {
                        let color =
                            picture.between((u * width) as f32, ((1.0 - v) * height) as f32);
                        sum.iter_mut().zip(color).for_each(|(sum, part)| *sum += part);
                        count += 1.0;
                    }
                }
                if count > 0.0 {
                    let at = (y * self.width + x) * 3;
                    for (byte, sum) in self.bytes[at..at + 3].iter_mut().zip(sum) {
                        *byte = (sum / count).round() as u8;
                    }
                }
            }
        }
    }

    pub fn into_picture(self) -> Option<Picture> {
        Picture::color(self.width, self.height, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_where_the_matrix_places_it() {
        let picture = Picture::gray(2, 2, vec![0, 50, 100, 150]).unwrap();
        let canvas_of = |matrix: [f64; 6]| {
            let mut canvas = Canvas::new(4, 4);
            canvas.draw(&picture, matrix);
            let page = canvas.into_picture().unwrap();
            [(1, 1), (2, 1), (1, 2), (2, 2), (0, 0)].map(|(x, y)| page.point(x, y)[0])
        };
        // Its lower edge is at y = 3, its upper one at y = 1.
        assert_eq!(canvas_of([2.0, 0.0, 0.0, -2.0, 1.0, 3.0]), [0, 50, 100, 150, 255]);
        // Upside down.
        assert_eq!(canvas_of([-2.0, 0.0, 0.0, 2.0, 3.0, 1.0]), [150, 100, 50, 0, 255]);
        assert_eq!(canvas_of([0.0; 6]), [255; 5]);
        assert_eq!(canvas_of([f64::NAN; 6]), [255; 5]);
    }
}
