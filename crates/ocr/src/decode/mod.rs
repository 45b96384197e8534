//! Decodes image files: PNG, JPEG, WebP, GIF, BMP, HEIC, and each page of a TIFF file.
mod orientation;
mod tiff_pages;

use std::io::Cursor;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

use crate::picture::Picture;
use tiff_pages::TiffPages;

/// Largest image that is decoded, in pixels.
pub const MAX_POINTS: usize = 80_000_000;

/// Why an image cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("it is not an image of a known format")]
    Unknown,
    #[error("it has {width} × {height} pixels, more than the limit of {MAX_POINTS}")]
    TooLarge { width: u64, height: u64 },
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// The images of a file, decoded one at a time.
pub enum Pages<'a> {
    One(Option<Picture>),
    Tiff(Box<TiffPages<'a>>),
}

impl Iterator for Pages<'_> {
    type Item = Result<Picture, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::One(picture) => picture.take().map(Ok),
            Self::Tiff(pages) => pages.next(),
        }
    }
}

/// Returns the images in a file; of an animation only the first.
pub fn pages(bytes: &[u8]) -> Result<Pages<'_>, DecodeError> {
    let one = |picture: Picture| Pages::One(Some(picture));
    match bytes {
        [0xff, 0xd8, 0xff, ..] => jpeg(bytes).map(one),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => heic(bytes).map(one),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => {
            Ok(Pages::Tiff(Box::new(TiffPages::open(bytes)?)))
        }
        _ => samples(bytes)?.flattened().map(one),
    }
}

/// Rows of pixels as they are stored, of one to four samples each; the second or fourth is opacity.
pub(crate) struct Samples {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub bytes: Vec<u8>,
}

impl Samples {
    /// Decodes a file; of an animation or several pages, the first.
    pub fn of(bytes: &[u8]) -> Result<Self, DecodeError> {
        match samples(bytes) {
            Err(DecodeError::Unknown) => {
                let first = pages(bytes)?.next().ok_or(DecodeError::Unknown)??;
                let (width, height, channels, bytes) = first.into_parts();
                Ok(Self { width, height, channels, bytes })
            }
            decoded => decoded,
        }
    }

    fn flattened(self) -> Result<Picture, DecodeError> {
        let Self { width, height, channels, bytes } = self;
        picture(width, height, channels, bytes)
    }
}

/// Decodes the formats whose samples need no conversion.
fn samples(bytes: &[u8]) -> Result<Samples, DecodeError> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        [b'G', b'I', b'F', b'8', ..] => gif(bytes),
        [b'B', b'M', ..] => bmp(bytes),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp(bytes),
        _ => Err(DecodeError::Unknown),
    }
}

fn damaged(error: impl std::fmt::Display) -> DecodeError {
    DecodeError::Damaged(error.to_string())
}

/// Refuses sizes beyond [`MAX_POINTS`] before memory is allocated.
fn check(width: impl TryInto<u64>, height: impl TryInto<u64>) -> Result<(), DecodeError> {
    let (width, height) =
        (width.try_into().unwrap_or(u64::MAX), height.try_into().unwrap_or(u64::MAX));
    match width.checked_mul(height) {
        Some(points) if points <= MAX_POINTS as u64 => Ok(()),
        _ => Err(DecodeError::TooLarge { width, height }),
    }
}

/// Creates an image from 8-bit samples. Transparent pixels become white.
fn picture(
    width: usize,
    height: usize,
    channels: usize,
    bytes: Vec<u8>,
) -> Result<Picture, DecodeError> {
    let on_white = |part: u8, alpha: u8| {
        let (part, alpha) = (u32::from(part), u32::from(alpha));
        ((part * alpha + 255 * (255 - alpha)) / 255) as u8
    };
    let picture_of = match channels {
        1 => Picture::gray(width, height, bytes),
        2 => {
            let points = bytes.chunks_exact(2).map(|point| on_white(point[0], point[1]));
            Picture::gray(width, height, points.collect())
        }
        3 => Picture::color(width, height, bytes),
        4 => {
            let mut points = Vec::with_capacity(bytes.len() / 4 * 3);
            for point in bytes.chunks_exact(4) {
                points.extend(point[..3].iter().map(|part| on_white(*part, point[3])));
            }
            Picture::color(width, height, points)
        }
        _ => None,
    };
    picture_of.ok_or_else(|| damaged("there are not as many samples as points"))
}

fn png(bytes: &[u8]) -> Result<Samples, DecodeError> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder.ignore_checksums(true);
    let header = decoder.read_header_info().map_err(damaged)?;
    check(header.width, header.height)?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let size = reader.output_buffer_size().ok_or_else(|| damaged("it has no size"))?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(damaged)?;
    samples.truncate(frame.buffer_size());
    let (width, height) = (frame.width as usize, frame.height as usize);
    Ok(Samples { width, height, channels: frame.color_type.samples(), bytes: samples })
}

fn jpeg(bytes: &[u8]) -> Result<Picture, DecodeError> {
    let options = DecoderOptions::default().set_max_width(1 << 16).set_max_height(1 << 16);
    let options = options.jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let info = decoder.info().ok_or_else(|| damaged("it has no size"))?;
    check(info.width, info.height)?;
    let samples = decoder.decode().map_err(damaged)?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let (quarters, is_mirrored) =
        decoder.exif().and_then(|exif| orientation::of(exif)).unwrap_or((0, false));
    let upright = picture(width, height, 3, samples)?;
    Ok(match (quarters, is_mirrored) {
        (0, false) => upright,
        _ => upright.turned(quarters, is_mirrored),
    })
}

fn webp(bytes: &[u8]) -> Result<Samples, DecodeError> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check(width, height)?;
    decoder.set_memory_limit(MAX_POINTS * 4);
    let size = decoder.output_buffer_size().ok_or_else(|| damaged("it has no size"))?;
    let mut samples = vec![0; size];
    decoder.read_image(&mut samples).map_err(damaged)?;
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    Ok(Samples { width: width as usize, height: height as usize, channels, bytes: samples })
}

fn gif(bytes: &[u8]) -> Result<Samples, DecodeError> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(damaged)?;
    let frame = decoder.next_frame_info().map_err(damaged)?;
    let frame = frame.ok_or_else(|| damaged("it contains no picture"))?;
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    check(width, height)?;
    let mut samples = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut samples).map_err(damaged)?;
    Ok(Samples { width, height, channels: 4, bytes: samples })
}

/// Decodes the main image of a file and applies its orientation.
fn heic(bytes: &[u8]) -> Result<Picture, DecodeError> {
    let found = heic_rs::probe(bytes).map_err(damaged)?;
    check(found.width, found.height)?;
    let options = heic_rs::DecodeOptions::default()
        .with_max_pixels(Some(MAX_POINTS as u64))
        .with_alpha(false)
        .with_threads(Some(1));
    let heic_rs::Image { data, width, height, .. } =
        heic_rs::decode(bytes, &options).map_err(damaged)?;
    picture(width as usize, height as usize, 3, data)
}

fn bmp(bytes: &[u8]) -> Result<Samples, DecodeError> {
    let options = DecoderOptions::default().set_max_width(1 << 20).set_max_height(1 << 20);
    let mut decoder = zune_bmp::BmpDecoder::new_with_options(ZCursor::new(bytes), options);
    let invalid = |error: zune_bmp::BmpDecoderErrors| damaged(format!("{error:?}"));
    decoder.decode_headers().map_err(invalid)?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged("it has no size"))?;
    check(width, height)?;
    let samples = decoder.decode().map_err(invalid)?;
    let channels = samples.len() / (width * height).max(1);
    Ok(Samples { width, height, channels, bytes: samples })
}
