//! Cutting text into chunks exactly like LangChain's recursive character splitter.
//!
//! Text is cut at blank lines; pieces still too long at line ends, then at spaces, then between
//! any two characters. Neighbouring pieces are joined as long as they fit, and each chunk begins
//! with as many of its predecessor's last pieces as the overlap holds. Installations that come
//! from a server built on LangChain get the same chunks from the same text.
//!
//! One thing differs: JavaScript cuts between UTF-16 code units and may leave half a character on
//! each side. Here a character is never cut, so a chunk may exceed a size of 1 by one unit, and
//! chunks of text that has no separators but characters beyond U+FFFF may be one unit shorter.
use std::collections::VecDeque;

use async_trait::async_trait;
use carrel_domain::document::{Chunk, Span, Splitter, Splitting};
use carrel_domain::{Error, Result};

use crate::blocking;

/// Where text is cut, best first; after the last of them, between any two characters.
const SEPARATORS: [&str; 3] = ["\n\n", "\n", " "];
/// Text of more bytes is split on a blocking thread.
const INLINE_BYTES: usize = 16 << 10;
/// Chunks may together be this many times as long as the text ...
const MOST_REPETITION: usize = 16;
/// ... or this many bytes, whichever is more. Only an overlap of almost the size gets there.
const ALWAYS_ALLOWED: usize = 64 << 20;

/// The splitter of [`split`] behind the port.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecursiveSplitter;

#[async_trait]
impl Splitter for RecursiveSplitter {
    async fn split(&self, text: String, how: Splitting) -> Result<Vec<Chunk>> {
        if text.len() <= INLINE_BYTES {
            return split(&text, how);
        }
        blocking(move || split(&text, how)).await
    }
}

/// The chunks of `text`, without white space at their ends, none of them empty.
///
/// A size of 0 is taken for 1, and an overlap of the size or more for one less than the size.
/// [`Error::Invalid`] when the overlap repeats so much that the chunks would fill the memory:
/// more than 16 times the text and more than 64 MiB.
pub fn split(text: &str, how: Splitting) -> Result<Vec<Chunk>> {
    let size = how.size.max(1);
    let mut cutter = Cutter {
        text,
        size,
        overlap: how.overlap.min(size - 1),
        chunks: Vec::new(),
        room: text.len().saturating_mul(MOST_REPETITION).max(ALWAYS_ALLOWED),
    };
    cutter.cut(0, text.len(), &SEPARATORS)?;
    Ok(counted(text, &cutter.chunks))
}

/// The chunks of these stretches, which begin one after the other or at one place.
fn counted(text: &str, stretches: &[(usize, usize)]) -> Vec<Chunk> {
    let length = |from, to| text.get(from..to).map_or(0, characters);
    let (mut at, mut start) = (0, 0);
    let chunk = |&(from, to): &(usize, usize)| {
        start += length(at, from);
        at = from;
        let span = Span { start, end: start + length(from, to) };
        Chunk { text: text[from..to].to_owned(), span }
    };
    stretches.iter().map(chunk).collect()
}

struct Cutter<'a> {
    text: &'a str,
    size: usize,
    overlap: usize,
    /// In bytes.
    chunks: Vec<(usize, usize)>,
    /// How many bytes of chunks may still be made.
    room: usize,
}

/// A stretch of the text, in bytes, and its length in UTF-16 code units.
#[derive(Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    units: usize,
    is_blank: bool,
}

/// Neighbouring pieces that will be one chunk.
#[derive(Default)]
struct Window {
    pieces: VecDeque<Piece>,
    units: usize,
    /// How many of the pieces are not blank.
    inked: usize,
}

impl Cutter<'_> {
    /// Cuts one stretch at the first separator that occurs in it, and what is too long after that
    /// at the following ones: four levels at most.
    fn cut(&mut self, start: usize, end: usize, separators: &[&str]) -> Result<()> {
        let stretch = &self.text[start..end];
        let found = separators.iter().position(|separator| stretch.contains(separator));
        let (separator, finer) = match found {
            Some(at) => (Some(separators[at]), &separators[at + 1..]),
            None => (None, &separators[..0]),
        };
        let mut window = Window::default();
        let mut at = start;
        while at < end {
            let next = at + piece_length(&self.text[at..end], separator);
            let piece = self.piece(at, next);
            at = next;
            if piece.units < self.size {
                self.join(&mut window, piece)?;
                continue;
            }
            self.finish(&mut window)?;
            match separator {
                Some(_) => self.cut(piece.start, piece.end, finer)?,
                // A single character as long as a chunk stands alone, even when it is a space.
                None => self.chunks.push((piece.start, piece.end)),
            }
        }
        self.finish(&mut window)
    }

    fn join(&mut self, window: &mut Window, piece: Piece) -> Result<()> {
        if window.units + piece.units > self.size && !window.pieces.is_empty() {
            self.emit(window)?;
            while window.units > self.overlap || window.units + piece.units > self.size {
                let Some(first) = window.pieces.pop_front() else { break };
                window.units -= first.units;
                window.inked -= usize::from(!first.is_blank);
            }
        }
        window.units += piece.units;
        window.inked += usize::from(!piece.is_blank);
        window.pieces.push_back(piece);
        Ok(())
    }

    fn finish(&mut self, window: &mut Window) -> Result<()> {
        self.emit(window)?;
        *window = Window::default();
        Ok(())
    }

    fn emit(&mut self, window: &Window) -> Result<()> {
        match (window.pieces.front(), window.pieces.back()) {
            (Some(first), Some(last)) if window.inked > 0 => self.push(first.start, last.end),
            _ => Ok(()),
        }
    }

    /// Makes a chunk of a stretch. Room is taken for the white space around it as well, so that
    /// looking for its ends cannot take more time than there is room.
    fn push(&mut self, start: usize, end: usize) -> Result<()> {
        self.room = self.room.checked_sub(end - start).ok_or_else(|| {
            Error::invalid("chunk overlap", "repeats this text too often; choose a smaller one")
        })?;
        let stretch = &self.text[start..end];
        let inked = stretch.trim_start_matches(is_javascript_space);
        let start = end - inked.len();
        let inked = inked.trim_end_matches(is_javascript_space);
        self.chunks.push((start, start + inked.len()));
        Ok(())
    }

    fn piece(&self, start: usize, end: usize) -> Piece {
        let text = &self.text[start..end];
        Piece { start, end, units: units(text), is_blank: text.chars().all(is_javascript_space) }
    }
}

/// The bytes up to the next separator after the first character, which may be one itself; or of
/// the first character when there is no separator. `text` is not empty.
fn piece_length(text: &str, separator: Option<&str>) -> usize {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let Some(separator) = separator else { return first };
    match text[first..].find(separator) {
        Some(at) => first + at,
        None => text.len(),
    }
}

/// The length in UTF-16 code units.
fn units(text: &str) -> usize {
    let in_two_units = text.bytes().filter(|byte| *byte >= 0xf0).count();
    text.chars().count() + in_two_units
}

/// As many as fit the number that spans count with; texts are bounded far below that.
fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// What JavaScript's `trim` removes: unlike Rust's, the byte order mark and not U+0085.
fn is_javascript_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}
