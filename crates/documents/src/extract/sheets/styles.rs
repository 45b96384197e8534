//! Cell styles that determine the format of numbers.
use super::number::{Format, Formats};
use crate::extract::xml::{Element, Visitor};

/// Maximum number of styles, which is also the format's own limit.
const MAX_STYLES: usize = 65_536;

#[derive(Default)]
pub struct CellStyles {
    formats: Formats,
    cells: Vec<u32>,
    in_cells: bool,
}

impl CellStyles {
    pub fn format(&mut self, style: usize) -> Format {
        let id = self.cells.get(style).copied().unwrap_or(0);
        self.formats.get(id)
    }
}

impl Visitor for CellStyles {
    fn start(&mut self, element: &Element<'_>) {
        let id = || element.attribute("numFmtId").and_then(|id| id.parse().ok());
        match element.name() {
            "cellXfs" => self.in_cells = true,
            "xf" if self.in_cells && self.cells.len() < MAX_STYLES => {
                self.cells.push(id().unwrap_or(0));
            }
            "numFmt" => {
                if let (Some(id), Some(code)) = (id(), element.attribute("formatCode")) {
                    self.formats.define(id, &code);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if name == "cellXfs" {
            self.in_cells = false;
        }
    }

    fn text(&mut self, _: &str) {}
}
