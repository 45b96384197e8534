//! Finds the structure of Markdown and plain text: headings, paragraphs, tables and code blocks.
use std::ops::Range;

/// Maximum length of a heading, in characters.
const LONGEST_HEADING: usize = 120;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Heading {
        level: usize,
        title: String,
    },
    Text,
    /// The first two lines are the header; the rows start at this byte.
    Table {
        rows: usize,
    },
    Code,
}

/// A range that is not cut if it fits, with the blank lines before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) range: Range<usize>,
    pub(super) kind: BlockKind,
    /// Whether it starts a new slide.
    begins_slide: bool,
}

/// Blocks under the same headings.
pub(super) struct Section {
    pub(super) blocks: Vec<Block>,
    /// The headings, the outermost first.
    pub(super) headings: Vec<String>,
}

/// Returns the sections of a text. If it consists of `slides` separated by form feeds, each slide
/// starts a section.
pub(super) fn sections(text: &str, slides: bool) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut has_body = false;
    for block in blocks(text) {
        let is_heading = matches!(block.kind, BlockKind::Heading { .. });
        let begins_slide = slides && block.begins_slide;
        if begins_slide {
            open.clear();
        }
        if sections.is_empty() || begins_slide || is_heading && has_body {
            sections.push(Section { blocks: Vec::new(), headings: Vec::new() });
            has_body = false;
        }
        if let BlockKind::Heading { level, title } = &block.kind {
            open.retain(|(other, _)| other < level);
            open.push((*level, title.clone()));
        }
        let Some(section) = sections.last_mut() else { continue };
        // Headings precede everything else in a section, so the last one completes its heading
        // path.
        section.headings = open.iter().map(|(_, title)| title.clone()).collect();
        section.blocks.push(block);
        has_body |= !is_heading;
    }
    sections
}

/// A line with its position and its end.
#[derive(Clone)]
struct Line<'a> {
    range: Range<usize>,
    /// The text without white space at its end and form feeds at its start.
    text: &'a str,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let line = |whole: &'_ str, start: &mut usize| {
        let range = *start..*start + whole.len();
        *start = range.end;
        range
    };
    text.split_inclusive('\n')
        .map(|whole| Line {
            range: line(whole, &mut start),
            text: whole.trim_end().trim_start_matches('\u{c}'),
        })
        .collect()
}

fn blocks(text: &str) -> Vec<Block> {
    let lines = lines(text);
    let mut blocks: Vec<Block> = Vec::new();
    // The start of the next block: blank lines belong to the block after them.
    let (mut start, mut at) = (0, 0);
    let mut after_blank = true;
    let mut begins_slide = false;
    while let Some(line) = lines.get(at) {
        begins_slide |= text[line.range.clone()].contains('\u{c}');
        if line.text.is_empty() {
            after_blank = true;
            at += 1;
            continue;
        }
        let (count, kind) = block(&lines[at..], after_blank);
        let end = lines[at + count - 1].range.end;
        match blocks.last_mut() {
            Some(last) if kind == BlockKind::Text && last.kind == kind && !after_blank => {
                last.range.end = end;
            }
            _ => {
                blocks.push(Block { range: start..end, kind, begins_slide });
                begins_slide = false;
            }
        }
        (start, at, after_blank) = (end, at + count, false);
    }
    blocks
}

/// Returns the number of lines and the kind of the block that starts with the first of these lines.
fn block(lines: &[Line<'_>], after_blank: bool) -> (usize, BlockKind) {
    let first = &lines[0];
    if let Some(fence) = fence(first.text) {
        let closes = |line: &Line<'_>| {
            let line = line.text.trim();
            line.starts_with(fence) && line.bytes().all(|byte| fence.as_bytes()[0] == byte)
        };
        let inner = lines[1..].iter().position(closes).map(|at| at + 2);
        return (inner.unwrap_or(lines.len()), BlockKind::Code);
    }
    if let Some((level, title)) = heading(first.text) {
        return (1, BlockKind::Heading { level, title });
    }
    let second = lines.get(1);
    if first.text.trim_start().starts_with('|') && second.is_some_and(|line| is_rule(line.text)) {
        let count = lines.iter().take_while(|line| line.text.trim_start().starts_with('|')).count();
        return (count, BlockKind::Table { rows: lines[1].range.end });
    }
    if let Some(level) = second.and_then(|line| underline(line.text))
        && after_blank
        && first.text.chars().any(char::is_alphanumeric)
    {
        return (2, BlockKind::Heading { level, title: shortened(first.text) });
    }
    (1, BlockKind::Text)
}

/// Returns the fence of a code block.
fn fence(line: &str) -> Option<&str> {
    let line = unindented(line)?;
    ['`', '~'].into_iter().find_map(|mark| {
        let length = line.len() - line.trim_start_matches(mark).len();
        // A code span within a line is not a block.
        (length >= 3 && !line[length..].contains('`')).then(|| &line[..length])
    })
}

fn heading(line: &str) -> Option<(usize, String)> {
    let line = unindented(line)?;
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    let is_heading = (1..=6).contains(&level)
        && title.starts_with([' ', '\t'])
        && title.chars().any(char::is_alphanumeric);
    // `#` at the end closes the heading, except in words such as `C#`.
    let closed = title.trim_end_matches('#');
    let title = if closed.ends_with([' ', '\t']) { closed } else { title };
    is_heading.then(|| (level, shortened(title)))
}

/// Returns the heading level that a line of only `=` or `-` gives to the line before it.
fn underline(line: &str) -> Option<usize> {
    let line = unindented(line)?;
    let is_of = |mark: u8| line.len() >= 3 && line.bytes().all(|byte| byte == mark);
    if is_of(b'=') { Some(1) } else { is_of(b'-').then_some(2) }
}

/// Whether a line is the rule of a table: `| --- | :-: |`.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('|')
        && line.contains('-')
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
}

/// Removes the indentation of less than four spaces; more indicates code.
fn unindented(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(' ');
    (line.len() - text.len() < 4).then_some(text)
}

/// Returns a heading on one line, of bounded length and without emphasis.
fn shortened(title: &str) -> String {
    let plain = title.replace(['*', '`'], "");
    let words: Vec<_> = plain.split_whitespace().collect();
    let mut title = words.join(" ");
    if let Some((end, _)) = title.char_indices().nth(LONGEST_HEADING) {
        title.truncate(end);
        title.push('…');
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(&str, BlockKind)> {
        let block = |block: Block| (text[block.range].trim(), block.kind);
        blocks(text).into_iter().map(block).collect()
    }

    #[test]
    fn headings_tables_and_code_are_distinguished() {
        let heading = |level, title: &str| BlockKind::Heading { level, title: title.to_owned() };
        let text = "# A **bold** C# one #\n\ntext\nmore\n\n```sh\n# no heading\n\n| no | table |\n```\n\
                    Caption:\n| a | b |\n|---|---|\n| 1 | 2 |\nUnder\n\nTwo\n---\n#tag\n";
        assert_eq!(
            kinds(text),
            [
                ("# A **bold** C# one #", heading(1, "A bold C# one")),
                ("text\nmore", BlockKind::Text),
                ("```sh\n# no heading\n\n| no | table |\n```", BlockKind::Code),
                ("Caption:", BlockKind::Text),
                (
                    "| a | b |\n|---|---|\n| 1 | 2 |",
                    BlockKind::Table { rows: text.find("| 1").unwrap() }
                ),
                ("Under", BlockKind::Text),
                ("Two\n---", heading(2, "Two")),
                ("#tag", BlockKind::Text),
            ]
        );
    }

    #[test]
    fn a_section_knows_the_headings_above_it() {
        let text = "# Handbook\n\n## Travel\n\n### Trains\n\na\n\n### Hotels\n\nb\n\n## Pay\n\nc";
        let paths: Vec<_> =
            sections(text, false).iter().map(|one| one.headings.join("/")).collect();
        assert_eq!(paths, ["Handbook/Travel/Trains", "Handbook/Travel/Hotels", "Handbook/Pay"]);
    }

    #[test]
    fn a_slide_does_not_inherit_the_title_of_another() {
        let text = "# One\n\na\n\n\u{c}\n\nb\n\n\u{c}\n\n# Three\n\nc\n\n\u{c}\n";
        let paths: Vec<_> = sections(text, true).iter().map(|one| one.headings.join("/")).collect();
        assert_eq!(paths, ["One", "", "Three"]);
        assert_eq!(sections(text, false).len(), 2);
    }
}
