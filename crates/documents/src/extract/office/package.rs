//! The parts of a package and their references to each other.
use std::collections::{BTreeMap, HashMap};

use crate::extract::archive::{Archive, resolve};
use crate::extract::extract_error::ExtractError;
use crate::extract::xml::{Element, Visitor};

/// Maximum number of relationships of a part.
const MAX_RELATIONS: usize = 100_000;

/// Returns the main part of a package, which may have an unusual name.
pub fn main_part(archive: &mut Archive<'_>, usual: &str) -> Result<String, ExtractError> {
    if archive.has(usual) {
        return Ok(usual.to_owned());
    }
    let relations = Relations::of(archive, "")?;
    let named = relations.of_kind("/officeDocument").next().map(|(_, part)| part.to_owned());
    Ok(named.unwrap_or_else(|| usual.to_owned()))
}

/// The relationships of a part.
#[derive(Default)]
pub struct Relations {
    folder: String,
    /// Kind and target part, by id.
    parts: BTreeMap<String, (String, String)>,
}

impl Relations {
    pub fn of(archive: &mut Archive<'_>, part: &str) -> Result<Self, ExtractError> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let file = format!("{folder}/_rels/{name}.rels");
        let mut relations = Self { folder: folder.to_owned(), parts: BTreeMap::new() };
        archive.visit(file.trim_start_matches('/'), &mut relations)?;
        Ok(relations)
    }

    /// Returns the related parts whose relationship type ends with `kind`, by id.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let parts = self.parts.iter().filter(move |(_, (known, _))| known.ends_with(kind));
        parts.map(|(id, (_, part))| (id.as_str(), part.as_str()))
    }

    pub fn part(&self, id: &str) -> Option<&str> {
        self.parts.get(id).map(|(_, part)| part.as_str())
    }

    /// Returns the part with this id. If the package has lost its relationships, returns the usual
    /// one.
    pub fn part_or(&self, id: &str, usual: impl FnOnce() -> String) -> Option<String> {
        let lost = self.parts.is_empty().then(usual);
        self.part(id).map(str::to_owned).or(lost)
    }

    /// Returns the first existing part of a kind, or the usual one if the relationships name none
    /// that exists.
    pub fn first(&self, archive: &Archive<'_>, kind: &str, usual: &str) -> Option<String> {
        let mut named = self.of_kind(kind).map(|(_, part)| part).peekable();
        let usual = (named.peek().is_some() || self.parts.is_empty()).then_some(usual);
        named.chain(usual).find(|part| archive.has(part)).map(str::to_owned)
    }
}

impl Visitor for Relations {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() != "Relationship" || self.parts.len() >= MAX_RELATIONS {
            return;
        }
        let [id, kind, target] = ["Id", "Type", "Target"].map(|name| element.attribute(name));
        let (Some(id), Some(kind), Some(target)) = (id, kind, target) else { return };
        if element.attribute("TargetMode").is_none_or(|mode| mode != "External") {
            let part = resolve(&self.folder, &target);
            self.parts.insert(id.into_owned(), (kind.into_owned(), part));
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// Texts by the id with which the main part refers to them.
pub type PartTexts = HashMap<String, String>;
