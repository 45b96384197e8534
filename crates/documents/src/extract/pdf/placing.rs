//! Inserts lines that are drawn after the page, such as form fields, at their position.
use super::lines::PageLine;

/// Adds each line of `later` to the line on its baseline, or inserts it after the one above.
pub fn place(lines: &mut Vec<PageLine>, added: Vec<PageLine>) {
    for line in added {
        match line_beside(lines, &line) {
            Some(at) => join(&mut lines[at], line),
            None => {
                let at = above(lines, &line).map_or(lines.len(), |at| at + 1);
                lines.insert(at, line);
            }
        }
    }
}

fn is_parallel(one: &PageLine, other: &PageLine) -> bool {
    one.direction.dot(other.direction) > 0.995
        && one.is_vertical == other.is_vertical
        && one.is_right_to_left == other.is_right_to_left
}

fn line_beside(lines: &[PageLine], new: &PageLine) -> Option<usize> {
    let distance = |line: &PageLine| (line.base - new.base).abs();
    let is_free = |line: &PageLine| {
        line.cells.iter().all(|cell| cell.end <= new.start + 1.0 || cell.start >= new.end - 1.0)
    };
    let nearby = lines.iter().enumerate().filter(|(_, line)| {
        is_parallel(line, new) && distance(line) < 0.6 * line.size.max(new.size) && is_free(line)
    });
    nearby
        .min_by(|(_, one), (_, other)| distance(one).total_cmp(&distance(other)))
        .map(|(at, _)| at)
}

fn above(lines: &[PageLine], new: &PageLine) -> Option<usize> {
    let is_above = |line: &PageLine| {
        is_parallel(line, new)
            && line.base > new.base
            && line.start < new.end
            && new.start < line.end
    };
    let above = lines.iter().enumerate().filter(|(_, line)| is_above(line));
    above.min_by(|(_, one), (_, other)| one.base.total_cmp(&other.base)).map(|(at, _)| at)
}

fn join(line: &mut PageLine, new: PageLine) {
    line.cells.extend(new.cells);
    line.cells.sort_by(|one, other| one.start.total_cmp(&other.start));
    line.start = line.start.min(new.start);
    line.end = line.end.max(new.end);
}
