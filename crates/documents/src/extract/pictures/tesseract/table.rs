//! Parses Tesseract's output: a table with a row for each word and its position.
use carrel_ocr::TextLine;

/// Number of columns.
const COLUMNS: usize = 12;
/// The level of rows that are words.
const WORD: &str = "5";
/// Least confidence of a word, of 100. Below it, most words are specks on the paper.
const LEAST_CONFIDENCE: f32 = 20.0;
/// Words further apart than this, in heights of the line, are cells of a table.
const CELL_GAP: f32 = 1.5;
/// Maximum number of lines of a picture.
const MAX_LINES: usize = 100_000;

/// Returns the lines of a table, in order. Malformed rows are skipped.
pub fn lines(table: &str) -> Vec<TextLine> {
    let mut lines: Vec<TextLine> = Vec::new();
    let mut last = None;
    for row in table.lines() {
        let cells: Vec<&str> = row.splitn(COLUMNS, '\t').collect();
        let [WORD, page, block, paragraph, line, _, left, top, width, height, confidence, text] =
            cells.as_slice()
        else {
            continue;
        };
        let number = |text: &&str| text.parse::<f32>().ok().filter(|number| number.is_finite());
        let place = [left, top, width, height, confidence].map(number);
        let [Some(left), Some(top), Some(width), Some(height), Some(confidence)] = place else {
            continue;
        };
        let text = text.trim();
        if text.is_empty() || confidence < LEAST_CONFIDENCE {
            continue;
        }
        if lines.len() >= MAX_LINES {
            break;
        }
        let (right, bottom) = (left + width, top + height);
        let of = (*page, *block, *paragraph, *line);
        let is_near =
            |line: &TextLine| left - line.right < CELL_GAP * (line.bottom - line.top).max(height);
        match lines.last_mut().filter(|line| last == Some(of) && is_near(line)) {
            Some(line) => {
                line.text.push(' ');
                line.text.push_str(text);
                (line.left, line.right) = (line.left.min(left), line.right.max(right));
                (line.top, line.bottom) = (line.top.min(top), line.bottom.max(bottom));
            }
            None => {
                let text = text.to_owned();
                lines.push(TextLine { text, left, right, top, bottom, ..TextLine::default() });
            }
        }
        last = Some(of);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n\
        4\t1\t1\t1\t1\t0\t214\t98\t554\t45\t-1\t\n\
        5\t1\t1\t1\t1\t1\t726\t98\t42\t37\t96.7\tيبدأ\n\
        5\t1\t1\t1\t1\t2\t653\t94\t59\t55\t92.7\tالعقد\n\
        5\t1\t1\t1\t2\t1\t30\t150\t12\t10\t3.5\t~\n\
        5\t1\t1\t1\t2\t2\t50\t150\t90\t20\t95\tmarch.\n";

    #[test]
    fn words_of_a_line_are_joined_in_order() {
        let found = lines(TABLE);
        let texts: Vec<_> = found.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["يبدأ العقد", "march."]);
        let TextLine { left, right, top, bottom, .. } = &found[0];
        assert_eq!((*left, *right, *top, *bottom), (653.0, 768.0, 94.0, 149.0));
    }

    #[test]
    fn words_far_apart_are_cells() {
        let row = |number: u32, left: u32, text: &str| {
            format!("5\t1\t1\t1\t1\t{number}\t{left}\t10\t60\t20\t95\t{text}\n")
        };
        let table = [row(1, 0, "Pump"), row(2, 68, "seal"), row(3, 300, "48.00")].concat();
        let texts: Vec<_> = lines(&table).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["Pump seal", "48.00"]);
    }

    #[test]
    fn malformed_output_has_no_lines() {
        for table in ["", "\t\t\t", "5\t1", "5\t1\t1\t1\t1\t1\tNaN\t1\t1\t1\t90\tword", "5\ta\tb"] {
            assert_eq!(lines(table), [], "{table}");
        }
    }
}
