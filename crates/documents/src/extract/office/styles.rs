//! Paragraph styles that number paragraphs.
use std::collections::HashMap;

use crate::extract::xml::{Element, Visitor};

/// Maximum number of styles in a document.
const MAX_STYLES: usize = 20_000;
/// Maximum length of a chain of base styles.
const LONGEST_CHAIN: usize = 20;

#[derive(Clone, Debug, Default)]
struct Style {
    based_on: Option<String>,
    list: Option<String>,
    level: Option<usize>,
}

#[derive(Default)]
pub struct WordStyles {
    styles: HashMap<String, Style>,
    default: Option<String>,
    current: Option<String>,
}

impl WordStyles {
    /// Returns the list of a paragraph style, and the level if the style names it.
    pub fn list(&self, style: Option<&str>) -> (Option<String>, Option<usize>) {
        let mut name = style.map(str::to_owned).or_else(|| self.default.clone());
        let mut level = None;
        for _ in 0..LONGEST_CHAIN {
            let Some(style) = name.and_then(|name| self.styles.get(&name)) else { break };
            level = level.or(style.level);
            if style.list.is_some() {
                return (style.list.clone(), level);
            }
            name = style.based_on.clone();
        }
        (None, level)
    }
}

impl Visitor for WordStyles {
    fn start(&mut self, element: &Element<'_>) {
        let value = || element.attribute("val").map(|value| value.into_owned());
        if element.name() == "style" {
            let id = element.attribute("styleId").map(|id| id.into_owned());
            let is_paragraph = element.attribute("type").is_none_or(|kind| kind == "paragraph");
            self.current = id.filter(|_| is_paragraph && self.styles.len() < MAX_STYLES);
            let Some(id) = &self.current else { return };
            self.styles.insert(id.clone(), Style::default());
            if element.attribute("default").is_some_and(|is| is == "1" || is == "true") {
                self.default = Some(id.clone());
            }
            return;
        }
        let Some(style) = self.current.as_ref().and_then(|id| self.styles.get_mut(id)) else {
            return;
        };
        match element.name() {
            "basedOn" => style.based_on = value(),
            "numId" => style.list = value(),
            "ilvl" => style.level = value().and_then(|level| level.parse().ok()),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if name == "style" {
            self.current = None;
        }
    }

    fn text(&mut self, _: &str) {}
}
