//! Scanned pages: assembles the pictures that a page draws.
use std::borrow::Cow;

use carrel_ocr::{Canvas, Picture};
use hayro_font::kurbo::Affine;
use hayro_syntax::object::stream::{ImageColorSpace, ImageDecodeParams};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};

use crate::extract::pictures::UnreadPicture;

/// Maximum number of pictures of a page.
pub const LIMIT: usize = 400;
/// Least share of a page covered by pictures for it to count as scanned.
const COVERED: f64 = 0.25;
/// Maximum resolution, in pixels per inch.
const FINEST: f64 = 300.0;
const COARSEST: f64 = 100.0;
/// Maximum length of the longer side, in pixels.
const LONGEST: f64 = 5_000.0;
const PER_INCH: f64 = 72.0;

/// A picture in a stream, or one that is inline among drawing instructions.
pub enum ScanImage<'a> {
    Stream(Stream<'a>),
    Picture(Picture),
}

/// A picture drawn on a page. The matrix maps a unit square to the upright page.
pub struct Drawn<'a> {
    pub image: ScanImage<'a>,
    pub matrix: Affine,
}

impl Drawn<'_> {
    /// Returns the area on the page, in square points.
    fn area(&self) -> f64 {
        self.matrix.determinant().abs()
    }

    /// Returns the size in pixels.
    fn size(&self) -> (u32, u32) {
        match &self.image {
            ScanImage::Stream(image) => size(image),
            ScanImage::Picture(picture) => (picture.width() as u32, picture.height() as u32),
        }
    }
}

fn size(image: &Stream<'_>) -> (u32, u32) {
    let dict = image.dict();
    let number =
        |long, short| dict.get::<u32>(long).or_else(|| dict.get::<u32>(short)).unwrap_or(0);
    (number("Width", "W"), number("Height", "H"))
}

/// Whether pictures cover enough of a page for it to count as scanned.
pub fn is_scanned(drawn: &[Drawn<'_>], (width, height): (f32, f32)) -> bool {
    let page = f64::from(width) * f64::from(height);
    drawn.iter().map(Drawn::area).sum::<f64>() > COVERED * page
}

/// Assembles the page from its pictures. Returns it with the length of a pixel in points of the
/// page.
pub fn picture(
    drawn: &[Drawn<'_>],
    (width, height): (f32, f32),
) -> Result<(Picture, f64), UnreadPicture> {
    let (width, height) = (f64::from(width), f64::from(height));
    // Use the resolution of the finest picture.
    let resolutions = drawn.iter().map(|drawn| {
        let (columns, rows) = drawn.size();
        (f64::from(columns) * f64::from(rows) / drawn.area().max(1.0)).sqrt() * PER_INCH
    });
    let fine = resolutions.fold(COARSEST, f64::max).min(FINEST);
    let scale = (fine / PER_INCH).min(LONGEST / width.max(height).max(1.0));
    let mut canvas = Canvas::new((width * scale).ceil() as usize, (height * scale).ceil() as usize);
    // Pixel rows are counted from the top.
    let down = Affine::new([scale, 0.0, 0.0, -scale, 0.0, height * scale]);
    let mut failure = None;
    let mut count = 0;
    for one in drawn {
        let decoded = match &one.image {
            ScanImage::Stream(image) => decode(image).map(Cow::Owned),
            ScanImage::Picture(picture) => Ok(Cow::Borrowed(picture)),
        };
        match decoded {
            Ok(picture) => {
                canvas.draw(&picture, (down * one.matrix).as_coeffs());
                count += 1;
            }
            Err(why) => failure = Some(why),
        }
    }
    match failure {
        Some(why) if count == 0 => Err(why),
        _ => {
            let empty = || UnreadPicture::Unreadable("the page has no size".to_owned());
            Ok((canvas.into_picture().ok_or_else(empty)?, 1.0 / scale))
        }
    }
}

/// Decodes the picture in a stream with any filter and colors.
pub fn decode(image: &Stream<'_>) -> Result<Picture, UnreadPicture> {
    let damaged = || UnreadPicture::Unreadable("its picture is damaged".to_owned());
    let (width, height) = size(image);
    let points = u64::from(width) * u64::from(height);
    if points > carrel_ocr::MAX_POINTS as u64 {
        let most = carrel_ocr::MAX_POINTS;
        let why = format!(
            "its picture has {width} × {height} pixels, more than the limit of \
             {most}"
        );
        return Err(UnreadPicture::Unreadable(why));
    }
    let dict = image.dict();
    let colors = Colors::of(dict);
    let flag = |long, short| dict.get::<bool>(long).or_else(|| dict.get::<bool>(short));
    let is_mask = flag("ImageMask", "IM").unwrap_or(false);
    let bits = dict.get::<u8>("BitsPerComponent").or_else(|| dict.get::<u8>("BPC"));
    let params = ImageDecodeParams {
        is_indexed: matches!(colors, Some(Colors::Indexed { .. })),
        bpc: if is_mask { Some(1) } else { bits },
        num_components: colors.as_ref().map(Colors::components),
        target_dimension: None,
        width,
        height,
    };
    let decoded = image.decoded_image(&params).map_err(|_| damaged())?;
    let decoded_data = decoded.image_data.as_ref();
    let (width, height) = decoded_data.map_or((width, height), |data| (data.width, data.height));
    if u64::from(width) * u64::from(height) > carrel_ocr::MAX_POINTS as u64 {
        return Err(damaged());
    }
    let colors =
        colors.or_else(|| decoded_data.and_then(|data| Colors::of_color_space(data.color_space?)));
    let colors = colors.unwrap_or(Colors::Gray);
    let bits = decoded_data.map_or(params.bpc.unwrap_or(8), |data| data.bits_per_component);
    let (width, height) = (width as usize, height as usize);
    let samples = unpacked(&decoded.data, width * usize::from(colors.components()), height, bits);
    let is_inverted = dict
        .get::<Array<'_>>("Decode")
        .or_else(|| dict.get::<Array<'_>>("D"))
        .and_then(|decode| decode.iter::<f32>().next())
        .is_some_and(|first| first > 0.0);
    let picture = match colors {
        Colors::Gray => Picture::gray(width, height, flipped(samples, is_inverted, bits)),
        Colors::Ink(1) => Picture::gray(width, height, flipped(samples, !is_inverted, bits)),
        Colors::Rgb => Picture::color(width, height, flipped(samples, is_inverted, bits)),
        Colors::Ink(inks) => {
            let ink = flipped(samples, is_inverted, bits);
            Picture::color(width, height, mixed(&ink, usize::from(inks)))
        }
        Colors::Indexed { table, components } => {
            let part = |index: u8, channel: usize| {
                let channel = if components == 1 { 0 } else { channel };
                let at = usize::from(index) * usize::from(components) + channel;
                let value = table.get(at).copied().unwrap_or(0);
                if components == 4 { 255 - value } else { value }
            };
            let points = samples.iter().flat_map(|index| [0, 1, 2].map(|at| part(*index, at)));
            Picture::color(width, height, points.collect())
        }
    };
    picture.ok_or_else(damaged)
}

/// The meaning of a picture's samples.
#[derive(Clone)]
enum Colors {
    Gray,
    Rgb,
    /// A number of inks; higher values are darker.
    Ink(u8),
    Indexed {
        table: Vec<u8>,
        components: u8,
    },
}

impl Colors {
    fn of(dict: &Dict<'_>) -> Option<Self> {
        let space =
            dict.get::<Object<'_>>("ColorSpace").or_else(|| dict.get::<Object<'_>>("CS"))?;
        Self::read(space, 0)
    }

    fn read(space: Object<'_>, depth: usize) -> Option<Self> {
        match space {
            Object::Name(name) => Self::named(name.as_str()),
            Object::Array(array) => {
                let mut parts = array.iter::<Object<'_>>();
                let kind = parts.next()?.into_name()?;
                match kind.as_str() {
                    "ICCBased" => match parts.next()?.into_stream()?.dict().get::<u8>("N")? {
                        1 => Some(Self::Gray),
                        3 => Some(Self::Rgb),
                        inks => Some(Self::Ink(inks)),
                    },
                    "Indexed" | "I" if depth == 0 => {
                        let base = Self::read(parts.next()?, 1)?;
                        let table = match parts.nth(1)? {
                            Object::String(table) => table.as_bytes().to_vec(),
                            Object::Stream(table) => table.decoded().ok()?.into_owned(),
                            _ => return None,
                        };
                        Some(Self::Indexed { table, components: base.components() })
                    }
                    "Separation" => Some(Self::Ink(1)),
                    "DeviceN" => {
                        let inks = parts.next()?.into_array()?.iter::<Name<'_>>().count();
                        Some(Self::Ink(u8::try_from(inks).ok()?))
                    }
                    name => Self::named(name),
                }
            }
            _ => None,
        }
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "DeviceGray" | "CalGray" | "G" => Some(Self::Gray),
            "DeviceRGB" | "CalRGB" | "RGB" | "Lab" => Some(Self::Rgb),
            "DeviceCMYK" | "CMYK" => Some(Self::Ink(4)),
            _ => None,
        }
    }

    fn of_color_space(space: ImageColorSpace) -> Option<Self> {
        match space {
            ImageColorSpace::Gray => Some(Self::Gray),
            ImageColorSpace::Rgb => Some(Self::Rgb),
            ImageColorSpace::Cmyk => Some(Self::Ink(4)),
            ImageColorSpace::Unknown(_) => None,
        }
    }

    fn components(&self) -> u8 {
        match self {
            Self::Gray | Self::Indexed { .. } => 1,
            Self::Rgb => 3,
            Self::Ink(inks) => *inks,
        }
    }
}

/// Unpacks samples to one byte each. Each row starts at a byte boundary.
fn unpacked(bytes: &[u8], columns: usize, rows: usize, bits: u8) -> Vec<u8> {
    let bits = usize::from(bits);
    let mut samples = Vec::with_capacity(columns * rows);
    let stride = (columns * bits).div_ceil(8).max(1);
    for row in bytes.chunks(stride).take(rows) {
        samples.extend((0..columns).map(|column| {
            let byte = |at: usize| row.get(at).copied().unwrap_or(0);
            match bits {
                8 => byte(column),
                16 => byte(2 * column),
                1 | 2 | 4 => {
                    let shift = 8 - bits - column * bits % 8;
                    (byte(column * bits / 8) >> shift) & ((1u16 << bits) - 1) as u8
                }
                _ => 0,
            }
        }));
    }
    // Missing samples at the end of a damaged picture become white.
    samples.resize(columns * rows, if bits < 8 { ((1u16 << bits) - 1) as u8 } else { 255 });
    samples
}

/// Scales samples to 0 to 255, from dark to light.
fn flipped(mut samples: Vec<u8>, is_inverted: bool, bits: u8) -> Vec<u8> {
    let most = if bits < 8 { (1u16 << bits) - 1 } else { 255 };
    for sample in &mut samples {
        let value = (u16::from(*sample) * 255 / most.max(1)).min(255) as u8;
        *sample = if is_inverted { 255 - value } else { value };
    }
    samples
}

/// Converts several inks to RGB: the first three darken red, green and blue, the fourth darkens
/// all.
fn mixed(ink: &[u8], inks: usize) -> Vec<u8> {
    let mut light = Vec::with_capacity(ink.len() / inks.max(1) * 3);
    for point in ink.chunks_exact(inks.max(1)) {
        let black = u16::from(255 - point.get(3).copied().unwrap_or(0));
        for channel in 0..3 {
            let own = u16::from(255 - point.get(channel).copied().unwrap_or(0));
            light.push((own * black / 255) as u8);
        }
    }
    light
}
