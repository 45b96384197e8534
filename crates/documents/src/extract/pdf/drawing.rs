//! Renders a page as a picture, as it would be printed.
use hayro::hayro_interpret::InterpreterSettings;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};

use super::super::Input;
use super::super::extract_error::ExtractError;
use carrel_domain::original::PageImage;

/// The width of a picture in pixels, unless that makes it too large.
const WIDTH: f32 = 1_200.0;
/// Maximum number of pixels of a picture.
const MAX_POINTS: f32 = 4_000_000.0;
const LONGEST_SIDE: f32 = 8_000.0;

/// Draws a page, counted from 1. Returns an empty picture if the page does not exist.
pub fn draw(input: &Input<'_>, number: u32) -> Result<PageImage, ExtractError> {
    let pdf = super::open(input)?;
    let pages = u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX);
    let at = usize::try_from(number).unwrap_or(usize::MAX).checked_sub(1);
    let Some(page) = at.and_then(|at| pdf.pages().get(at)) else {
        return Ok(PageImage { pages, png: Vec::new() });
    };
    let scale = scale(page.render_dimensions())
        .ok_or_else(|| ExtractError::unreadable("has a page without a size."))?;
    let size = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let (cache, settings) = (RenderCache::new(), RenderSettings::default());
    let pixels = render(page, &cache, &InterpreterSettings::default(), &settings, &size);
    let png = pixels.into_png();
    let png =
        png.map_err(|error| ExtractError::Internal(format!("failed to write a picture: {error}")))?;
    Ok(PageImage { pages, png })
}

/// Returns the scale for a page of this size; `None` if the page cannot be drawn.
fn scale((width, height): (f32, f32)) -> Option<f32> {
    let is_size = |side: f32| side.is_finite() && side > 0.0;
    if !is_size(width) || !is_size(height) {
        return None;
    }
    let scale = (WIDTH / width)
        .min((MAX_POINTS / (width * height)).sqrt())
        .min(LONGEST_SIDE / width.max(height));
    (width * scale >= 1.0 && height * scale >= 1.0).then_some(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_bounded_whatever_the_size_of_a_page() {
        assert_eq!(scale((600.0, 800.0)), Some(2.0));
        for size in [(600.0, 60_000.0), (14_400.0, 14_400.0), (1.0, 3_000.0), (100_000.0, 500.0)] {
            let scale = scale(size).unwrap();
            let (width, height) = (size.0 * scale, size.1 * scale);
            assert!(width * height <= MAX_POINTS * 1.01, "{size:?}");
            assert!(width.max(height) <= LONGEST_SIDE * 1.01, "{size:?}");
        }
        for size in [(0.0, 9.0), (f32::NAN, 9.0), (9.0, f32::INFINITY), (-1.0, 9.0)] {
            assert_eq!(scale(size), None);
        }
        assert_eq!(scale((1.0, 1_000_000.0)), None);
    }
}
