//! Removes duplicates of text that is printed twice to look bold.
use std::collections::HashMap;

use super::glyph::Glyph;

/// Number of recent glyphs near a position that are compared.
const NEAR: usize = 64;

/// Keeps one of two glyphs drawn at the same position.
pub fn drop(glyphs: &mut Vec<Glyph>) {
    let mut cells = HashMap::<_, Vec<(f64, f64, f64)>>::new();
    glyphs.retain(|glyph| {
        if glyph.char == ' ' || glyph.more.is_some() {
            return true;
        }
        let (x, y, size) = (glyph.origin.x, glyph.origin.y, glyph.size);
        let tolerance = 0.13 * size.min(glyph.advance.max(size * 0.3));
        let cell = |value: f64| (value / 4.0).floor() as i64;
        let (low_x, high_x) = (cell(x - tolerance), cell(x + tolerance));
        let (low_y, high_y) = (cell(y - tolerance), cell(y + tolerance));
        let is_same = |(a, b, other): &(f64, f64, f64)| {
            (a - x).abs() < tolerance
                && (b - y).abs() < tolerance
                && (other / size - 1.0).abs() < 0.1
        };
        // Large letters would span many cells, and are seldom printed twice.
        if high_x - low_x < 8 && high_y - low_y < 8 {
            for (i, j) in (low_x..=high_x).flat_map(|i| (low_y..=high_y).map(move |j| (i, j))) {
                let there = cells.get(&(glyph.char, i, j));
                if there.is_some_and(|there| there.iter().rev().take(NEAR).any(is_same)) {
                    return false;
                }
            }
        }
        cells.entry((glyph.char, cell(x), cell(y))).or_default().push((x, y, size));
        true
    });
}
