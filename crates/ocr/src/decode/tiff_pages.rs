//! The pages of a TIFF file, in the formats of scanners and fax machines.
use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::{DecodeError, MAX_POINTS, check, damaged, orientation, picture};
use crate::picture::Picture;

/// The remaining pages.
pub struct TiffPages<'a> {
    decoder: Decoder<Cursor<&'a [u8]>>,
    has_more: bool,
}

impl<'a> TiffPages<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = MAX_POINTS * 4;
        limits.intermediate_buffer_size = MAX_POINTS * 4;
        let decoder = Decoder::new(Cursor::new(bytes)).map_err(damaged)?;
        Ok(Self { decoder: decoder.with_limits(limits), has_more: true })
    }

    fn page(&mut self) -> Result<Picture, DecodeError> {
        let (width, height) = self.decoder.dimensions().map_err(damaged)?;
        check(width, height)?;
        let color = self.decoder.colortype().map_err(damaged)?;
        let value = self.decoder.find_tag_unsigned::<u16>(Tag::Orientation).ok().flatten();
        let samples = match self.decoder.read_image().map_err(damaged)? {
            DecodingResult::U8(samples) => samples,
            DecodingResult::U16(samples) => {
                samples.into_iter().map(|sample| (sample >> 8) as u8).collect()
            }
            _ => return Err(damaged("its samples are of an unusual kind")),
        };
        let (width, height) = (width as usize, height as usize);
        let colors = self.decoder.find_tag_unsigned_vec::<u16>(Tag::ColorMap).ok().flatten();
        let page = points(width, height, color, samples, colors.as_deref().unwrap_or_default())?;
        let (quarters, is_mirrored) = value.and_then(orientation::of_value).unwrap_or((0, false));
        Ok(if quarters == 0 && !is_mirrored { page } else { page.turned(quarters, is_mirrored) })
    }
}

impl Iterator for TiffPages<'_> {
    type Item = Result<Picture, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !std::mem::replace(&mut self.has_more, false) {
            return None;
        }
        let page = self.page();
        self.has_more = self.decoder.more_images() && self.decoder.next_image().is_ok();
        Some(page)
    }
}

fn points(
    width: usize,
    height: usize,
    color: ColorType,
    samples: Vec<u8>,
    colors: &[u16],
) -> Result<Picture, DecodeError> {
    let indexed = |samples: Vec<u8>| {
        let count = colors.len() / 3;
        let mut points = Vec::with_capacity(samples.len() * 3);
        for index in samples {
            for channel in 0..3 {
                let part = colors.get(channel * count + usize::from(index)).copied();
                points.push((part.unwrap_or(0) >> 8) as u8);
            }
        }
        picture(width, height, 3, points)
    };
    match color {
        ColorType::Gray(bits @ (1 | 2 | 4)) => {
            let most = (1u16 << bits) - 1;
            let gray = |value: u8| (u16::from(value) * 255 / most) as u8;
            let points = unpacked(&samples, width, height, bits).into_iter().map(gray).collect();
            picture(width, height, 1, points)
        }
        ColorType::Palette(bits @ (1 | 2 | 4)) => indexed(unpacked(&samples, width, height, bits)),
        ColorType::Palette(_) => indexed(samples),
        ColorType::Gray(_) => picture(width, height, 1, samples),
        ColorType::GrayA(_) => picture(width, height, 2, samples),
        ColorType::RGB(_) => picture(width, height, 3, samples),
        ColorType::RGBA(_) => picture(width, height, 4, samples),
        ColorType::YCbCr(_) => picture(width, height, 3, samples),
        ColorType::CMYK(_) => {
            let mixed = samples.chunks_exact(4).flat_map(|ink| {
                let part =
                    |color: u8| (u16::from(255 - color) * u16::from(255 - ink[3]) / 255) as u8;
                [part(ink[0]), part(ink[1]), part(ink[2])]
            });
            picture(width, height, 3, mixed.collect())
        }
        _ => Err(damaged("its colors are of an unusual kind")),
    }
}

/// Unpacks samples of fewer than 8 bits. Each row starts at a byte boundary.
fn unpacked(samples: &[u8], width: usize, height: usize, bits: u8) -> Vec<u8> {
    let (in_byte, bits) = (8 / usize::from(bits), usize::from(bits));
    let mut points = Vec::with_capacity(width * height);
    for row in samples.chunks(width.div_ceil(in_byte).max(1)).take(height) {
        points.extend((0..width).map(|x| {
            let byte = row.get(x / in_byte).copied().unwrap_or(0);
            (byte >> (8 - bits * (x % in_byte + 1))) & ((1u16 << bits) - 1) as u8
        }));
    }
    points
}
