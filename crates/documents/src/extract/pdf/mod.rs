//! Reads PDF files.
//!
//! A content stream states the position of each character, but not which characters belong
//! together. The text is recovered in steps: [`content`] follows the drawing instructions,
//! [`fonts`] decodes characters, [`lines`] joins glyphs, [`tables`] and [`paragraphs`] write
//! Markdown.
mod annotations;
mod attachments;
mod bidi;
mod bookmarks;
mod columns;
mod content;
mod drawing;
mod fonts;
mod glyph;
mod glyph_table;
mod info;
mod layers;
mod lines;
mod marked;
mod overprint;
mod paragraphs;
mod placing;
mod scanned;
mod scans;
mod spaced;
mod state;
mod tables;

use carrel_domain::document::Extracted;
use hayro_font::kurbo::Affine;
use hayro_syntax::page::Page;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use super::extract_error::ExtractError;
use super::{Input, PAGE_END};
use bookmarks::OnPage;
use content::Interpreter;
pub use drawing::draw;
use glyph::Glyph;
pub use lines::{Cell, PageLine};
use paragraphs::Style;
use scanned::Scans;

const WHAT: &str = "a PDF file";

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let pdf = open(input)?;
    let text = text(&pdf, input)?;
    let files = attachments::read(input, &pdf);
    let info = info::of(&pdf);
    let document = Extracted {
        part: None,
        title: None,
        author: info.author.unwrap_or_else(|| "no author found".to_owned()),
        description: info.title.unwrap_or_else(|| "No description found.".to_owned()),
        source: "pdf file uploaded by the user.".to_owned(),
        text,
        warnings: Vec::new(),
    };
    Ok(files.after(document))
}

fn open(input: &Input<'_>) -> Result<Pdf, ExtractError> {
    let bytes = input.bytes()?;
    if !bytes.iter().take(1_024).any(|byte| *byte == b'%') {
        return Err(ExtractError::damaged(WHAT));
    }
    Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => ExtractError::protected(),
        LoadPdfError::Decryption(_) => {
            ExtractError::unreadable("is encrypted in a way that is not supported.")
        }
        LoadPdfError::Invalid => not_understood(input),
    })
}

/// Returns why a file that may be intact cannot be opened: it uses a feature that the library does
/// not support.
fn not_understood(input: &Input<'_>) -> ExtractError {
    let bytes = input.bytes().unwrap_or_default();
    let names = |name: &[u8]| bytes.windows(name.len()).any(|it| it == name);
    if names(b"/BrotliDecode") {
        return ExtractError::unreadable(
            "is compressed with Brotli, which is not supported. Save it without and send it again.",
        );
    }
    match names(b"/Encrypt") {
        true => ExtractError::unreadable("is encrypted in a way that is not supported."),
        false => ExtractError::damaged(WHAT),
    }
}

fn text(pdf: &Pdf, input: &Input<'_>) -> Result<String, ExtractError> {
    let limit = input.limits.text;
    let catalog = info::catalog(pdf);
    let mut interpreter = Interpreter::new(&catalog);
    let mut pages: Vec<(Vec<PageLine>, Vec<String>)> = Vec::new();
    let mut size = 0;
    let mut scans = Scans::default();
    for (page, number) in pdf.pages().iter().zip(1..) {
        interpreter.turn_page();
        let upright = upright(page);
        if let Some(content) = page.page_stream() {
            interpreter.draw(content, page.resources(), upright);
        }
        let is_unknown = interpreter.is_mostly_unknown();
        let glyphs = on_page(std::mem::take(&mut interpreter.glyphs), page);
        let comments = annotations::draw(page, upright, &mut interpreter);
        let annotations = on_page(std::mem::take(&mut interpreter.glyphs), page);
        if is_unknown {
            scans.unknown.push(number);
        }
        if interpreter.is_cut {
            return Err(ExtractError::TextTooLarge);
        }
        let mut lines = lines::lines(glyphs);
        placing::place(&mut lines, lines::lines(annotations));
        let mut lines = columns::unweave(lines);
        scans.read(input, &interpreter.drawn, page.render_dimensions(), number, &mut lines);
        let cells = lines.iter().flat_map(|line| &line.cells);
        size += cells
            .map(|cell| cell.text.len())
            .chain(comments.iter().map(String::len))
            .sum::<usize>();
        if size as u64 > limit {
            return Err(ExtractError::TextTooLarge);
        }
        pages.push((lines, comments));
    }
    scans.warn(input);
    let style = Style::of(pages.iter().flat_map(|(lines, _)| lines));
    let mut text = String::new();
    let bookmarks = bookmarks::by_page(pdf);
    for ((lines, comments), bookmarks) in pages.iter().zip(&bookmarks) {
        append(&mut text, &paragraphs::page(lines, &style, bookmarks));
        comments.iter().for_each(|comment| append(&mut text, comment));
        text.push_str(PAGE_END);
        if text.len() as u64 > limit {
            return Err(ExtractError::TextTooLarge);
        }
    }
    Ok(text)
}

/// Converts pages of lines to Markdown.
pub fn written(pages: &[Vec<PageLine>]) -> Vec<String> {
    let style = Style::of(pages.iter().flatten());
    let none = OnPage::new();
    pages.iter().map(|lines| paragraphs::page(lines, &style, &none)).collect()
}

/// Returns the matrix that rotates the page as viewers do, with its lower left corner at the
/// origin.
fn upright(page: &Page<'_>) -> Affine {
    Affine::new(page.initial_transform(false).as_coeffs())
}

/// Removes content outside of the page, unless all of it is outside.
fn on_page(glyphs: Vec<Glyph>, page: &Page<'_>) -> Vec<Glyph> {
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
