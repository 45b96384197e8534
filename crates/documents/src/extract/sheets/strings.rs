//! The shared strings of a workbook.
use crate::extract::xml::{Element, Visitor};

#[derive(Default)]
pub struct Strings {
    pub texts: Vec<String>,
    in_text: bool,
    /// Number of open elements with readings of ideographs.
    phonetic: usize,
}

impl Visitor for Strings {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "si" => self.texts.push(String::new()),
            "t" => self.in_text = true,
            "rPh" => self.phonetic += 1,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "rPh" => self.phonetic = self.phonetic.saturating_sub(1),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(last) = self.texts.last_mut().filter(|_| self.in_text && self.phonetic == 0) {
            last.push_str(text);
        }
    }
}
