//! Renders Markdown of models, documents and users as HTML.
//!
//! The output is safe by construction: [`writer`] writes a closed set of tags and attributes,
//! escapes all text, and keeps only URLs with harmless schemes. Raw HTML is shown as text. Images,
//! which a browser would fetch from anywhere, become links.
//!
//! Rendering takes bounded time: see [`LIMIT`]. Nevertheless, requests must call it through
//! [`super::renderer`], never on a thread that answers them.
mod citations;
mod code;
mod math;
mod plain;
mod writer;

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, TextMergeStream};

pub use citations::{Citations, cites};
pub use plain::plain_text;
pub use writer::escape;

/// Maximum number of bytes of a text that are rendered. The rest becomes plain text.
pub const LIMIT: usize = 128 * 1024;

/// Maximum nesting depth. Deeper text loses its markup.
const MAX_DEPTH: usize = 24;

/// Renders `text`. `[n]` becomes a link to the n-th source.
pub fn html(text: &str, citations: &Citations<'_>) -> String {
    let (markdown, rest) = text.split_at(floor_boundary(text, LIMIT));
    let source = math::to_dollar_signs(markdown);
    let mut html = writer::write(events(&source), citations);
    if !rest.is_empty() {
        writer::write_plain(rest, &mut html);
    }
    html
}

/// Returns the top-level blocks of `text`: paragraphs, lists, tables, code.
///
/// While a text grows, only its last block changes.
pub fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut depth = 0;
    let mut blocks = Vec::new();
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::Start(_) => {
                if depth == 0 {
                    blocks.push(range);
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ if depth == 0 => blocks.push(range),
            _ => {}
        }
    }
    blocks
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
}

fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    let parser = TextMergeStream::new(Parser::new_ext(text, options()));
    let mut depth = 0;
    parser.filter(move |event| match event {
        Event::Start(_) => {
            depth += 1;
            depth <= MAX_DEPTH
        }
        Event::End(_) => {
            depth -= 1;
            depth < MAX_DEPTH
        }
        _ => true,
    })
}

/// Returns the largest character boundary of `text` that is at most `limit`.
fn floor_boundary(text: &str, limit: usize) -> usize {
    if limit >= text.len() {
        return text.len();
    }
    (0..=limit).rev().find(|&index| text.is_char_boundary(index)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
