//! Reads bookmarks (the outline of a file), which name its headings.
use std::collections::HashMap;

use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict, Object, String as PdfString};

use super::info::{catalog, text_string};

const LIMIT: usize = 20_000;
/// Maximum depth of bookmarks and of the tree of named destinations.
const DEEPEST: usize = 32;
/// Maximum level of a Markdown heading.
const MAX_MARKS: usize = 6;

/// The titles of the bookmarks of a page with their depth, from 1.
pub type OnPage = HashMap<String, usize>;

/// Returns the bookmarks that lead to each page, in the order of the pages.
pub fn by_page(pdf: &Pdf) -> Vec<OnPage> {
    let mut pages = vec![OnPage::new(); pdf.pages().len()];
    let catalog = catalog(pdf);
    let Some(outline) = catalog.get::<Dict<'_>>("Outlines") else { return pages };
    let ids = pdf.pages().iter().enumerate().filter_map(|(number, page)| {
        let id = page.raw().obj_id()?;
        Some(((id.obj_number, id.gen_number), number))
    });
    let mut reader = Reader { catalog, ids: ids.collect(), left: LIMIT, pages: &mut pages };
    reader.children(&outline, 1);
    pages
}

/// Normalises a title for comparison: small letters and digits, without spaces and a leading
/// number.
pub fn comparable(title: &str) -> String {
    let words = title.trim_start_matches(|c: char| !c.is_alphabetic());
    let words = if words.is_empty() { title } else { words };
    words.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

struct Reader<'a, 'p> {
    catalog: Dict<'a>,
    ids: HashMap<(u32, i32), usize>,
    left: usize,
    pages: &'p mut Vec<OnPage>,
}

impl<'a> Reader<'a, '_> {
    fn children(&mut self, parent: &Dict<'a>, depth: usize) {
        let mut next = parent.get::<Dict<'a>>("First");
        while let Some(bookmark) = next.take().filter(|_| self.left > 0) {
            self.left -= 1;
            self.add(&bookmark, depth);
            if depth < DEEPEST {
                self.children(&bookmark, depth + 1);
            }
            next = bookmark.get::<Dict<'a>>("Next");
        }
    }

    fn add(&mut self, bookmark: &Dict<'a>, depth: usize) {
        let Some(title) = bookmark.get::<PdfString<'_>>("Title") else { return };
        let title = comparable(&text_string(title.as_bytes()));
        let action = bookmark.get::<Dict<'a>>("A");
        let place = bookmark.get::<Object<'a>>("Dest");
        let place = place.or_else(|| action?.get::<Object<'a>>("D"));
        let page = place.and_then(|place| self.page(place)).and_then(|at| self.pages.get_mut(at));
        if let Some(page) = page.filter(|_| !title.is_empty()) {
            page.entry(title).or_insert(depth.min(MAX_MARKS));
        }
    }

    /// Returns the page of a destination, which may be named.
    fn page(&self, place: Object<'a>) -> Option<usize> {
        match place {
            Object::Array(place) => {
                let id = place.raw_iter().next()?.as_obj_ref()?;
                self.ids.get(&(id.obj_number, id.gen_number)).copied()
            }
            Object::Dict(place) => self.page(place.get::<Object<'a>>("D")?),
            Object::Name(name) => {
                let named = self.catalog.get::<Dict<'a>>("Dests")?;
                self.unnamed(named.get::<Object<'a>>(name.as_str())?)
            }
            Object::String(name) => {
                let names = self.catalog.get::<Dict<'a>>("Names")?.get::<Dict<'a>>("Dests")?;
                self.unnamed(lookup(&names, name.as_bytes(), 0)?)
            }
            _ => None,
        }
    }

    /// Like [`Reader::page`], but a name must not refer to another name.
    fn unnamed(&self, place: Object<'a>) -> Option<usize> {
        match place {
            Object::Dict(dict) => self.page(Object::Array(dict.get::<Array<'a>>("D")?)),
            Object::Array(_) => self.page(place),
            _ => None,
        }
    }
}

/// Finds a destination in a name tree.
fn lookup<'a>(node: &Dict<'a>, name: &[u8], depth: usize) -> Option<Object<'a>> {
    if let Some(limits) = node.get::<Array<'a>>("Limits") {
        let mut limits = limits.iter::<PdfString<'a>>();
        let (first, last) = (limits.next()?, limits.next()?);
        if name < first.as_bytes() || name > last.as_bytes() {
            return None;
        }
    }
    if let Some(pairs) = node.get::<Array<'a>>("Names") {
        let mut pairs = pairs.iter::<Object<'a>>();
        while let (Some(key), Some(place)) = (pairs.next(), pairs.next()) {
            if key.into_string().is_some_and(|key| key.as_bytes() == name) {
                return Some(place);
            }
        }
    }
    let children = node.get::<Array<'a>>("Kids").filter(|_| depth < DEEPEST)?;
    children.iter::<Dict<'a>>().take(LIMIT).find_map(|child| lookup(&child, name, depth + 1))
}

/// Returns the heading level if a bookmark names `text`.
pub fn marks(on_page: &OnPage, text: &str) -> Option<usize> {
    if on_page.is_empty() { None } else { on_page.get(&comparable(text)).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_compared_without_their_numbers() {
        assert_eq!(comparable("3.1  Liability of the Carrier"), "liabilityofthecarrier");
        assert_eq!(comparable("Liability of\u{a0}the carrier"), "liabilityofthecarrier");
        assert_eq!(comparable("2026"), "2026");
        let on_page = OnPage::from([("scope".to_owned(), 2)]);
        assert_eq!((marks(&on_page, "1 Scope"), marks(&on_page, "Scopes")), (Some(2), None));
    }
}
