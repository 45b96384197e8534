//! The recursive rule: cut at the coarsest boundary, and join neighbouring pieces as long as they
//! fit.
use std::collections::VecDeque;
use std::ops::Range;

use carrel_domain::document::Splitting;
use carrel_domain::{Error, Result};

use super::sentences;

/// A boundary at which text may be cut. Lists of boundaries start with the coarsest; after the
/// last, text is cut between any two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boundary {
    Before(&'static str),
    Sentence,
}

/// LangChain's boundaries, for text without sentences.
pub(super) const LINES: &[Boundary] =
    &[Boundary::Before("\n\n"), Boundary::Before("\n"), Boundary::Before(" ")];
pub(super) const SENTENCES: &[Boundary] =
    &[Boundary::Before("\n"), Boundary::Sentence, Boundary::Before(" ")];

/// Maximum total length of chunks, in lengths of the text ...
const MAX_REPETITION: usize = 16;
/// ... or in bytes, whichever is more. Only an overlap of almost the chunk size reaches it.
const ALWAYS_ALLOWED: usize = 64 << 20;

/// A range of text that becomes a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The header row of the table that the range continues, in bytes.
    pub(super) head: Option<Range<usize>>,
    /// The range in bytes, without white space at its ends.
    pub(super) range: Range<usize>,
}

pub(super) struct Cutter<'a> {
    pub(super) text: &'a str,
    /// Maximum length of a chunk, in UTF-16 code units.
    pub(super) size: usize,
    overlap: usize,
    pub(super) cuts: Vec<Cut>,
    /// The remaining bytes of chunks.
    room: usize,
}

/// A range of the text in bytes, and its length in UTF-16 code units.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) units: usize,
    is_blank: bool,
    /// Whether it belongs to the next block, as a heading does.
    is_lead: bool,
}

impl Piece {
    pub(super) fn leading(self, is_lead: bool) -> Self {
        Self { is_lead, ..self }
    }
}

/// Neighbouring pieces that will form one chunk.
#[derive(Default)]
pub(super) struct Window {
    pieces: VecDeque<Piece>,
    pub(super) units: usize,
    /// Number of pieces that are not blank.
    inked: usize,
}

impl Window {
    pub(super) fn start(&self) -> Option<usize> {
        self.pieces.front().map(|piece| piece.start)
    }

    fn is_lead(&self) -> bool {
        self.pieces.iter().any(|piece| piece.is_lead)
            && self.pieces.iter().all(|piece| piece.is_lead || piece.is_blank)
    }
}

impl<'a> Cutter<'a> {
    /// Creates a cutter. A size of 0 counts as 1, and an overlap of the size or more as one less
    /// than the size.
    pub(super) fn new(text: &'a str, how: Splitting) -> Self {
        let size = how.size.max(1);
        Self {
            text,
            size,
            overlap: how.overlap.min(size - 1),
            cuts: Vec::new(),
            room: text.len().saturating_mul(MAX_REPETITION).max(ALWAYS_ALLOWED),
        }
    }

    /// Cuts a range at the first boundary that occurs in it, and the pieces that are still too long
    /// at the following ones. The first chunk starts with `carried`.
    pub(super) fn cut(
        &mut self,
        stretch: Range<usize>,
        boundaries: &[Boundary],
        carried: Window,
    ) -> Result<()> {
        let whole = &self.text[stretch.clone()];
        let found = boundaries.iter().position(|boundary| boundary.occurs_in(whole));
        let (boundary, finer) = match found {
            Some(at) => (Some(boundaries[at]), &boundaries[at + 1..]),
            None => (None, &boundaries[..0]),
        };
        let mut window = carried;
        let mut at = stretch.start;
        while at < stretch.end {
            let next = at + piece_length(&self.text[at..stretch.end], boundary);
            let piece = self.piece(at..next);
            at = next;
            if piece.units < self.size {
                self.join(&mut window, piece)?;
                continue;
            }
            let carried = self.carry(&mut window)?;
            match boundary {
                Some(_) => self.cut(piece.start..piece.end, finer, carried)?,
                // A single character as long as a chunk is a chunk, even if it is a space.
                None => {
                    self.emit(&carried)?;
                    self.cuts.push(Cut { head: None, range: piece.start..piece.end });
                }
            }
        }
        self.finish(&mut window)
    }

    pub(super) fn join(&mut self, window: &mut Window, piece: Piece) -> Result<()> {
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

    /// Empties a window before a piece that has to be cut. A lead of that piece is carried over to
    /// it; anything else becomes a chunk.
    pub(super) fn carry(&mut self, window: &mut Window) -> Result<Window> {
        if !window.is_lead() {
            self.finish(window)?;
        }
        Ok(std::mem::take(window))
    }

    pub(super) fn finish(&mut self, window: &mut Window) -> Result<()> {
        self.emit(window)?;
        *window = Window::default();
        Ok(())
    }

    fn emit(&mut self, window: &Window) -> Result<()> {
        match (window.pieces.front(), window.pieces.back()) {
            (Some(first), Some(last)) if window.inked > 0 => {
                self.push(None, first.start..last.end, is_javascript_space)
            }
            _ => Ok(()),
        }
    }

    /// Adds a chunk for a range. The white space around it also counts against the limit, so that
    /// the search for its ends is bounded.
    pub(super) fn push(
        &mut self,
        head: Option<Range<usize>>,
        stretch: Range<usize>,
        is_space: fn(char) -> bool,
    ) -> Result<()> {
        let length = stretch.len() + head.as_ref().map_or(0, Range::len);
        self.room = self.room.checked_sub(length).ok_or_else(|| {
            Error::invalid("chunk overlap", "repeats this text too often; choose a smaller one")
        })?;
        let inked = self.text[stretch.clone()].trim_start_matches(is_space);
        let start = stretch.end - inked.len();
        let range = start..start + inked.trim_end_matches(is_space).len();
        if !range.is_empty() {
            self.cuts.push(Cut { head, range });
        }
        Ok(())
    }

    pub(super) fn piece(&self, range: Range<usize>) -> Piece {
        let text = &self.text[range.clone()];
        Piece {
            start: range.start,
            end: range.end,
            units: units(text),
            is_blank: text.chars().all(is_javascript_space),
            is_lead: false,
        }
    }

    /// Returns a cutter of the same text with another size.
    pub(super) fn resized(&self, size: usize) -> Self {
        let overlap = self.overlap.min(size - 1);
        Self { text: self.text, size, overlap, cuts: Vec::new(), room: self.room }
    }
}

impl Boundary {
    fn occurs_in(self, text: &str) -> bool {
        match self {
            Self::Before(separator) => text.contains(separator),
            Self::Sentence => sentences::first(text) < text.len(),
        }
    }
}

/// Returns the number of bytes up to the next boundary after the first character, which may be a
/// boundary itself. Without a boundary, returns the length of the first character. `text` is not
/// empty.
fn piece_length(text: &str, boundary: Option<Boundary>) -> usize {
    let first = text.chars().next().map_or(0, char::len_utf8);
    match boundary {
        None => first,
        Some(Boundary::Sentence) => sentences::first(text).max(first),
        Some(Boundary::Before(separator)) => {
            text[first..].find(separator).map_or(text.len(), |at| first + at)
        }
    }
}

/// Returns the length in UTF-16 code units.
pub(super) fn units(text: &str) -> usize {
    let in_two_units = text.bytes().filter(|byte| *byte >= 0xf0).count();
    text.chars().count() + in_two_units
}

/// Whether JavaScript's `trim` removes a character: unlike Rust's, it removes the byte order mark
/// but not U+0085.
pub(super) fn is_javascript_space(c: char) -> bool {
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}
