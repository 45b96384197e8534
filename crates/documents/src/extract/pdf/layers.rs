//! Layers (optional content): skips text that a viewer hides.
use std::collections::HashSet;

use hayro_syntax::object::{Array, Dict, Name};

/// Number and generation of an object.
type Id = (u32, i32);

/// The hidden layers, and the visibility of the current sequence.
#[derive(Default)]
pub struct OptionalContent {
    off: HashSet<Id>,
    open: Vec<bool>,
}

impl OptionalContent {
    pub fn new(catalog: &Dict<'_>) -> Self {
        let mut off = HashSet::new();
        let Some(all) = catalog.get::<Dict<'_>>("OCProperties") else { return Self::default() };
        let Some(usual) = all.get::<Dict<'_>>("D") else { return Self::default() };
        if usual.get::<Name<'_>>("BaseState").is_some_and(|state| state.as_str() == "OFF") {
            off.extend(ids(&all, "OCGs"));
            for id in ids(&usual, "ON") {
                off.remove(&id);
            }
        }
        off.extend(ids(&usual, "OFF"));
        Self { off, open: Vec::new() }
    }

    pub fn is_visible(&self) -> bool {
        self.open.last().copied().unwrap_or(true)
    }

    /// Whether the content described by `dict` is on a visible layer.
    pub fn shows(&self, dict: &Dict<'_>) -> bool {
        match (dict.get::<Dict<'_>>("OC"), dict.get_ref("OC")) {
            (Some(layer), Some(id)) => self.is_on(&layer, (id.obj_number, id.gen_number)),
            _ => true,
        }
    }

    fn is_on(&self, layer: &Dict<'_>, id: Id) -> bool {
        if layer.get::<Name<'_>>("Type").is_none_or(|name| name.as_str() != "OCMD") {
            return !self.off.contains(&id);
        }
        let mut members = ids(layer, "OCGs");
        if let Some(id) = layer.get_ref("OCGs").filter(|_| members.is_empty()) {
            members.push((id.obj_number, id.gen_number));
        }
        let is_on = |id: &Id| !self.off.contains(id);
        let policy = layer.get::<Name<'_>>("P");
        members.is_empty()
            || match policy.as_ref().map_or("AnyOn", |name| name.as_str()) {
                "AllOn" => members.iter().all(is_on),
                "AnyOff" => !members.iter().all(is_on),
                "AllOff" => !members.iter().any(is_on),
                _ => members.iter().any(is_on),
            }
    }

    pub fn open(&mut self, layer: Option<(&Dict<'_>, Id)>) {
        let is_on = layer.is_none_or(|(layer, id)| self.is_on(layer, id));
        self.open.push(self.is_visible() && is_on);
    }

    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Closes the innermost sequence, unless it was opened before the current drawing, which
    /// started at `floor`.
    pub fn close(&mut self, floor: usize) {
        if self.open.len() > floor {
            self.open.pop();
        }
    }

    pub fn truncate(&mut self, floor: usize) {
        self.open.truncate(floor);
    }
}

fn ids(dict: &Dict<'_>, key: &str) -> Vec<Id> {
    let list = dict.get::<Array<'_>>(key);
    let items = list.iter().flat_map(|list| list.raw_iter());
    items.filter_map(|item| item.as_obj_ref()).map(|id| (id.obj_number, id.gen_number)).collect()
}
