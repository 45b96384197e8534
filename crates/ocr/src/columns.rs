//! Columns of running text, which are read one after the other.
use crate::engine::TextLine;

/// Fewest lines of a column ...
const FEWEST: usize = 4;
/// ... and fewest characters per line on average. Shorter lines may be a table, which is read
/// across.
const SHORTEST: usize = 20;
/// Deepest nesting of columns.
const DEEPEST: usize = 4;
/// Largest share of lines that may cross a gap between columns.
const MAX_ACROSS: f32 = 0.3;

/// Returns lines in reading order, in groups that are each read from top to bottom.
pub fn columns(lines: Vec<TextLine>) -> Vec<Vec<TextLine>> {
    let mut groups = Vec::new();
    divide(lines, 0, &mut groups);
    groups
}

fn divide(lines: Vec<TextLine>, depth: usize, groups: &mut Vec<Vec<TextLine>>) {
    let gap = if depth < DEEPEST { gap(&lines) } else { None };
    let Some(gap) = gap else {
        if !lines.is_empty() {
            groups.push(lines);
        }
        return;
    };
    // Lines across the gap separate what is above them from what is below.
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for line in lines {
        if line.right <= gap {
            left.push(line);
        } else if line.left >= gap {
            right.push(line);
        } else {
            divide(std::mem::take(&mut left), depth + 1, groups);
            divide(std::mem::take(&mut right), depth + 1, groups);
            match groups.last_mut().filter(|last| last.iter().any(|other| crosses(other, gap))) {
                Some(last) => last.push(line),
                None => groups.push(vec![line]),
            }
        }
    }
    divide(left, depth + 1, groups);
    divide(right, depth + 1, groups);
}

fn crosses(line: &TextLine, gap: f32) -> bool {
    line.left < gap && line.right > gap
}

/// Returns a position between columns of running text.
fn gap(lines: &[TextLine]) -> Option<f32> {
    if lines.len() < 2 * FEWEST {
        return None;
    }
    let mut heights: Vec<f32> = lines.iter().map(|line| line.bottom - line.top).collect();
    heights.sort_by(f32::total_cmp);
    let height = heights[heights.len() / 2];
    // There may be a gap where a line ends. The best gap is crossed by the fewest lines.
    let least = 0.4 * height;
    let across = |at: f32| {
        lines.iter().filter(|line| line.left < at + least && line.right > at - least).count()
    };
    let ends = lines.iter().map(|line| line.right + 0.5 * height);
    let best = ends.map(|at| (across(at), at)).filter(|(_, at)| divides(lines, *at));
    let (count, at) =
        best.min_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)))?;
    (count as f32 <= MAX_ACROSS * lines.len() as f32).then_some(at)
}

/// True if there is running text on both sides, at the same height.
fn divides(lines: &[TextLine], at: f32) -> bool {
    let left: Vec<_> = lines.iter().filter(|line| line.right <= at).collect();
    let right: Vec<_> = lines.iter().filter(|line| line.left >= at).collect();
    let is_running = |side: &[&TextLine]| {
        let characters: usize = side.iter().map(|line| line.text.chars().count()).sum();
        side.len() >= FEWEST && characters >= SHORTEST * side.len()
    };
    let top = |side: &[&TextLine]| side.iter().map(|line| line.top).fold(f32::MAX, f32::min);
    let bottom = |side: &[&TextLine]| side.iter().map(|line| line.bottom).fold(f32::MIN, f32::max);
    is_running(&left)
        && is_running(&right)
        && top(&left) < bottom(&right)
        && top(&right) < bottom(&left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, left: f32, top: f32, width: f32) -> TextLine {
        TextLine {
            text: text.to_owned(),
            left,
            right: left + width,
            top,
            bottom: top + 10.0,
            ..TextLine::default()
        }
    }

    fn read(lines: Vec<TextLine>) -> Vec<String> {
        columns(lines).into_iter().flatten().map(|line| line.text).collect()
    }

    #[test]
    fn running_text_in_columns_is_read_column_by_column() {
        let mut lines = vec![line("A heading across both columns", 0.0, 0.0, 400.0)];
        for row in 0..5u8 {
            let top = 20.0 + 12.0 * f32::from(row);
            lines.push(line(&format!("left column, line number {row}"), 0.0, top, 190.0));
            lines.push(line(&format!("right column, line number {row}"), 210.0, top + 3.0, 190.0));
        }
        lines.push(line("A last line across both columns", 0.0, 100.0, 390.0));
        let read = read(lines);
        assert!(read[0].starts_with("A heading") && read[11].starts_with("A last line"));
        assert!(read[1..6].iter().all(|text| text.starts_with("left")), "{read:?}");
        assert!(read[6..11].iter().all(|text| text.starts_with("right")), "{read:?}");
    }

    #[test]
    fn a_table_is_read_across() {
        let mut lines = Vec::new();
        for row in 0..6u8 {
            lines.push(line("Pump seal", 0.0, 12.0 * f32::from(row), 60.0));
            lines.push(line("48.00", 200.0, 12.0 * f32::from(row), 30.0));
        }
        assert_eq!(columns(lines).len(), 1);
        assert!(columns(Vec::new()).is_empty());
    }
}
