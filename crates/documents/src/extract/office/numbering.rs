//! Numbers paragraphs. The paragraph or its style names the list; this module counts.
use std::collections::HashMap;

use super::ordinals;
use crate::extract::xml::{Element, Visitor};

/// Number of levels of a list.
const LEVELS: usize = 9;
/// Maximum number of lists in a document.
const MAX_LISTS: usize = 50_000;

#[derive(Clone, Debug)]
struct Level {
    start: u32,
    format: String,
    /// A template such as `%1.%2`, in which each number stands for the number of a level.
    text: String,
    /// Items of this level or a higher one restart the numbering: the level above by default; 0
    /// never restarts.
    restart: Option<usize>,
    /// Whether numbers of higher levels are written as digits.
    is_legal: bool,
}

impl Default for Level {
    fn default() -> Self {
        let (format, text) = ("decimal".to_owned(), String::new());
        Self { start: 1, format, text, restart: None, is_legal: false }
    }
}

#[derive(Clone, Debug, Default)]
struct Definition {
    levels: Vec<Level>,
    /// The style of this definition, or the style that names its levels.
    style_link: Option<String>,
    num_style_link: Option<String>,
    /// The levels of paragraph styles.
    styles: HashMap<String, usize>,
}

/// A list of the document: a definition and its overrides.
#[derive(Clone, Debug, Default)]
struct List {
    definition: String,
    starts: HashMap<usize, u32>,
    levels: HashMap<usize, Level>,
}

#[derive(Clone, Default)]
pub struct Numbering {
    definitions: HashMap<String, Definition>,
    lists: HashMap<String, List>,
    /// The number of the last item, for each level of each definition.
    counts: HashMap<String, [Option<u32>; LEVELS]>,
    /// Lists that have started, so that their start overrides apply once.
    started: HashMap<(String, usize), ()>,
    definition: Option<String>,
    list: Option<String>,
    level: Option<usize>,
    in_override: bool,
}

/// The number or bullet before a paragraph.
#[derive(Debug, PartialEq)]
pub enum Label {
    Bullet { level: usize },
    Number(String),
}

impl Numbering {
    /// Returns the list level of a style.
    pub fn level_of_style(&self, list: &str, style: &str) -> Option<usize> {
        let list = self.lists.get(list)?;
        self.definitions.get(&list.definition)?.styles.get(style).copied()
    }

    /// Counts an item of `list` and returns its number or bullet.
    pub fn next(&mut self, list: &str, level: usize) -> Option<Label> {
        let level = level.min(LEVELS - 1);
        let known = self.lists.get(list)?.clone();
        let key = self.resolved(&known.definition);
        let definition = self.definitions.get(&key)?;
        let at = |at: usize| {
            known.levels.get(&at).or_else(|| definition.levels.get(at)).cloned().unwrap_or_default()
        };
        let levels: Vec<Level> = (0..=level).map(at).collect();
        let current = &levels[level];
        let start = known.starts.get(&level).copied();
        let counts = self.counts.entry(key).or_default();
        let begins = start.is_some() && self.started.insert((list.to_owned(), level), ()).is_none();
        let number = match counts[level] {
            Some(number) if !begins => number.saturating_add(1),
            _ => start.unwrap_or(current.start),
        };
        counts[level] = Some(number);
        for (deeper, count) in counts.iter_mut().enumerate().skip(level + 1) {
            let restart = definition.levels.get(deeper).and_then(|level| level.restart);
            let is_reset = match restart {
                Some(0) => false,
                Some(restart) => level < restart,
                None => true,
            };
            if is_reset {
                *count = None;
            }
        }
        if current.format == "bullet" {
            return Some(Label::Bullet { level });
        }
        let number_at = |at: usize| counts[at].unwrap_or_else(|| levels[at].start);
        let label = fill(&current.text, |at| {
            let level_format = levels.get(at)?;
            let is_digits = current.is_legal
                && level_format.format != "decimalZero"
                && level_format.format != "none";
            let format = if is_digits { "decimal" } else { &level_format.format };
            Some(ordinals::write(number_at(at), format))
        });
        let label = label.trim().to_owned();
        (!label.is_empty()).then_some(Label::Number(label))
    }

    /// Returns the definition with the levels, if the given one only links to it by a style.
    fn resolved(&self, id: &str) -> String {
        let link = self.definitions.get(id).and_then(|known| known.num_style_link.as_ref());
        let named = |(_, known): &(&String, &Definition)| {
            link.is_some() && known.style_link.as_ref() == link
        };
        let other = self.definitions.iter().find(named).map(|(id, _)| id.clone());
        other.filter(|_| link.is_some()).unwrap_or_else(|| id.to_owned())
    }

    fn level_mut(&mut self) -> Option<&mut Level> {
        let level = self.level.filter(|level| *level < LEVELS)?;
        if self.in_override {
            let list = self.lists.get_mut(self.list.as_ref()?)?;
            return Some(list.levels.entry(level).or_default());
        }
        let definition = self.definitions.get_mut(self.definition.as_ref()?)?;
        if definition.levels.len() <= level {
            definition.levels.resize(level + 1, Level::default());
        }
        definition.levels.get_mut(level)
    }
}

/// Replaces `%1` to `%9` in `text`.
fn fill(text: &str, number: impl Fn(usize) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let digit = characters.peek().and_then(|next| next.to_digit(10)).filter(|_| c == '%');
        match digit.filter(|digit| *digit > 0) {
            Some(digit) => {
                characters.next();
                filled.extend(number(digit as usize - 1));
            }
            None => filled.push(c),
        }
    }
    filled
}

impl Visitor for Numbering {
    fn start(&mut self, element: &Element<'_>) {
        let value = || element.attribute("val").unwrap_or_default();
        let is_on =
            || element.attribute("val").is_none_or(|val| !matches!(&*val, "0" | "false" | "off"));
        match element.name() {
            "abstractNum" if self.definitions.len() < MAX_LISTS => {
                let id = element.attribute("abstractNumId").unwrap_or_default().into_owned();
                self.definitions.insert(id.clone(), Definition::default());
                self.definition = Some(id);
            }
            "num" if self.lists.len() < MAX_LISTS => {
                let id = element.attribute("numId").unwrap_or_default().into_owned();
                self.lists.insert(id.clone(), List::default());
                self.list = Some(id);
            }
            "lvl" => {
                let level = element.attribute("ilvl").and_then(|level| level.parse().ok());
                self.level = level.or(self.level);
                self.level_mut();
            }
            "lvlOverride" => {
                self.level = element.attribute("ilvl").and_then(|level| level.parse().ok());
                self.in_override = true;
            }
            name => {
                let value = value();
                match name {
                    "abstractNumId" => {
                        let list = self.list.as_ref().and_then(|id| self.lists.get_mut(id));
                        if let Some(list) = list {
                            list.definition = value.into_owned();
                        }
                    }
                    "startOverride" => {
                        let list = self.list.as_ref().and_then(|id| self.lists.get_mut(id));
                        if let (Some(list), Some(level), Ok(start)) =
                            (list, self.level, value.parse())
                        {
                            list.starts.insert(level, start);
                        }
                    }
                    "styleLink" | "numStyleLink" => {
                        let known =
                            self.definition.as_ref().and_then(|id| self.definitions.get_mut(id));
                        if let Some(known) = known {
                            let link = Some(value.into_owned());
                            let is_own = name == "styleLink";
                            *(if is_own {
                                &mut known.style_link
                            } else {
                                &mut known.num_style_link
                            }) = link;
                        }
                    }
                    "pStyle" => {
                        let known =
                            self.definition.as_ref().and_then(|id| self.definitions.get_mut(id));
                        if let (Some(known), Some(level), false) =
                            (known, self.level, self.in_override)
                        {
                            known.styles.insert(value.into_owned(), level);
                        }
                    }
                    _ => {
                        let is_on = is_on();
                        let Some(level) = self.level_mut() else { return };
                        match name {
                            "start" => level.start = value.parse().unwrap_or(1),
                            "numFmt" => level.format = value.into_owned(),
                            "lvlText" => level.text = value.into_owned(),
                            "lvlRestart" => level.restart = value.parse().ok(),
                            "isLgl" => level.is_legal = is_on,
                            _ => {}
                        }
                    }
                }
            }
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "abstractNum" => (self.definition, self.level) = (None, None),
            "num" => (self.list, self.level) = (None, None),
            "lvlOverride" => self.in_override = false,
            _ => {}
        }
    }

    fn text(&mut self, _: &str) {}
}
