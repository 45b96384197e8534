//! Markdown as HTML: what a model says, a document holds, or a person writes.
//!
//! The output is safe by construction: [`writer`] writes a closed set of tags and attributes, escapes
//! every text, and keeps only addresses of schemes that do not run anything. Raw HTML in a text is
//! shown as the text it is; images, which a browser would fetch from anywhere, become links.
//!
//! Rendering takes bounded time: see [`LIMIT`]. Even so, call it through [`super::rendering`] on
//! behalf of requests, never on a thread that answers them.
mod citations;
mod code;
mod math;
mod plain;
mod writer;

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, TextMergeStream};

pub use citations::{Citations, cites};
pub use plain::plain;

/// How much of a text is rendered, in bytes. What is beyond it is shown as plain text.
pub const LIMIT: usize = 128 * 1024;

/// How deep a text may nest. What is deeper is shown without its marks.
const DEPTH: usize = 24;

/// Renders `text`. `[n]` becomes a link to the n-th source.
pub fn html(text: &str, citations: &Citations<'_>) -> String {
    let (rendered, rest) = text.split_at(floor(text, LIMIT));
    let source = math::with_dollars(rendered);
    let mut html = writer::write(events(&source), citations);
    if !rest.is_empty() {
        writer::write_plain(rest, &mut html);
    }
    html
}

/// Returns where the top-level blocks of `text` are: paragraphs, lists, tables, code.
///
/// While a text grows, all blocks but the last stay as they are.
pub fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut depth = 0;
    let mut found = Vec::new();
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::Start(_) => {
                if depth == 0 {
                    found.push(range);
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ if depth == 0 => found.push(range),
            _ => {}
        }
    }
    found
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
            depth <= DEPTH
        }
        Event::End(_) => {
            depth -= 1;
            depth < DEPTH
        }
        _ => true,
    })
}

/// The largest character boundary of `text` that is at most `at`.
fn floor(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
