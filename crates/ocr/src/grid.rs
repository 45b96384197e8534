//! Tables with ruled lines: divides lines of text at them, and joins the lines of each cell.
use std::collections::BTreeMap;

use crate::engine::TextLine;
use crate::upright_page::{Rule, UprightPage};

/// Shortest vertical and horizontal ruled lines, in heights of a line of text. Letters are lower,
/// and words are rarely as long.
const SHORTEST: (f32, f32) = (1.5, 3.0);
/// Most lines of text of a cell; more are text in a frame.
const MAX_LINES: usize = 12;

/// The numbers of the ruled lines above and below, and on the left and right.
type Cell = (Sides, Sides);
type Sides = (usize, usize);

/// Whether lines of text are side by side, as in a table.
pub fn may_be_table(lines: &[TextLine]) -> bool {
    let is_beside = |pair: &[TextLine]| {
        let middle = |line: &TextLine| (line.top + line.bottom) / 2.0;
        let height = (pair[0].bottom - pair[0].top).min(pair[1].bottom - pair[1].top);
        (middle(&pair[0]) - middle(&pair[1])).abs() < height / 2.0
    };
    lines.windows(2).filter(|pair| is_beside(pair)).count() > 1
}

/// The ruled lines of a page.
#[derive(Default)]
pub struct Grid {
    vertical: Vec<Rule>,
    horizontal: Vec<Rule>,
}

impl Grid {
    /// Finds the ruled lines on a page with lines of text, which may still be without their text.
    pub fn find(page: &UprightPage, lines: &[TextLine]) -> Self {
        let mut heights: Vec<f32> = lines.iter().map(|line| line.bottom - line.top).collect();
        heights.sort_by(f32::total_cmp);
        let height = heights.get(heights.len() / 2).copied().unwrap_or_default();
        Self {
            vertical: page.rules(true, SHORTEST.0 * height),
            horizontal: page.rules(false, SHORTEST.1 * height),
        }
    }

    /// Returns the ranges from left to right into which vertical ruled lines divide a line of text.
    pub fn parts(&self, line: &TextLine) -> Vec<(f32, f32)> {
        let (middle, height) = ((line.top + line.bottom) / 2.0, line.bottom - line.top);
        let inner = line.left + height / 2.0..line.right - height / 2.0;
        let crossing = self.vertical.iter().filter(|rule| {
            !line.is_vertical && (rule.from..=rule.to).contains(&middle) && inner.contains(&rule.at)
        });
        let mut cuts: Vec<f32> = crossing.map(|rule| rule.at).collect();
        cuts.sort_by(f32::total_cmp);
        let starts = std::iter::once(line.left).chain(cuts.iter().copied());
        starts.zip(cuts.iter().copied().chain([line.right])).collect()
    }

    /// Joins the lines of each cell of ruled tables.
    pub fn join_cells(&self, lines: Vec<TextLine>) -> Vec<TextLine> {
        let cells: Vec<Option<Cell>> = lines.iter().map(|line| self.cell(line)).collect();
        let mut rows: BTreeMap<Sides, BTreeMap<Sides, Vec<usize>>> = BTreeMap::new();
        for (index, cell) in cells.iter().enumerate() {
            if let Some((row, column)) = cell {
                rows.entry(*row).or_default().entry(*column).or_default().push(index);
            }
        }
        rows.retain(|_, cells| {
            cells.len() > 1 && cells.values().all(|lines| lines.len() <= MAX_LINES)
        });
        let mut joined: Vec<TextLine> = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let cell =
                cells[index].and_then(|(row, column)| Some((row, rows.get(&row)?.get(&column)?)));
            match cell {
                None => joined.push(line.clone()),
                Some(((above, below), members)) if members[0] == index => {
                    let middle = (self.horizontal[above].at + self.horizontal[below].at) / 2.0;
                    joined.push(join(members.iter().map(|member| &lines[*member]), middle));
                }
                Some(_) => {}
            }
        }
        joined.sort_by(|one, other| (one.top + one.bottom).total_cmp(&(other.top + other.bottom)));
        joined
    }

    /// Returns the cell around the middle of a line, if there are ruled lines on all four sides.
    fn cell(&self, line: &TextLine) -> Option<Cell> {
        let (x, y) = ((line.left + line.right) / 2.0, (line.top + line.bottom) / 2.0);
        Some((nearest(&self.horizontal, y, x)?, nearest(&self.vertical, x, y)?))
    }
}

/// Returns the numbers of the nearest ruled lines before and after a position `at`, among those
/// that pass the position `along`.
fn nearest(rules: &[Rule], at: f32, along: f32) -> Option<Sides> {
    let passing = || {
        let rules = rules.iter().enumerate();
        rules.filter(move |(_, rule)| (rule.from..=rule.to).contains(&along))
    };
    let order = |one: &(usize, &Rule), other: &(usize, &Rule)| one.1.at.total_cmp(&other.1.at);
    let before = passing().filter(|(_, rule)| rule.at < at).max_by(order)?;
    let after = passing().filter(|(_, rule)| rule.at >= at).min_by(order)?;
    Some((before.0, after.0))
}

/// Returns the lines of a cell as one, at the middle of its row.
fn join<'a>(lines: impl Iterator<Item = &'a TextLine>, middle: f32) -> TextLine {
    let mut joined =
        TextLine { is_cell: true, left: f32::MAX, right: f32::MIN, ..TextLine::default() };
    for line in lines {
        let starts_small = line.text.chars().next().is_some_and(char::is_lowercase);
        let word = joined.text.strip_suffix('-').filter(|word| word.ends_with(char::is_alphabetic));
        match word.filter(|_| starts_small).map(str::len) {
            Some(length) => joined.text.truncate(length),
            None if joined.text.is_empty() => {}
            None => joined.text.push(' '),
        }
        joined.text.push_str(&line.text);
        (joined.left, joined.right) = (joined.left.min(line.left), joined.right.max(line.right));
        let half = (line.bottom - line.top) / 2.0;
        (joined.top, joined.bottom) = (middle - half, middle + half);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upright_page::testing::page;

    fn line(text: &str, left: f32, top: f32) -> TextLine {
        let (right, bottom) = (left + 80.0, top + 20.0);
        TextLine { text: text.to_owned(), left, right, top, bottom, ..TextLine::default() }
    }

    fn texts(lines: &[TextLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn the_lines_of_a_cell_are_joined_at_the_middle_of_its_row() {
        let lines = vec![
            line("Smoke detec-", 20.0, 20.0),
            line("6", 160.0, 20.0),
            line("tors, wired", 20.0, 45.0),
            line("and tested", 20.0, 70.0),
            line("Total", 20.0, 120.0),
            line("58.00", 160.0, 120.0),
        ];
        assert!(may_be_table(&lines));
        let page = page(&[10, 150, 280], &[10, 100, 180]);
        let joined = Grid::find(&page, &lines).join_cells(lines);
        assert_eq!(texts(&joined), ["Smoke detectors, wired and tested", "6", "Total", "58.00"]);
        assert!(joined[..2].iter().all(|cell| cell.is_cell && cell.top == 46.0));
    }

    #[test]
    fn text_in_a_frame_is_no_table() {
        let lines = vec![line("Dear Ms Lind,", 20.0, 20.0), line("the pump runs.", 20.0, 45.0)];
        assert!(!may_be_table(&lines));
        for framed in [page(&[10, 280], &[10, 180]), page(&[], &[])] {
            let grid = Grid::find(&framed, &lines);
            assert_eq!(grid.join_cells(lines.clone()), lines);
            assert!(grid.join_cells(Vec::new()).is_empty());
        }
    }

    #[test]
    fn lines_are_divided_where_a_ruled_line_crosses_them() {
        let wide = TextLine { right: 270.0, ..line("Fire extinguisher, 6 2", 20.0, 20.0) };
        let crossed = Grid::find(&page(&[10, 150, 280], &[10, 180]), std::slice::from_ref(&wide));
        let parts = crossed.parts(&wide);
        assert_eq!(parts.len(), 2);
        assert!(parts[0].0 == 20.0 && (parts[0].1 - 150.0).abs() < 3.0 && parts[1].1 == 270.0);
        assert_eq!(Grid::default().parts(&wide), [(20.0, 270.0)]);
        let upright = TextLine { is_vertical: true, ..wide };
        assert_eq!(crossed.parts(&upright).len(), 1);
    }
}
