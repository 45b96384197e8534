//! Makes small copies of images. They are decoded, scaled down and encoded as PNG, so that metadata
//! is not passed on.
use crate::decode::{DecodeError, Samples};

/// Converts an image file to a PNG of at most `side` pixels in width and height, with its
/// transparency. Uses the first image of an animation or of several pages. Never enlarges an image.
pub fn thumbnail(bytes: &[u8], side: usize) -> Result<Vec<u8>, DecodeError> {
    let (width, height, points) = rgba(Samples::of(bytes)?)?;
    let longest = width.max(height);
    if longest <= side {
        return written(width, height, &points);
    }
    let scaled = |length: usize| (length * side / longest).max(1);
    let (to_width, to_height) = (scaled(width), scaled(height));
    written(to_width, to_height, &shrunk(&points, (width, height), (to_width, to_height)))
}

/// Converts samples to rows of red, green, blue and alpha.
fn rgba(samples: Samples) -> Result<(usize, usize, Vec<u8>), DecodeError> {
    let Samples { width, height, channels, bytes } = samples;
    let expected = width.checked_mul(height).and_then(|points| points.checked_mul(channels));
    if expected != Some(bytes.len()) || bytes.is_empty() {
        return Err(DecodeError::Damaged("there are not as many samples as points".to_owned()));
    }
    let points = bytes.chunks_exact(channels);
    let points = points.flat_map(|point| match *point {
        [gray] => [gray, gray, gray, 255],
        [gray, alpha] => [gray, gray, gray, alpha],
        [red, green, blue] => [red, green, blue, 255],
        [red, green, blue, alpha, ..] => [red, green, blue, alpha],
        [] => [0; 4],
    });
    Ok((width, height, points.collect()))
}

/// Scales down. Each pixel is the mean of those it covers, weighted by opacity.
fn shrunk(
    points: &[u8],
    (width, height): (usize, usize),
    (to_width, to_height): (usize, usize),
) -> Vec<u8> {
    let range = |at: usize, of: usize, all: usize| {
        let start = (at * all / of).min(all - 1);
        (start, ((at + 1) * all).div_ceil(of).clamp(start + 1, all))
    };
    let mut out = Vec::with_capacity(to_width * to_height * 4);
    for y in 0..to_height {
        let (top, bottom) = range(y, to_height, height);
        for x in 0..to_width {
            let (left, right) = range(x, to_width, width);
            let (mut color, mut alpha) = ([0_u64; 3], 0_u64);
            for row in top..bottom {
                let line = &points[(row * width + left) * 4..(row * width + right) * 4];
                for point in line.chunks_exact(4) {
                    let share = u64::from(point[3]);
                    alpha += share;
                    for (sum, part) in color.iter_mut().zip(point) {
                        *sum += u64::from(*part) * share;
                    }
                }
            }
            let covered = ((bottom - top) * (right - left)) as u64;
            out.extend(color.map(|sum| (sum / alpha.max(1)) as u8));
            out.push((alpha / covered) as u8);
        }
    }
    out
}

fn written(width: usize, height: usize, points: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let failed = |error: &dyn std::fmt::Display| DecodeError::Damaged(error.to_string());
    let side = |length: usize| u32::try_from(length).map_err(|error| failed(&error));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side(width)?, side(height)?);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
    writer.write_image_data(points).map_err(|error| failed(&error))?;
    writer.finish().map_err(|error| failed(&error))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an image with half transparent red on the left and blue on the right.
    fn sample(width: usize, height: usize) -> Vec<u8> {
        let row = (0..width).flat_map(|x| match x < width / 2 {
            true => [255, 0, 0, 128],
            false => [0, 0, 255, 255],
        });
        let row: Vec<u8> = row.collect();
        written(width, height, &row.repeat(height)).unwrap()
    }

    fn read(file: &[u8]) -> (usize, usize, Vec<u8>) {
        rgba(Samples::of(file).unwrap()).unwrap()
    }

    #[test]
    fn an_image_is_scaled_down_and_keeps_its_shape_and_transparency() {
        let (width, height, points) = read(&thumbnail(&sample(800, 400), 256).unwrap());
        assert_eq!((width, height), (256, 128));
        assert_eq!(points[..4], [255, 0, 0, 128]);
        assert_eq!(points[points.len() - 4..], [0, 0, 255, 255]);
        let (width, height, _) = read(&thumbnail(&sample(20, 10), 256).unwrap());
        assert_eq!((width, height), (20, 10));
        let (width, height, _) = read(&thumbnail(&sample(4_000, 2), 256).unwrap());
        assert_eq!((width, height), (256, 1));
    }

    #[test]
    fn metadata_of_a_file_is_not_passed_on() {
        let mut file = sample(8, 8);
        file.extend(b"<script>alert(1)</script>");
        let copy = thumbnail(&file, 256).unwrap();
        assert!(!copy.windows(8).any(|part| part == b"<script>"));
    }

    #[test]
    fn files_that_are_not_images_are_refused() {
        let cut = &sample(64, 64)[..60];
        for file in [&b""[..], b"<svg/>", b"%PDF-1.7", cut, b"\x89PNG\r\n\x1a\n"] {
            assert!(thumbnail(file, 256).is_err());
        }
    }
}
