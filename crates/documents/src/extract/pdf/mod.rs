//! PDF files.
//!
//! A content stream says where each character is drawn, not what belongs together. The text is
//! found in steps: [`content`] follows the drawing instructions, [`fonts`] says what each code
//! means, [`lines`] puts glyphs side by side, [`tables`] and [`paragraphs`] write Markdown.
mod annotations;
mod attachments;
mod bidi;
mod columns;
mod content;
mod fonts;
mod glyph;
mod info;
mod layers;
mod lines;
mod marked;
mod paragraphs;
mod placing;
mod tables;

use carrel_domain::document::Extracted;
use hayro_font::kurbo::Affine;
use hayro_syntax::page::Page;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use super::fault::Fault;
use super::{Input, PAGE_END};
use content::Interpreter;
use glyph::Glyph;
use lines::Line;
use paragraphs::Style;

const WHAT: &str = "a PDF file";

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let bytes = input.bytes()?;
    if !bytes.iter().take(1_024).any(|byte| *byte == b'%') {
        return Err(Fault::damaged(WHAT));
    }
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Fault::protected(),
        LoadPdfError::Decryption(_) => {
            Fault::refused("is encrypted in a way that is not supported.")
        }
        LoadPdfError::Invalid => Fault::damaged(WHAT),
    })?;
    let text = text(&pdf, input)?;
    let files = attachments::read(input, &pdf);
    let document = Extracted {
        part: None,
        title: None,
        author: info::author(&pdf).unwrap_or_else(|| "no author found".to_owned()),
        description: info::title(&pdf).unwrap_or_else(|| "No description found.".to_owned()),
        source: "pdf file uploaded by the user.".to_owned(),
        text,
        warnings: Vec::new(),
    };
    Ok(files.after(document))
}

fn text(pdf: &Pdf, input: &Input<'_>) -> Result<String, Fault> {
    let limit = input.limits.text;
    let catalog = info::catalog(pdf);
    let mut interpreter = Interpreter::new(&catalog);
    let mut pages: Vec<(Vec<Line>, Vec<String>)> = Vec::new();
    let mut size = 0;
    let mut unread = Vec::new();
    for (page, number) in pdf.pages().iter().zip(1..) {
        interpreter.turn_page();
        let upright = upright(page);
        if let Some(content) = page.page_stream() {
            interpreter.draw(content, page.resources(), upright);
        }
        let glyphs = seen(std::mem::take(&mut interpreter.glyphs), page);
        let comments = annotations::draw(page, upright, &mut interpreter);
        let later = seen(std::mem::take(&mut interpreter.glyphs), page);
        if interpreter.is_cut {
            return Err(Fault::TextTooLarge);
        }
        let mut lines = lines::lines(glyphs);
        placing::place(&mut lines, lines::lines(later));
        let lines = columns::unweave(lines);
        let cells = lines.iter().flat_map(|line| &line.cells);
        size += cells
            .map(|cell| cell.text.len())
            .chain(comments.iter().map(String::len))
            .sum::<usize>();
        if size as u64 > limit {
            return Err(Fault::TextTooLarge);
        }
        if lines.is_empty() && comments.is_empty() && interpreter.has_images {
            unread.push(number);
        }
        pages.push((lines, comments));
    }
    if let Some(warning) = unread_pages(&unread) {
        input.warn(warning);
    }
    let style = Style::of(pages.iter().flat_map(|(lines, _)| lines));
    let mut text = String::new();
    for (lines, comments) in &pages {
        append(&mut text, &paragraphs::page(lines, &style));
        comments.iter().for_each(|comment| append(&mut text, comment));
        text.push_str(PAGE_END);
        if text.len() as u64 > limit {
            return Err(Fault::TextTooLarge);
        }
    }
    Ok(text)
}

/// Names pages that are pictures.
fn unread_pages(pages: &[u32]) -> Option<String> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for page in pages {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *page => *last = *page,
            _ => ranges.push((*page, *page)),
        }
    }
    let named: Vec<_> = ranges
        .iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}–{last}"),
        })
        .collect();
    match pages {
        [] => None,
        [page] => Some(format!("Page {page} is a picture, and its text was not read.")),
        _ => Some(format!("Pages {} are pictures, and their text was not read.", named.join(", "))),
    }
}

/// Turns the page as viewers do, its lower left corner at the origin.
fn upright(page: &Page<'_>) -> Affine {
    Affine::new(page.initial_transform(false).as_coeffs())
}

/// Without what lies outside of the page, unless all of it does.
fn seen(glyphs: Vec<Glyph>, page: &Page<'_>) -> Vec<Glyph> {
    let (width, height) = page.render_dimensions();
    let is_on_page = |glyph: &Glyph| {
        let at = glyph.middle();
        let (width, height) = (f64::from(width), f64::from(height));
        (-1.0..=width + 1.0).contains(&at.x) && (-1.0..=height + 1.0).contains(&at.y)
    };
    match glyphs.iter().any(is_on_page) {
        true => glyphs.into_iter().filter(is_on_page).collect(),
        false => glyphs,
    }
}

fn append(text: &mut String, page: &str) {
    let page = page.trim();
    if !text.is_empty() && !page.is_empty() {
        text.push_str(if text.ends_with(PAGE_END) { "\n" } else { "\n\n" });
    }
    text.push_str(page);
}
