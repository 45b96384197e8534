//! Finds the page, slide, rows or seconds of the original for a range of text.
use std::ops::Range;

use carrel_domain::TextKind;
use carrel_domain::provenance::{Locator, LocatorUnit};

use super::rows::Delimited;

/// The starts of the original's parts in a text, in bytes and in the order of the text.
pub(super) struct Locations {
    unit: LocatorUnit,
    /// The positions of parts with their numbers.
    starts: Vec<(usize, u32)>,
    /// Text after this byte has no locator.
    end: usize,
}

impl Locations {
    pub(super) fn of(text: &str, kind: TextKind) -> Self {
        let end = text.len();
        match kind {
            TextKind::Prose => Self { unit: LocatorUnit::Page, starts: pages(text), end },
            TextKind::Slides => Self { unit: LocatorUnit::Slide, starts: pages(text), end },
            TextKind::Transcript => Self { unit: LocatorUnit::Second, starts: marks(text), end },
            TextKind::Table | TextKind::Code => {
                Self { unit: LocatorUnit::Row, starts: Vec::new(), end }
            }
        }
    }

    pub(super) fn of_rows(table: &Delimited) -> Self {
        let start = |record: &super::rows::Record| (record.range.start, record.number);
        let starts = table.records.iter().map(start).collect();
        Self { unit: LocatorUnit::Row, starts, end: table.end }
    }

    pub(super) fn locator(&self, range: &Range<usize>) -> Option<Locator> {
        if range.start >= self.end {
            return None;
        }
        let number = |at: usize| {
            let next = self.starts.partition_point(|(start, _)| *start <= at);
            Some(self.starts.get(next.checked_sub(1)?)?.1)
        };
        let last = range.end.saturating_sub(1).max(range.start);
        Some(Locator::new(self.unit, number(range.start)?, number(last)?))
    }
}

/// Returns the starts of pages. A form feed ends a page; text without form feeds has no pages.
fn pages(text: &str) -> Vec<(usize, u32)> {
    let breaks: Vec<_> = text.match_indices('\u{c}').map(|(at, _)| at + 1).collect();
    let Some(last) = breaks.last() else { return Vec::new() };
    let is_ended = text[*last..].trim().is_empty();
    let starts = breaks.len() + usize::from(!is_ended);
    [0].into_iter().chain(breaks).zip(1..).take(starts).collect()
}

/// Returns the times in brackets at the starts of lines: `[00:01:02] text`.
fn marks(text: &str) -> Vec<(usize, u32)> {
    let mut at = 0;
    let mut marks = Vec::new();
    for line in text.split_inclusive('\n') {
        let mark = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        if let Some(second) = mark.and_then(|(mark, _)| seconds(mark)) {
            marks.push((at, second));
        }
        at += line.len();
    }
    marks
}

/// Parses `01:02` or `00:01:02`.
fn seconds(mark: &str) -> Option<u32> {
    let parts: Vec<u32> = mark.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [minutes, seconds] => minutes.checked_mul(60)?.checked_add(*seconds),
        [hours, minutes, seconds] => {
            hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(*seconds)
        }
        _ => None,
    }
}
