//! Converts lines to Markdown: paragraphs, headings, lists and tables.
use super::bookmarks::{self, OnPage};
use super::lines::{PageLine, is_wide};
use super::tables;

/// Maximum distance of the lines of a block, in heights of the text.
const LEADING: f64 = 1.9;
/// A heading is taller than the text of the document by this factor.
const TALLER: f64 = 1.15;
/// A heading has at most this many characters.
const LONGEST_HEADING: usize = 160;

/// Properties of the document that affect each page.
pub struct Style {
    /// The height of body text.
    pub body: f64,
}

impl Style {
    pub fn of<'a>(lines: impl Iterator<Item = &'a PageLine>) -> Self {
        let mut sizes = std::collections::HashMap::<i64, usize>::new();
        for line in lines {
            let length: usize = line.cells.iter().map(|cell| cell.text.len()).sum();
            *sizes.entry((line.size * 4.0).round() as i64).or_default() += length;
        }
        let most = sizes.into_iter().max_by_key(|(size, count)| (*count, -size));
        Self { body: most.map_or(10.0, |(size, _)| size as f64 / 4.0) }
    }

    /// Returns the level of a heading of this size.
    fn level(&self, size: f64) -> usize {
        match size / self.body {
            ratio if ratio >= 1.8 => 1,
            ratio if ratio >= 1.35 => 2,
            _ => 3,
        }
    }
}

/// Converts one page to Markdown.
pub fn page(lines: &[PageLine], style: &Style, bookmarks: &OnPage) -> String {
    let mut out = String::new();
    let mut rest = lines;
    while !rest.is_empty() {
        let (text, count) = match tables::table(rest) {
            Some(found) => found,
            None => {
                let count = block(rest, bookmarks);
                (write_block(&rest[..count], style, bookmarks), count)
            }
        };
        if !out.is_empty() && !text.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str(&text);
        rest = &rest[count..];
    }
    out
}

/// Returns the number of lines in the first block.
fn block(lines: &[PageLine], bookmarks: &OnPage) -> usize {
    let is_bookmark = |line: &PageLine| bookmarks::marks(bookmarks, &line.text()).is_some();
    if is_bookmark(&lines[0]) {
        return 1;
    }
    let mut count = 1;
    let mut leading = f64::MAX;
    while let Some(next) = lines.get(count) {
        let last = &lines[count - 1];
        let down = last.base - next.base;
        let is_near = down > 0.3 * last.size && down < LEADING * last.size.max(next.size);
        if !is_near || !is_alike(last, next) || down > 1.25 * leading || is_bookmark(next) {
            break;
        }
        let may_begin_table = last.cells.len() == 1 && next.cells.len() > 1;
        if may_begin_table && tables::table(&lines[count..]).is_some() {
            break;
        }
        leading = leading.min(down);
        count += 1;
    }
    count
}

fn is_alike(one: &PageLine, other: &PageLine) -> bool {
    one.direction.dot(other.direction) > 0.995
        && one.is_vertical == other.is_vertical
        && one.is_right_to_left == other.is_right_to_left
        && (one.size / other.size).max(other.size / one.size) < 1.2
        && one.start < other.end
        && other.start < one.end
}

fn write_block(lines: &[PageLine], style: &Style, bookmarks: &OnPage) -> String {
    let texts: Vec<String> = lines.iter().map(PageLine::text).collect();
    let named = bookmarks::marks(bookmarks, &texts.join(" "));
    if let Some(marks) = named.or_else(|| heading(lines, &texts, style)) {
        let mut out = "#".repeat(marks);
        out.push(' ');
        for (at, text) in texts.iter().enumerate() {
            if at == 0 { out.push_str(text) } else { join(&mut out, text) }
        }
        return out;
    }
    let left = lines.iter().map(|line| line.start).fold(f64::MAX, f64::min);
    let right = lines.iter().map(|line| line.end).fold(f64::MIN, f64::max);
    let fills: Vec<bool> = lines
        .windows(2)
        .map(|two| right - two[0].end < two[1].first_word + 0.3 * two[0].size)
        .collect();
    let full = fills.iter().filter(|fills| **fills).count();
    let width = right - left;
    let is_running = 3 * full >= 2 * fills.len() && width > 12.0 * lines[0].size;
    let mut out = String::new();
    for (at, text) in texts.iter().enumerate() {
        if at == 0 {
            out.push_str(&item(text).unwrap_or_else(|| text.clone()));
            continue;
        }
        let (last, line) = (&lines[at - 1], &lines[at]);
        let mark = item(text);
        let is_indented =
            line.start - left > 0.8 * line.size && last.start - left < 0.4 * line.size;
        let hangs =
            mark.is_none() && lines[..at].iter().zip(&texts).any(|(_, text)| item(text).is_some());
        let continues = is_running
            && mark.is_none()
            && fills[at - 1]
            && (!is_indented || hangs)
            && last.cells.len() == 1
            && line.cells.len() == 1
            && last.is_bold == line.is_bold;
        if continues || breaks_word(&out, text) {
            join(&mut out, text);
        } else {
            let is_paragraph = is_running && mark.is_none() && line.cells.len() == 1 && is_indented;
            out.push_str(if is_paragraph { "\n\n" } else { "\n" });
            out.push_str(&mark.unwrap_or_else(|| text.clone()));
        }
    }
    out
}

/// Returns the heading level of a block, if it is a heading.
fn heading(lines: &[PageLine], texts: &[String], style: &Style) -> Option<usize> {
    let length: usize = texts.iter().map(|text| text.chars().count()).sum();
    let size = lines[0].size;
    let letters = texts.iter().flat_map(|text| text.chars()).filter(|char| char.is_alphabetic());
    let is_short = length <= LONGEST_HEADING && lines.len() <= 3 && letters.take(2).count() == 2;
    let is_one = lines.iter().all(|line| line.cells.len() == 1);
    let ends = texts.last().is_some_and(|text| text.ends_with(['.', ',', ';', ':']));
    let is_taller = size > TALLER * style.body;
    let is_bold = lines.iter().all(|line| line.is_bold) && size > 0.95 * style.body;
    (is_short && is_one && (is_taller || is_bold && !ends && lines.len() == 1))
        .then(|| if is_taller { style.level(size) } else { 3 })
}

/// Appends the next line of a paragraph.
fn join(out: &mut String, next: &str) {
    let last = out.chars().next_back().unwrap_or(' ');
    let first = next.chars().next().unwrap_or(' ');
    if breaks_word(out, next) {
        out.pop();
    } else if !(last.is_whitespace() || is_wide(last) && is_wide(first)) {
        let is_hyphen = matches!(last, '-' | '\u{2010}') && before_last(out).is_alphanumeric();
        if !is_hyphen {
            out.push(' ');
        }
    }
    out.push_str(next);
}

/// Whether the hyphen at the end of `out` only breaks a word.
fn breaks_word(out: &str, next: &str) -> bool {
    let last = out.chars().next_back();
    let starts_small = next.chars().next().is_some_and(char::is_lowercase);
    match last {
        Some('\u{ad}') => true,
        Some('-' | '\u{2010}' | '\u{2011}') => {
            // A capital before the hyphen belongs to an abbreviation: "IT-based".
            starts_small && before_last(out).is_lowercase()
        }
        _ => false,
    }
}

fn before_last(text: &str) -> char {
    text.chars().rev().nth(1).unwrap_or(' ')
}

/// Returns a list item with Markdown's marker, or `None` if `text` is not an item.
fn item(text: &str) -> Option<String> {
    const BULLETS: [char; 14] =
        ['•', '◦', '▪', '▫', '■', '□', '●', '○', '‣', '⁃', '∙', '➢', '➤', '–'];
    let mut chars = text.chars();
    let first = chars.next()?;
    if BULLETS.contains(&first) {
        let rest = chars.as_str().trim_start();
        return (!rest.is_empty() && (first != '–' || text.starts_with("– ")))
            .then(|| format!("- {rest}"));
    }
    if text.starts_with("- ") || text.starts_with("* ") {
        return Some(text.to_owned());
    }
    let (marker, rest) = text.split_once(' ')?;
    let inner = marker.strip_prefix('(').unwrap_or(marker).strip_suffix([')', '.'])?;
    let is_number = inner.len() <= 3 && inner.chars().all(|char| char.is_ascii_digit());
    let is_letter = inner.len() == 1 && inner.chars().all(|char| char.is_ascii_alphabetic());
    let is_marker = !inner.is_empty() && (is_number || is_letter && marker.ends_with(')'));
    (is_marker && !rest.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_that_break_a_word_are_removed() {
        let joined = |one: &str, other: &str| {
            let mut out = one.to_owned();
            join(&mut out, other);
            out
        };
        assert_eq!(joined("an exam-", "ple"), "an example");
        assert_eq!(joined("an IT-", "based one"), "an IT-based one");
        assert_eq!(joined("the years 1990-", "2000"), "the years 1990-2000");
        assert_eq!(joined("Novem\u{ad}", "Ber"), "NovemBer");
        assert_eq!(joined("one", "two"), "one two");
        assert_eq!(joined("日本", "語"), "日本語");
    }

    #[test]
    fn items_of_lists_are_marked() {
        assert_eq!(item("• one").as_deref(), Some("- one"));
        assert_eq!(item("12. twelve").as_deref(), Some("12. twelve"));
        assert_eq!(item("(a) first").as_deref(), Some("(a) first"));
        assert_eq!(item("A. Smith"), None);
        assert_eq!(item("Plain text"), None);
    }
}
