//! Restores the reading order of lines with Arabic and Hebrew from their visual order.
use super::glyph::Glyph;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Left,
    Right,
    Digit,
    /// A mark that combines with the letter before it.
    Mark,
    Neutral,
}

/// Whether `char` combines with the letter before it.
pub fn is_mark(char: char) -> bool {
    kind(char) == Kind::Mark
}

fn kind(char: char) -> Kind {
    match u32::from(char) {
        0x0591..=0x05bd | 0x05bf | 0x05c1..=0x05c2 | 0x05c4..=0x05c5 | 0x05c7 => Kind::Mark,
        0x0610..=0x061a | 0x064b..=0x065f | 0x0670 | 0x06d6..=0x06dc | 0x06df..=0x06e4 => {
            Kind::Mark
        }
        0x0660..=0x0669 | 0x06f0..=0x06f9 => Kind::Digit,
        0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfefc | 0x10800..=0x10fff => Kind::Right,
        0x1e800..=0x1efff => Kind::Right,
        _ if char.is_ascii_digit() || char.is_numeric() => Kind::Digit,
        _ if char.is_alphabetic() => Kind::Left,
        0x0300..=0x036f => Kind::Mark,
        _ => Kind::Neutral,
    }
}

/// An element of a line: a glyph's text, or a space.
pub type Cluster = String;

/// Converts the clusters of a line from visual order, left to right, to reading order. `from_right`
/// is the direction of the whole line.
pub fn logical(visual: Vec<Cluster>, from_right: bool) -> Vec<Cluster> {
    let kinds: Vec<Kind> = visual.iter().map(|cluster| kind_of(cluster)).collect();
    let mut line = if from_right {
        let mut runs = runs(&kinds, |kind| matches!(kind, Kind::Left | Kind::Digit), Kind::Right);
        runs.iter_mut().for_each(|run| close_brackets(&visual, run));
        turned(visual, &runs)
    } else {
        let runs = runs(&kinds, |kind| kind == Kind::Right, Kind::Left);
        let mut line = visual;
        for (start, end) in runs {
            let inner = turned(line[start..end].to_vec(), &runs_of_numbers(&kinds[start..end]));
            line.splice(start..end, inner);
        }
        line
    };
    mirror(&mut line);
    line
}

fn kind_of(cluster: &str) -> Kind {
    let mut kinds = cluster.chars().map(kind).filter(|kind| *kind != Kind::Mark);
    kinds.next().unwrap_or(Kind::Neutral)
}

fn runs_of_numbers(kinds: &[Kind]) -> Vec<(usize, usize)> {
    runs(kinds, |kind| kind == Kind::Digit, Kind::Right)
}

/// Finds ranges that have `inner` at both ends and no `outer` within.
fn runs(kinds: &[Kind], inner: impl Fn(Kind) -> bool, outer: Kind) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (at, kind) in kinds.iter().enumerate() {
        if inner(*kind) {
            open = Some((open.map_or(at, |(start, _)| start), at + 1));
        } else if *kind == outer {
            runs.extend(open.take());
        }
    }
    runs.extend(open);
    runs
}

/// Extends the run by a bracket that closes one within it.
fn close_brackets(line: &[Cluster], run: &mut (usize, usize)) {
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}")] {
        let count = |bracket| line[run.0..run.1].iter().filter(|it| *it == bracket).count();
        if count(open) > count(close) && line.get(run.1).is_some_and(|next| next == close) {
            run.1 += 1;
        }
    }
}

/// Reverses the line, except within each range of `kept`.
fn turned(line: Vec<Cluster>, embedded_runs: &[(usize, usize)]) -> Vec<Cluster> {
    let mut out = Vec::with_capacity(line.len());
    let mut end = line.len();
    for (start, stop) in embedded_runs.iter().rev() {
        out.extend(line[*stop..end].iter().rev().cloned());
        out.extend_from_slice(&line[*start..*stop]);
        end = *start;
    }
    out.extend(line[..end].iter().rev().cloned());
    out
}

/// Swaps brackets that close before they open: they were stored by their shape.
fn mirror(line: &mut [Cluster]) {
    let first =
        line.iter().find_map(|cluster| cluster.chars().find(|char| "()[]{}".contains(*char)));
    if !first.is_some_and(|char| ")]}".contains(char)) {
        return;
    }
    for cluster in line.iter_mut().filter(|cluster| cluster.len() == 1) {
        let other = match cluster.as_str() {
            "(" => ")",
            ")" => "(",
            "[" => "]",
            "]" => "[",
            "{" => "}",
            "}" => "{",
            _ => continue,
        };
        *cluster = other.to_owned();
    }
}

/// Whether a significant part of the letters belongs to right-to-left scripts.
pub fn is_mostly_right(glyphs: &[Glyph]) -> bool {
    let count = |direction| glyphs.iter().filter(|glyph| kind(glyph.char) == direction).count();
    4 * count(Kind::Right) >= count(Kind::Left)
}

/// Whether a line, given from left to right, is read from the right; `None` if it has no letters.
/// If letters at both ends have the same direction, they decide; otherwise the page does, by
/// `mostly_right`.
pub fn from_right(letters: impl Iterator<Item = char>, mostly_right: bool) -> Option<bool> {
    let strong = letters.map(kind).filter(|kind| matches!(kind, Kind::Left | Kind::Right));
    let (mut first, mut last, mut has_right) = (None, Kind::Left, false);
    for kind in strong {
        first = first.or(Some(kind));
        last = kind;
        has_right |= kind == Kind::Right;
    }
    let is_told = first == Some(last);
    has_right.then_some(if is_told { last == Kind::Right } else { mostly_right })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_of_a_line_follows_from_its_ends_or_the_page() {
        assert_eq!(from_right("one word".chars(), true), None);
        assert_eq!(from_right("one םולש word".chars(), true), Some(false));
        assert_eq!(from_right("one םולש".chars(), true), Some(true));
        assert_eq!(from_right("one םולש".chars(), false), Some(false));
    }

    fn read(visual: &str) -> String {
        let from_right = from_right(visual.chars(), true).unwrap();
        logical(visual.chars().map(String::from).collect(), from_right).concat()
    }

    #[test]
    fn words_and_numbers_from_left_to_right_keep_their_order() {
        assert_eq!(read("info@example.com :ליימ"), "מייל: info@example.com");
        assert_eq!(read("Model X-200 םגד 03-5551234 ןופלט"), "טלפון 03-5551234 דגם Model X-200");
        assert_eq!(read("The word םולש means peace"), "The word שלום means peace");
        assert_eq!(read(".2024 תנש"), "שנת 2024.");
    }

    #[test]
    fn brackets_stored_by_their_shape_are_swapped() {
        assert_eq!(read("(ב) א"), "א (ב)");
        assert_eq!(read("Model (A) םגד"), "דגם Model (A)");
    }
}
