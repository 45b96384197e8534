//! EPUB books: the text of their chapters, in reading order.
use std::collections::{HashMap, HashSet};

use carrel_domain::document::Extracted;

use super::archive::{Archive, resolve, unescaped};
use super::dublin_core::DublinCore;
use super::extract_error::ExtractError;
use super::office;
use super::xml::{Element, Visitor};
use super::{Input, embedded, html};

const WHAT: &str = "a book in EPUB (.epub)";

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut archive = Archive::open(input, WHAT)?;
    let mut container = Container::default();
    archive.visit_needed("META-INF/container.xml", &mut container)?;
    let package = container.package.ok_or_else(|| ExtractError::damaged(WHAT))?;
    let mut book = Book::default();
    archive.visit_needed(&package, &mut book)?;
    let mut sealed = Sealed::default();
    archive.visit("META-INF/encryption.xml", &mut sealed)?;

    let folder = package.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (mut text, mut visited, mut is_sealed) = (String::new(), HashSet::new(), false);
    for id in &book.order {
        let fallback = || book.items.get(book.fallbacks.get(id)?);
        let Some(target) = book.items.get(id).or_else(fallback) else { continue };
        let part = part_at(folder, target);
        if !visited.insert(part.clone()) {
            continue;
        }
        if sealed.parts.contains(&part) {
            input.warn(format!("The chapter {part} is protected by digital rights management."));
            is_sealed = true;
            continue;
        }
        let Some(bytes) = embedded::part_bytes(input, &mut archive, &part, &part)? else {
            continue;
        };
        let (chapter, _) = html::readable_bytes(&bytes, input.limits.text)?;
        if !text.is_empty() && !chapter.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&chapter);
        if text.len() as u64 > input.limits.text {
            return Err(ExtractError::TextTooLarge);
        }
    }
    if is_sealed && text.trim().is_empty() {
        return Err(ExtractError::unreadable("is protected by digital rights management."));
    }
    for part in &book.pictures {
        let part = part_at(folder, part);
        if let Some(picture) = office::picture(input, &mut archive, &part)? {
            text.push_str(&format!("\n\n{picture}"));
        }
    }
    let mut document = Extracted {
        part: None,
        title: None,
        author: "Unknown".to_owned(),
        description: "Unknown".to_owned(),
        source: "epub file uploaded by the user.".to_owned(),
        text,
        warnings: Vec::new(),
    };
    DublinCore::of(&mut archive, &package).describe(&mut document);
    Ok(vec![document])
}

/// Returns the part of an address in the book, without its fragment.
fn part_at(folder: &str, address: &str) -> String {
    let target = address.split('#').next().unwrap_or_default();
    resolve(folder, &unescaped(target))
}

/// Finds the part that describes the book.
#[derive(Default)]
struct Container {
    package: Option<String>,
}

impl Visitor for Container {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() == "rootfile" && self.package.is_none() {
            self.package = element.attribute("full-path").map(|path| resolve("", &path));
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// The parts of the book.
#[derive(Default)]
struct Book {
    /// Parts by id.
    items: HashMap<String, String>,
    /// Fallbacks for parts that are neither pages nor drawings.
    fallbacks: HashMap<String, String>,
    /// The ids of parts in reading order.
    order: Vec<String>,
    /// Bitmap images.
    pictures: Vec<String>,
}

impl Visitor for Book {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "item" => {
                let (id, target) = (element.attribute("id"), element.attribute("href"));
                let kind = element.attribute("media-type").unwrap_or_default();
                let is_picture = kind.starts_with("image/") && !kind.contains("svg");
                self.pictures
                    .extend(target.as_ref().filter(|_| is_picture).map(|it| it.to_string()));
                let is_text = ["html", "svg", "dtbook", "oeb1-document"]
                    .iter()
                    .any(|known| kind.contains(known));
                if let (Some(id), true, Some(target)) = (&id, is_text, target) {
                    self.items.insert(id.to_string(), target.into_owned());
                } else if let (Some(id), Some(other)) = (id, element.attribute("fallback")) {
                    self.fallbacks.insert(id.into_owned(), other.into_owned());
                }
            }
            "itemref" => {
                self.order.extend(element.attribute("idref").map(|id| id.into_owned()));
            }
            _ => {}
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// The parts that are protected by digital rights management.
#[derive(Default)]
struct Sealed {
    parts: HashSet<String>,
}

impl Visitor for Sealed {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() == "CipherReference" {
            let part = element.attribute("URI").map(|uri| resolve("", &unescaped(&uri)));
            self.parts.extend(part);
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}
