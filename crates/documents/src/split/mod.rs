//! Cuts text into chunks that keep related text together and know their position.
//!
//! Markdown and plain text is cut at headings, then between paragraphs, tables and code blocks,
//! then at line ends, sentences and spaces, then between any two characters. Neighbouring pieces
//! are joined as long as they fit, and each chunk begins with as many of its predecessor's last
//! pieces as fit into the overlap. A table that does not fit is cut between rows, and each part
//! repeats the header row. [`TextKind`] gives the expected structure; source code and data are cut
//! exactly as LangChain's recursive character splitter cuts any text.
//!
//! Lengths are UTF-16 code units, as in LangChain, with one difference: JavaScript may cut a
//! surrogate pair in two. Here a character is never cut, so a chunk may exceed a size of 1 by one
//! unit, and chunks of text without separators but with characters beyond U+FFFF may be one unit
//! shorter.
mod cutter;
mod locate;
mod outline;
mod rows;
mod sentences;

use std::ops::Range;

use async_trait::async_trait;
use carrel_domain::document::{Chunk, Span, Splitter, Splitting};
use carrel_domain::provenance::Provenance;
use carrel_domain::{Result, TextKind};

use crate::blocking;
use cutter::{Cut, Cutter, LINES, SENTENCES, Window};
use locate::Locations;
use outline::{BlockKind, Section};
use rows::Delimited;

/// Longer texts, in bytes, are split on a blocking thread.
const INLINE_BYTES: usize = 16 << 10;

/// Implements the port with [`split`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RecursiveSplitter;

#[async_trait]
impl Splitter for RecursiveSplitter {
    async fn split(&self, text: String, kind: TextKind, how: Splitting) -> Result<Vec<Chunk>> {
        if text.len() <= INLINE_BYTES {
            return split(&text, kind, how);
        }
        blocking(move || split(&text, kind, how)).await
    }
}

/// Splits `text` into chunks without white space at their ends. No chunk is empty.
///
/// A size of 0 counts as 1, and an overlap of the size or more as one less than the size. Returns
/// [`carrel_domain::Error::Invalid`] if the overlap repeats so much that the chunks would fill the
/// memory: more than 16 times the text and more than 64 MiB.
pub fn split(text: &str, kind: TextKind, how: Splitting) -> Result<Vec<Chunk>> {
    let mut cutter = Cutter::new(text, how);
    let mut chunks = Chunks { text, at: 0, start: 0, chunks: Vec::new() };
    let locations = Locations::of(text, kind);
    match kind {
        TextKind::Prose | TextKind::Slides => {
            for section in outline::sections(text, kind == TextKind::Slides) {
                cut_section(&mut cutter, &section)?;
                chunks.add(cutter.cuts.drain(..), &section.headings, &locations);
            }
        }
        TextKind::Table => {
            let table = Delimited::read(text);
            cutter.delimited(&table)?;
            cutter.cut(table.end..text.len(), LINES, Window::default())?;
            chunks.add(cutter.cuts.drain(..), &[], &Locations::of_rows(&table));
        }
        TextKind::Transcript => {
            cutter.cut(0..text.len(), SENTENCES, Window::default())?;
            chunks.add(cutter.cuts.drain(..), &[], &locations);
        }
        TextKind::Code => {
            cutter.cut(0..text.len(), LINES, Window::default())?;
            chunks.add(cutter.cuts.drain(..), &[], &locations);
        }
    }
    Ok(chunks.chunks)
}

fn cut_section(cutter: &mut Cutter<'_>, section: &Section) -> Result<()> {
    let mut window = Window::default();
    for (at, block) in section.blocks.iter().enumerate() {
        let piece = cutter.piece(block.range.clone());
        if piece.units < cutter.size {
            let next = section.blocks.get(at + 1).map(|next| &next.kind);
            cutter.join(&mut window, piece.leading(is_lead(&block.kind, next, piece.units)))?;
            continue;
        }
        let carried = cutter.carry(&mut window)?;
        match &block.kind {
            BlockKind::Code => cutter.cut(block.range.clone(), LINES, carried)?,
            BlockKind::Table { rows } => {
                let lines = line_ranges(cutter.text, *rows..block.range.end);
                cutter.rows(Some(block.range.start..*rows), &lines, carried)?;
            }
            BlockKind::Text | BlockKind::Heading { .. } => {
                cutter.cut(block.range.clone(), SENTENCES, carried)?;
            }
        }
    }
    cutter.finish(&mut window)
}

/// Maximum length of a caption, in UTF-16 code units.
const LONGEST_CAPTION: usize = 200;

/// Whether a block belongs to the next one: a heading, or the caption of a table.
fn is_lead(kind: &BlockKind, next: Option<&BlockKind>, units: usize) -> bool {
    match kind {
        BlockKind::Heading { .. } => true,
        BlockKind::Text => {
            units <= LONGEST_CAPTION && matches!(next, Some(BlockKind::Table { .. }))
        }
        BlockKind::Table { .. } | BlockKind::Code => false,
    }
}

fn line_ranges(text: &str, within: Range<usize>) -> Vec<Range<usize>> {
    let mut at = within.start;
    let range = |line: &str| {
        let start = at;
        at += line.len();
        start..at
    };
    text[within].split_inclusive('\n').map(range).collect()
}

/// Chunks being collected. Their starts never decrease.
struct Chunks<'a> {
    text: &'a str,
    /// The start of the last chunk, in bytes ...
    at: usize,
    /// ... and in characters.
    start: u32,
    chunks: Vec<Chunk>,
}

impl Chunks<'_> {
    fn add(&mut self, cuts: impl Iterator<Item = Cut>, headings: &[String], locations: &Locations) {
        for Cut { head, range } in cuts {
            self.start += self.text.get(self.at..range.start).map_or(0, characters);
            self.at = range.start;
            let (text, locator) = (&self.text[range.clone()], locations.locator(&range));
            let span = Span { start: self.start, end: self.start + characters(text) };
            let head = head.map(|head| self.text[head].trim_matches(['\n', '\r', '\u{c}']));
            self.chunks.push(Chunk {
                text: head.map_or_else(|| text.to_owned(), |head| format!("{head}\n{text}")),
                span,
                provenance: Provenance { headings: headings.to_vec(), locator },
            });
        }
    }
}

/// Converts a position to the type of spans; texts are far smaller than its maximum.
fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}
