//! Groups glyphs into lines, words and cells.
use hayro_font::kurbo::Vec2;

use super::glyph::{Glyph, NOTHING};
use super::spaced::{self, LetterPiece};
use super::{bidi, overprint};

/// A gap wider than this, in heights of the text, ends a cell.
const CELL_GAP: f64 = 1.4;
/// A gap wider than this ends a word.
const WORD_GAP: f64 = 0.17;
/// The same if the file draws spaces itself.
const EXTRA_GAP: f64 = 0.26;
/// The same between ideographs, which have wide boxes.
const WIDE_GAP: f64 = 0.6;
/// The same between numbers that are drawn separately.
const NUMBER_GAP: f64 = 0.08;
/// Maximum letter spacing within a text.
const MAX_SPACED: f64 = 0.35;
/// The same for letters that are drawn one by one, which may be labels.
const MAX_SPACED_ALONE: f64 = 0.12;

/// Text between two wide gaps.
#[derive(Clone, Debug)]
pub struct Cell {
    pub text: String,
    pub start: f64,
    pub end: f64,
}

/// Text on one baseline. Positions are along its direction and across it. Those of a right-to-left
/// line are negated, so that it too starts at the lesser position.
#[derive(Clone, Debug)]
pub struct PageLine {
    pub cells: Vec<Cell>,
    pub direction: Vec2,
    pub start: f64,
    pub end: f64,
    pub base: f64,
    pub size: f64,
    pub is_bold: bool,
    pub is_vertical: bool,
    pub is_right_to_left: bool,
    /// The width of the first word.
    pub first_word: f64,
}

impl PageLine {
    pub fn text(&self) -> String {
        self.cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Returns the lines of a page in drawing order.
pub fn lines(mut glyphs: Vec<Glyph>) -> Vec<PageLine> {
    overprint::drop(&mut glyphs);
    let mostly_right = bidi::is_mostly_right(&glyphs);
    let mut lines = Vec::new();
    let mut open: Option<Open> = None;
    for glyph in glyphs {
        if glyph.char == NOTHING {
            continue;
        }
        match open.as_mut().filter(|line| line.accepts(&glyph)) {
            Some(line) => line.push(glyph),
            None => {
                lines.extend(open.take().and_then(|line| line.close(mostly_right)));
                open = Some(Open::new(glyph));
            }
        }
    }
    lines.extend(open.and_then(|line| line.close(mostly_right)));
    lines
}

/// A line that is being assembled.
struct Open {
    glyphs: Vec<Placed>,
    direction: Vec2,
    base: f64,
    size: f64,
    start: f64,
    end: f64,
    is_sorted: bool,
    is_vertical: bool,
}

struct Placed {
    glyph: Glyph,
    at: f64,
    /// Number of glyphs of the line drawn before this one.
    order: usize,
}

impl Placed {
    fn end(&self) -> f64 {
        self.at + self.glyph.advance
    }

    /// Returns the gap before `next`, beyond the letter spacing of the file.
    fn gap(&self, end: f64, next: &Self) -> f64 {
        let is_next = next.order == self.order + 1;
        next.at - end - self.glyph.spacing.filter(|_| is_next).unwrap_or(0.0)
    }

    /// Whether this space lies between two glyphs, and not on top of a glyph that was drawn at
    /// another time.
    fn parts(&self, before: &Self, end: f64, after: &Self) -> bool {
        let is_between = before.order < self.order && self.order < after.order;
        is_between || after.at - end > 0.3 * self.glyph.advance
    }
}

impl Open {
    fn new(glyph: Glyph) -> Self {
        let direction = glyph.direction;
        let (at, base) = glyph.along(direction);
        Self {
            direction,
            base,
            size: glyph.size,
            start: at,
            end: at + glyph.advance,
            is_sorted: true,
            is_vertical: glyph.is_vertical,
            glyphs: vec![Placed { glyph, at, order: 0 }],
        }
    }

    /// Whether `glyph` belongs to this line, at a free position.
    fn accepts(&self, glyph: &Glyph) -> bool {
        if glyph.direction.dot(self.direction) < 0.995 || glyph.is_vertical != self.is_vertical {
            return false;
        }
        let (at, across) = glyph.along(self.direction);
        let (small, large) = (self.size.min(glyph.size), self.size.max(glyph.size));
        let raised = if small < 0.85 * large { 0.5 * large } else { 0.3 * large };
        if (across - self.base).abs() > raised {
            return false;
        }
        let slack = 0.4 * small;
        if at > self.end - slack
            || self.continues(at, small)
            || at + glyph.advance < self.start + slack
        {
            return true;
        }
        let (start, end) = (at + 0.3 * glyph.advance, at + 0.7 * glyph.advance);
        self.glyphs.len() < 4_096
            && !self.glyphs.iter().any(|it| !it.glyph.is_space() && it.at < end && it.end() > start)
    }

    /// Whether a glyph at `at` follows the last drawn one, whose stated width may be too great.
    fn continues(&self, at: f64, size: f64) -> bool {
        let last =
            self.glyphs.last().filter(|last| !last.glyph.is_space() && last.end() >= self.end);
        last.is_some_and(|last| at > last.at + 0.2 * size)
    }

    fn push(&mut self, glyph: Glyph) {
        let (mut at, across) = glyph.along(self.direction);
        if glyph.size > 1.15 * self.size && !glyph.is_space() {
            (self.base, self.size) = (across, glyph.size);
        }
        let last = self.glyphs.last().map_or(at, |last| last.at);
        if bidi::is_mark(glyph.char) {
            at = last;
        }
        let size = self.size.min(glyph.size);
        if at < self.end - 0.4 * size && self.continues(at, size) {
            self.end = at;
            if let Some(last) = self.glyphs.last_mut() {
                last.glyph.advance = at - last.at;
            }
        }
        self.is_sorted &= at >= last;
        self.start = self.start.min(at);
        self.end = self.end.max(at + glyph.advance);
        self.glyphs.push(Placed { glyph, at, order: self.glyphs.len() });
    }

    fn close(mut self, mostly_right: bool) -> Option<PageLine> {
        if !self.is_sorted {
            self.glyphs.sort_by(|one, other| one.at.total_cmp(&other.at));
        }
        let pieces = self.pieces();
        let letters = || pieces.iter().flatten().filter_map(|it| it.glyph);
        let first = letters().next()?;
        let from_right = bidi::from_right(letters().map(|glyph| glyph.char), mostly_right);
        let is_right_to_left = from_right == Some(true);
        let (bold, all) = letters()
            .fold((0, 0), |(bold, all), glyph| (bold + usize::from(glyph.is_bold), all + 1));
        let first_word = pieces[0].iter().take_while(|it| it.glyph.is_some()).last();
        let first_word = first_word.map_or(0.0, |it| it.end) - pieces[0][0].start;
        let mut cells: Vec<Cell> = pieces.iter().map(|piece| cell(piece, from_right)).collect();
        let size = self.size.max(first.size * 0.5);
        if is_right_to_left {
            cells.reverse();
            for cell in &mut cells {
                (cell.start, cell.end) = (-cell.end, -cell.start);
            }
        }
        Some(PageLine {
            direction: self.direction,
            start: cells[0].start,
            end: cells[cells.len() - 1].end,
            cells,
            base: self.base,
            size,
            is_bold: 2 * bold > all,
            is_vertical: self.is_vertical,
            is_right_to_left,
            first_word,
        })
    }

    /// Returns the glyphs of each cell, with the spaces between words. No cell is empty.
    fn pieces(&self) -> Vec<Vec<LetterPiece<'_>>> {
        let word_gap = self.word_gap();
        let mut cells: Vec<Vec<LetterPiece<'_>>> = Vec::new();
        // The last glyph that is not a space, and its index.
        let mut before: Option<(&Placed, usize)> = None;
        let mut end = f64::MIN;
        for (index, placed) in self.glyphs.iter().enumerate() {
            if placed.glyph.is_space() {
                continue;
            }
            let piece =
                LetterPiece { glyph: Some(&placed.glyph), start: placed.at, end: placed.end() };
            match (before, cells.last_mut()) {
                (Some((before, at)), Some(cell)) => {
                    let size = before.glyph.size.max(placed.glyph.size);
                    let gap = before.gap(end, placed);
                    let mut spaces = self.glyphs[at + 1..index].iter();
                    let is_parted = spaces.any(|space| space.parts(before, end, placed));
                    let wide = is_wide(before.glyph.char) && is_wide(placed.glyph.char);
                    let word_gap = match wide {
                        true => WIDE_GAP * size,
                        false if self.parts_numbers(at, index) => NUMBER_GAP * size,
                        false => word_gap * size,
                    };
                    if gap > CELL_GAP * size {
                        cells.push(vec![piece]);
                    } else {
                        if is_parted || gap > word_gap {
                            cell.push(LetterPiece { glyph: None, start: end, end: placed.at });
                        }
                        cell.push(piece);
                    }
                }
                _ => cells.push(vec![piece]),
            }
            end = end.max(placed.end());
            before = Some((placed, index));
        }
        cells.iter_mut().for_each(spaced::join);
        cells
    }

    /// Whether two digits are the end and the start of two longer texts.
    fn parts_numbers(&self, before: usize, after: usize) -> bool {
        let one = |at: usize| self.glyphs.get(at).map(|it| &it.glyph);
        let (Some(last), Some(first)) = (one(before), one(after)) else { return false };
        let has_spacing = |glyph: Option<&Glyph>| glyph.is_some_and(|it| it.spacing.is_some());
        last.spacing.is_none()
            && last.char.is_numeric()
            && first.char.is_numeric()
            && has_spacing(before.checked_sub(1).and_then(one))
            && has_spacing(Some(first))
    }

    /// Returns the gap that ends a word, in heights of the text. Letter-spaced text has wider gaps
    /// between letters than other text has between words.
    fn word_gap(&self) -> f64 {
        let mut gaps: Vec<f64> = self
            .glyphs
            .windows(2)
            .filter(|two| !two[0].glyph.is_space() && !two[1].glyph.is_space())
            .map(|two| two[0].gap(two[0].end(), &two[1]) / two[0].glyph.size.max(two[1].glyph.size))
            .filter(|gap| *gap < CELL_GAP)
            .collect();
        let spaces = self.glyphs.iter().filter(|it| it.glyph.is_space()).count();
        let unspaced = self.glyphs.iter().filter(|it| it.glyph.spacing.is_none()).count();
        let most = if 2 * unspaced > self.glyphs.len() { MAX_SPACED_ALONE } else { MAX_SPACED };
        let usual = match gaps.len() {
            0..5 => 0.0,
            // Letter spacing applies to all gaps; between labels, only a few gaps are wide.
            count => gaps.select_nth_unstable_by(count / 4, f64::total_cmp).1.min(most),
        };
        let gap = if 12 * spaces >= self.glyphs.len() { EXTRA_GAP } else { WORD_GAP };
        gap + usual.max(0.0)
    }
}

fn cell(pieces: &[LetterPiece<'_>], from_right: Option<bool>) -> Cell {
    let (start, end) = (pieces[0].start, pieces[pieces.len() - 1].end);
    let mut text = String::new();
    if let Some(from_right) = from_right {
        let mut clusters: Vec<String> = Vec::new();
        for piece in pieces {
            let mut cluster = String::new();
            match piece.glyph {
                Some(glyph) => glyph.write(&mut cluster),
                None => cluster.push(' '),
            }
            match clusters.last_mut() {
                Some(last) if cluster.chars().all(bidi::is_mark) => last.push_str(&cluster),
                _ => clusters.push(cluster),
            }
        }
        text = bidi::logical(clusters, from_right).concat();
    } else {
        for piece in pieces {
            match piece.glyph {
                Some(glyph) => glyph.write(&mut text),
                None => text.push(' '),
            }
        }
    }
    Cell { text: text.split_whitespace().collect::<Vec<_>>().join(" "), start, end }
}

/// Whether `char` is written without spaces between words.
pub fn is_wide(char: char) -> bool {
    matches!(u32::from(char), 0x2e80..=0x303f | 0x3041..=0x33ff | 0x3400..=0x9fff | 0xf900..=0xfaff
        | 0xff01..=0xff60 | 0xffe0..=0xffe6 | 0x20000..=0x3ffff)
}
