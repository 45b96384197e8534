//! Reads pages without text as pictures.
use std::collections::BTreeMap;

use super::lines::PageLine;
use super::scans::{self, Drawn};
use crate::extract::Input;
use crate::extract::pictures::UnreadPicture;

/// A page with more characters than this counts as text, even if it draws pictures. Scanners print
/// their names and numbers on pages.
const STAMP: usize = 60;

/// The outcome for pages that are pictures.
#[derive(Default)]
pub struct Scans {
    unread: BTreeMap<UnreadPicture, Vec<u32>>,
    without_text: Vec<u32>,
    cut: Vec<u32>,
    /// Pages whose characters have no known meaning.
    pub unknown: Vec<u32>,
}

impl Scans {
    /// Reads a page from its pictures if `lines`, its text, is no more than a stamp.
    pub fn read(
        &mut self,
        input: &Input<'_>,
        drawn: &[Drawn<'_>],
        size: (f32, f32),
        number: u32,
        lines: &mut Vec<PageLine>,
    ) {
        let length: usize = lines.iter().map(|line| line.text().chars().count()).sum();
        let is_scan =
            !drawn.is_empty() && length <= STAMP && (length == 0 || scans::is_scanned(drawn, size));
        if !is_scan {
            return;
        }
        if let Some(missing) = input.pictures().missing() {
            // The text of the stamp has been read.
            return self.unread.entry(missing.clone()).or_default().push(number);
        }
        let read = scans::picture(drawn, size)
            .and_then(|(picture, scale)| input.pictures().lines(&picture, scale));
        match read {
            Ok((found, is_cut)) => {
                if is_cut {
                    self.cut.push(number);
                } else if found.is_empty() && lines.is_empty() {
                    self.without_text.push(number);
                }
                add(lines, found);
            }
            Err(why) => self.unread.entry(why).or_default().push(number),
        }
    }

    /// Names the pages that were not read.
    pub fn warn(self, input: &Input<'_>) {
        for (why, pages) in self.unread {
            let (pages, is_one) = (named(&pages), pages.len() == 1);
            input.warn(match is_one {
                true => format!("Page {pages} is a picture and was not read: {}.", why.why()),
                false => format!("Pages {pages} are pictures and were not read: {}.", why.why()),
            });
        }
        if !self.cut.is_empty() {
            let pages = named(&self.cut);
            input.warn(format!(
                "Only the beginning of page {pages} was read: the time limit was reached \
                 (CARREL_OCR_TIMEOUT)."
            ));
        }
        if !self.without_text.is_empty() {
            let pages = named(&self.without_text);
            input.warn(format!("No text was found in the pictures on page {pages}."));
        }
        if !self.unknown.is_empty() {
            let pages = named(&self.unknown);
            input.warn(format!(
                "Most of the text on page {pages} was not read: its fonts do not say what their \
                 characters mean. Print the file to a new PDF file as pictures and send that."
            ));
        }
    }
}

/// Inserts the recognized text of a page before its stamp, unless the stamp was recognized too.
fn add(lines: &mut Vec<PageLine>, found: Vec<PageLine>) {
    let without_spaces = |line: &PageLine| line.text().split_whitespace().collect::<String>();
    let known: Vec<String> = found.iter().map(without_spaces).collect();
    lines.retain(|stamp| {
        let stamp = without_spaces(stamp);
        !known.iter().any(|line| line.contains(&stamp))
    });
    lines.splice(0..0, found);
}

/// Formats sorted page numbers: `2–3, 5`.
fn named(pages: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for page in pages {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *page => *last = *page,
            _ => ranges.push((*page, *page)),
        }
    }
    let range = |(first, last): &(u32, u32)| match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_pages_are_named_as_a_range() {
        assert_eq!(named(&[2, 3, 5, 8, 9, 10]), "2–3, 5, 8–10");
        assert_eq!(named(&[7]), "7");
    }
}
