//! Separates running text in columns that a file draws line by line across the page.
use super::lines::PageLine;
use super::tables;

/// Minimum number of lines that indicate columns.
const FEWEST: usize = 4;
/// Maximum number of columns; more are a table.
const LIMIT: usize = 3;
/// Minimum number of characters per line of running text.
const SHORTEST: usize = 24;

/// Puts columns of running text one after the other.
pub fn unweave(lines: Vec<PageLine>) -> Vec<PageLine> {
    let mut out = Vec::with_capacity(lines.len());
    let mut rest = lines.as_slice();
    while !rest.is_empty() {
        let count = match woven(rest) {
            Some((columns, count)) => {
                for column in &columns {
                    out.extend(rest[..count].iter().filter_map(|line| part(line, *column)));
                }
                count
            }
            None => {
                out.push(rest[0].clone());
                1
            }
        };
        rest = &rest[count..];
    }
    out
}

/// Returns the columns at the start of `lines` and the number of lines that have them.
fn woven(lines: &[PageLine]) -> Option<(Vec<(f64, f64)>, usize)> {
    let count = lines.first()?.cells.len();
    if !(2..=LIMIT).contains(&count) {
        return None;
    }
    let rows = tables::rows(lines);
    let rows = lines[..rows].iter().take_while(|line| line.cells.len() == count).count();
    if rows < FEWEST {
        return None;
    }
    let columns = tables::columns(&lines[..rows])?;
    let is_full = |line: &PageLine, at: usize| {
        let (cell, (start, end)) = (&line.cells[at], columns[at]);
        cell.end - cell.start > 0.75 * (end - start) && cell.text.chars().count() >= SHORTEST
    };
    let is_running = (0..count)
        .all(|at| 5 * lines[..rows].iter().filter(|line| is_full(line, at)).count() > 3 * rows);
    is_running.then_some((columns, rows))
}

/// Returns the part of a line within a column.
fn part(line: &PageLine, (start, end): (f64, f64)) -> Option<PageLine> {
    let cell = line.cells.iter().find(|cell| cell.start >= start && cell.end <= end)?;
    let word = cell.text.split(' ').next().unwrap_or_default().chars().count() as f64;
    let length = cell.text.chars().count().max(1) as f64;
    Some(PageLine {
        start: cell.start,
        end: cell.end,
        first_word: (cell.end - cell.start) * word / length,
        cells: vec![cell.clone()],
        ..line.clone()
    })
}
