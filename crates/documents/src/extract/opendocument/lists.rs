//! Numbers lists and headings of OpenDocument.
use std::collections::HashMap;

use crate::extract::office::ordinal;
use crate::extract::xml::Element;

/// Number of levels of a list.
const LEVELS: usize = 10;
/// Maximum number of list styles.
const MAX_STYLES: usize = 20_000;
/// Maximum nesting of lists.
const DEEPEST: usize = 100;

#[derive(Clone, Debug)]
struct Level {
    /// `1`, `a`, `A`, `i`, `I`, or empty for no number.
    format: String,
    prefix: String,
    suffix: String,
    /// The number of levels shown in the label, this one last.
    levels_displayed: usize,
    start: u32,
}

/// The list styles of a document.
#[derive(Default)]
pub struct ListStyles {
    styles: HashMap<String, HashMap<usize, Level>>,
    current: Option<String>,
}

/// The style that numbers headings.
const OUTLINE: &str = "\0outline";

impl ListStyles {
    pub fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "list-style" if self.styles.len() < MAX_STYLES => {
                let name = element.attribute("name").unwrap_or_default().into_owned();
                self.styles.insert(name.clone(), HashMap::new());
                self.current = Some(name);
            }
            "outline-style" => {
                self.styles.insert(OUTLINE.to_owned(), HashMap::new());
                self.current = Some(OUTLINE.to_owned());
            }
            "list-level-style-number" | "outline-level-style" => {
                let Some(style) = self.current.as_ref().and_then(|name| self.styles.get_mut(name))
                else {
                    return;
                };
                let number =
                    |name| element.attribute(name).and_then(|value| value.parse::<usize>().ok());
                let text = |name| element.attribute(name).unwrap_or_default().into_owned();
                let level = Level {
                    format: text("num-format"),
                    prefix: text("num-prefix"),
                    suffix: text("num-suffix"),
                    levels_displayed: number("display-levels").unwrap_or(1),
                    start: number("start-value")
                        .and_then(|start| u32::try_from(start).ok())
                        .unwrap_or(1),
                };
                style.insert(number("level").unwrap_or(1).saturating_sub(1), level);
            }
            _ => {}
        }
    }

    pub fn end(&mut self, name: &str) {
        if matches!(name, "list-style" | "outline-style") {
            self.current = None;
        }
    }
}

/// The open lists and their counters.
#[derive(Default)]
pub struct Lists {
    /// The style of each open list.
    open: Vec<Option<String>>,
    deeper: usize,
    counts: HashMap<String, [u32; LEVELS]>,
}

impl Lists {
    pub fn open(&mut self, element: &Element<'_>) {
        if self.open.len() >= DEEPEST {
            self.deeper += 1;
            return;
        }
        let own = element.attribute("style-name").map(|name| name.into_owned());
        let style = own.or_else(|| self.open.last().cloned().flatten());
        let is_set = |name| element.attribute(name).is_some_and(|value| value == "true");
        let continues =
            is_set("continue-numbering") || element.attribute("continue-list").is_some();
        if let (true, false, Some(style)) = (self.open.is_empty(), continues, &style) {
            self.counts.remove(style);
        }
        self.open.push(style);
    }

    pub fn close(&mut self) {
        match self.deeper {
            0 => drop(self.open.pop()),
            _ => self.deeper -= 1,
        }
    }

    /// Returns the number or bullet of the next item of the innermost list.
    pub fn item(&mut self, styles: &ListStyles, start: Option<u32>) -> String {
        let depth = self.open.len().saturating_sub(1);
        let style = self.open.last().cloned().flatten();
        let number = style.and_then(|style| self.count(styles, &style, depth, start));
        number.unwrap_or_else(|| format!("{}- ", "  ".repeat(depth.min(8))))
    }

    /// Returns the number of the next heading of a level, counted from 1; empty if headings have
    /// none.
    pub fn heading(&mut self, styles: &ListStyles, level: usize) -> String {
        self.count(styles, OUTLINE, level.saturating_sub(1), None).unwrap_or_default()
    }

    fn count(
        &mut self,
        styles: &ListStyles,
        style: &str,
        depth: usize,
        start: Option<u32>,
    ) -> Option<String> {
        let levels = styles.styles.get(style)?;
        let level =
            levels.get(&depth).filter(|level| !level.format.is_empty() && depth < LEVELS)?;
        let counts = self.counts.entry(style.to_owned()).or_default();
        counts[depth] = match (start, counts[depth]) {
            (Some(start), _) => start,
            (None, 0) => level.start,
            (None, count) => count.saturating_add(1),
        };
        counts[depth + 1..].fill(0);
        let depths = (depth + 1).saturating_sub(level.levels_displayed.max(1))..=depth;
        let numbers: Vec<String> = depths
            .filter_map(|at| {
                let level = levels.get(&at).filter(|level| !level.format.is_empty())?;
                Some(ordinal(counts[at].max(1), &level.format))
            })
            .collect();
        Some(format!("{}{}{} ", level.prefix, numbers.join("."), level.suffix))
    }
}
