//! Finds rows of cells that form columns.
use super::lines::PageLine;

/// Minimum number of rows of a table.
const FEWEST_ROWS: usize = 3;
const MAX_ROWS: usize = 300;
const MAX_COLUMNS: usize = 40;

/// Returns the table at the start of `lines` as Markdown, and its number of lines.
pub fn table(lines: &[PageLine]) -> Option<(String, usize)> {
    let rows = rows(lines);
    if rows < FEWEST_ROWS {
        return None;
    }
    let lines = &lines[..rows];
    let columns = columns(lines)?;
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        write_row(&mut out, line, &columns);
        if at == 0 {
            out.push_str("\n|");
            out.push_str(&" --- |".repeat(columns.len()));
        }
    }
    Some((out, rows))
}

/// Returns the number of consecutive lines, from the first one on, that have several cells.
pub fn rows(lines: &[PageLine]) -> usize {
    let Some(first) = lines.first().filter(|line| line.cells.len() > 1) else { return 0 };
    let mut rows = 1;
    while let Some(next) = lines.get(rows).filter(|_| rows < MAX_ROWS) {
        let last = &lines[rows - 1];
        let down = last.base - next.base;
        let continues = next.cells.len() > 1
            && down > 0.3 * last.size
            && down < 4.0 * last.size
            && next.direction.dot(first.direction) > 0.995
            && next.is_right_to_left == first.is_right_to_left
            && (next.size / last.size).max(last.size / next.size) < 1.3;
        if !continues {
            break;
        }
        rows += 1;
    }
    rows
}

fn write_row(out: &mut String, line: &PageLine, columns: &[(f64, f64)]) {
    out.push('|');
    let mut cells = line.cells.iter().peekable();
    for (_, end) in columns {
        out.push(' ');
        while let Some(cell) = cells.next_if(|cell| cell.start < *end) {
            out.push_str(&cell.text.replace('|', "\\|"));
            out.push(' ');
        }
        out.push('|');
    }
}

/// Returns the ranges of columns, such that no cell extends over two of them. Returns `None` if the
/// lines do not form columns.
pub fn columns(lines: &[PageLine]) -> Option<Vec<(f64, f64)>> {
    let mut spans: Vec<(f64, f64)> =
        lines.iter().flat_map(|line| &line.cells).map(|cell| (cell.start, cell.end)).collect();
    spans.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut columns: Vec<(f64, f64)> = Vec::new();
    for (start, end) in spans {
        match columns.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => columns.push((start, end)),
        }
    }
    let most = lines.iter().map(|line| line.cells.len()).max()?;
    let is_table = columns.len() == most && (2..=MAX_COLUMNS).contains(&most);
    is_table.then_some(columns)
}
