//! Arranges lines of text found in a picture as lines of a page, with cells at their positions.
use carrel_ocr::{RecognizedText, TextLine, columns};

use crate::extract::pdf::{Cell, PageLine};
use hayro_font::kurbo::Vec2;

/// Height of the letters relative to their box.
const LETTERS: f64 = 0.7;
/// Margin of a box around its letters, in heights.
const MARGIN: f32 = 0.18;
/// Boxes closer than this, in heights, are one cell.
const ONE_CELL: f32 = 0.9;
/// The height of a box varies with its letters. Within this range of the usual height, a line has
/// the usual height.
const ALIKE: std::ops::Range<f32> = 0.7..1.4;

/// Returns the lines in reading order. `scale` maps pixels to points of the page, whose y axis
/// points upwards.
pub fn lines(reading: RecognizedText, scale: f64) -> Vec<PageLine> {
    let mut heights: Vec<f32> = reading.lines.iter().map(height).collect();
    heights.sort_by(f32::total_cmp);
    let usual = heights.get(heights.len() / 2).copied().unwrap_or(1.0);
    let mut lines = Vec::new();
    for group in columns(reading.lines) {
        let mut row: Vec<TextLine> = Vec::new();
        for found in group {
            if row.first().is_some_and(|first| !is_beside(first, &found)) {
                lines.extend(line(std::mem::take(&mut row), usual, scale));
            }
            row.push(found);
        }
        lines.extend(line(row, usual, scale));
    }
    lines
}

fn height(line: &TextLine) -> f32 {
    if line.is_vertical { line.right - line.left } else { line.bottom - line.top }
}

fn is_beside(one: &TextLine, other: &TextLine) -> bool {
    let middle = |line: &TextLine| (line.top + line.bottom) / 2.0;
    !one.is_vertical
        && !other.is_vertical
        && (middle(one) - middle(other)).abs() < height(one).min(height(other)) / 4.0
}

fn line(mut row: Vec<TextLine>, usual: f32, scale: f64) -> Option<PageLine> {
    row.sort_by(|one, other| one.left.total_cmp(&other.left));
    let tallest = row.iter().map(height).fold(0.0, f32::max);
    let first = row.first()?;
    let words = first.text.split(' ').next().unwrap_or_default().chars().count() as f64;
    let share = words / first.text.chars().count().max(1) as f64;
    let first_word = f64::from(first.right - first.left) * scale * share;
    let high = if ALIKE.contains(&(tallest / usual)) { usual } else { tallest };
    let middle =
        row.iter().map(|line| (line.top + line.bottom) / 2.0).sum::<f32>() / row.len() as f32;
    let mut cells: Vec<Cell> = Vec::new();
    for found in row {
        let margin = (MARGIN * height(&found)).min((found.right - found.left) / 4.0);
        let (start, end) = (found.left + margin, found.right - margin);
        let (start, end) = (f64::from(start) * scale, f64::from(end) * scale);
        let tolerance = if found.is_cell { 0.0 } else { f64::from(ONE_CELL * tallest) * scale };
        match cells.last_mut().filter(|last| start - last.end < tolerance) {
            Some(last) => {
                last.text.push(' ');
                last.text.push_str(&found.text);
                last.end = end.max(last.end);
            }
            None => cells.push(Cell { text: found.text, start, end }),
        }
    }
    Some(PageLine {
        start: cells.first()?.start,
        end: cells.last()?.end,
        cells,
        direction: Vec2::new(1.0, 0.0),
        base: -f64::from(middle + high / 4.0) * scale,
        size: f64::from(high) * LETTERS * scale,
        is_bold: false,
        is_vertical: false,
        is_right_to_left: false,
        first_word,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, left: f32, top: f32, right: f32, bottom: f32) -> TextLine {
        TextLine { text: text.to_owned(), left, right, top, bottom, ..TextLine::default() }
    }

    #[test]
    fn boxes_side_by_side_are_a_row_of_cells() {
        let reading = RecognizedText {
            lines: vec![
                found("Pump", 0.0, 0.0, 40.0, 20.0),
                found("seal", 45.0, 1.0, 80.0, 21.0),
                found("48.00", 200.0, 0.0, 240.0, 18.0),
                found("Total", 0.0, 25.0, 40.0, 45.0),
            ],
            ..RecognizedText::default()
        };
        let lines = lines(reading, 0.5);
        let cells: Vec<Vec<_>> = lines
            .iter()
            .map(|line| line.cells.iter().map(|cell| cell.text.as_str()).collect())
            .collect();
        assert_eq!(cells, [vec!["Pump seal", "48.00"], vec!["Total"]]);
        assert_eq!((lines[0].size, lines[1].size), (7.0, 7.0));
        assert!(lines[0].base > lines[1].base && lines[0].end < 120.0);
    }
}
