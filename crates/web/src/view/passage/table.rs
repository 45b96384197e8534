//! Renders rows of separated values, such as a CSV file or a sheet, as tables.
use std::ops::Range;

use csv::{ByteRecord, ReaderBuilder};

use super::{Excerpt, RenderedPassage, push_highlight};
use crate::view::markdown;

/// Separators of values, most common first.
const SEPARATORS: &[u8] = b",;\t|";

/// Renders the rows of a text. Each part has the header row.
pub fn render(excerpt: &Excerpt, sentence: Option<Range<usize>>) -> RenderedPassage {
    let (text, Range { start, end }) = (&excerpt.text, excerpt.passage.clone());
    let first = text.lines().next().unwrap_or_default();
    let header = if excerpt.header.is_empty() { first } else { &excerpt.header };
    let separator = separator(header);
    let part = |range: Range<usize>, highlight: Option<Range<usize>>| {
        let rows = &text[range.clone()];
        // The first part contains the header itself.
        let header_row = if range.start == 0 && excerpt.header.is_empty() { "" } else { header };
        html(header_row, rows, separator, highlight)
    };
    RenderedPassage {
        before: part(0..start, None),
        passage: part(start..end, sentence),
        after: part(end..text.len(), None),
    }
}

/// Returns the most frequent separator of a header row.
fn separator(header: &str) -> u8 {
    let count = |separator: &u8| header.bytes().filter(|byte| byte == separator).count();
    // `max_by_key` returns the last of equal elements.
    SEPARATORS.iter().rev().copied().max_by_key(count).unwrap_or(b',')
}

/// Renders rows below a header; the first row is the header if there is none. `highlight` is the
/// highlighted byte range of the rows.
fn html(header: &str, rows: &str, separator: u8, highlight: Option<Range<usize>>) -> String {
    if rows.trim().is_empty() {
        return String::new();
    }
    let mut html = String::from("<div class=\"table-scroll\" tabindex=\"0\"><table><thead>");
    let mut is_head = header.is_empty();
    if !is_head {
        for (record, _) in records(header, separator) {
            push_row(&record, "th", false, &mut html);
        }
        html.push_str("</thead><tbody>");
    }
    for (record, range) in records(rows, separator) {
        let is_highlighted = highlight
            .as_ref()
            .is_some_and(|highlight| range.start < highlight.end && highlight.start < range.end);
        push_row(&record, if is_head { "th" } else { "td" }, is_highlighted, &mut html);
        if std::mem::take(&mut is_head) {
            html.push_str("</thead><tbody>");
        }
    }
    html.push_str("</tbody></table></div>");
    html
}

/// Returns the records of a text, each with its range in bytes. Stops at an invalid record.
fn records(text: &str, separator: u8) -> Vec<(ByteRecord, Range<usize>)> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    let mut record = ByteRecord::new();
    let mut start = 0;
    while let Ok(true) = reader.read_byte_record(&mut record) {
        let end = usize::try_from(reader.position().byte()).unwrap_or(text.len());
        records.push((record.clone(), start..end));
        start = end;
    }
    records
}

fn push_row(record: &ByteRecord, element: &str, is_highlighted: bool, html: &mut String) {
    html.push_str("<tr>");
    for cell in record {
        let cell = String::from_utf8_lossy(cell);
        html.push_str(&format!("<{element} dir=\"auto\">"));
        match is_highlighted {
            true => push_highlight(cell.trim(), html),
            false => markdown::escape(cell.trim(), html),
        }
        html.push_str(&format!("</{element}>"));
    }
    html.push_str("</tr>");
}

#[cfg(test)]
mod tests {
    use carrel_domain::text_kind::TextKind;

    use super::super::{Excerpt, render, tests::excerpt_of};

    const TEXT: &str =
        "route;departs\nOstrand <1>;06:40\n\"Kjerring;\nnorth\";19:00\nTromsø;20:10\n";

    #[test]
    fn rows_are_a_table_and_the_cited_one_is_highlighted() {
        let answer = "The boat to Tromsø leaves at 20:10 [1].".to_owned();
        let html = render(&excerpt_of(TEXT, TextKind::Table), Some((answer, 1))).passage;
        assert!(html.contains("<thead><tr><th dir=\"auto\">route</th>"), "{html}");
        assert!(html.contains("<td dir=\"auto\">Ostrand &lt;1&gt;</td>"), "{html}");
        assert!(html.contains("Kjerring;\nnorth</td>"), "{html}");
        assert!(html.contains("<strong class=\"lit\">20:10</strong>"), "{html}");
        assert_eq!(html.matches("<strong").count(), 2, "{html}");
    }

    #[test]
    fn each_part_has_the_header() {
        let start = TEXT.find("Ostrand").unwrap_or_default();
        let end = TEXT.find("Tromsø").unwrap_or_default();
        let excerpt = Excerpt { passage: start..end, ..excerpt_of(TEXT, TextKind::Table) };
        let rendered = render(&excerpt, None);
        for part in [&rendered.passage, &rendered.after] {
            assert_eq!(part.matches("<th dir=\"auto\">route</th>").count(), 1, "{part}");
        }
        let excerpt =
            Excerpt { header: "a,b".to_owned(), ..excerpt_of("1,2\n3,4", TextKind::Table) };
        let html = render(&excerpt, None).passage;
        assert!(html.contains("<th dir=\"auto\">a</th>") && html.contains(">1</td>"), "{html}");
    }
}
