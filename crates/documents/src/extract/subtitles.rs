//! Reads subtitles (`.srt`, `.vtt`): each text after its time.
use carrel_domain::document::Extracted;

use super::Input;
use super::extract_error::ExtractError;
use super::html;
use super::text::{decode_text, document, text_bytes};

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let source = decode_text(&text_bytes(input)?).replace("\r\n", "\n");
    let mut out = String::new();
    for block in source.split("\n\n") {
        let lines: Vec<_> = block.lines().collect();
        let Some(at) = lines.iter().position(|line| line.contains("-->")) else { continue };
        let text_lines: Vec<_> = lines[at + 1..].iter().map(|line| line.trim()).collect();
        // Subtitles use HTML for formatting.
        let (text, _) = html::readable(&text_lines.join("\n"), input.limits.text)?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            out.push_str(&format!("[{}] {text}\n", second(lines[at])));
        }
    }
    Ok(vec![document(if out.is_empty() { source } else { out }, None)])
}

/// Returns the start of a range: `00:01:02` of `00:01:02,345 --> 00:01:04,000`.
fn second(line: &str) -> &str {
    let start = line.split("-->").next().unwrap_or_default().trim();
    start.split([',', '.']).next().unwrap_or(start)
}
