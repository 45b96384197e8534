//! Reads Word fields: their visible part, and the states of check boxes and lists in old forms.
use crate::extract::xml::Element;

/// Maximum nesting of fields.
const DEEPEST: usize = 50;
/// Length of an instruction that is read.
const INSTRUCTION: usize = 200;

#[derive(Default)]
struct Field {
    instruction: String,
    in_result: bool,
    is_checked: bool,
    entries: Vec<String>,
    chosen: usize,
}

#[derive(Default)]
pub struct WordFields {
    open: Vec<Field>,
    deeper: usize,
}

impl WordFields {
    /// Whether text at this position is visible: not in an instruction, and not a page number.
    pub fn is_shown(&self) -> bool {
        self.open.iter().all(|field| field.in_result && !is_page(&field.instruction))
    }

    /// Handles an element of a field; returns its visible text, if any.
    pub fn start(&mut self, element: &Element<'_>) -> Option<String> {
        let value = || element.attribute("val");
        let is_on = || value().is_none_or(|value| !matches!(&*value, "0" | "false" | "off"));
        match element.name() {
            "fldChar" => return self.mark(&element.attribute("fldCharType").unwrap_or_default()),
            "fldSimple" => {
                let instruction = element.attribute("instr").unwrap_or_default().into_owned();
                self.push(Field { instruction, in_result: true, ..Field::default() });
            }
            name => {
                let field = self.open.last_mut().filter(|field| !field.in_result)?;
                match name {
                    "default" | "checked" => field.is_checked = is_on(),
                    "listEntry" if field.entries.len() < 1_000 => {
                        field.entries.push(value().unwrap_or_default().into_owned());
                    }
                    "result" => field.chosen = value().and_then(|at| at.parse().ok()).unwrap_or(0),
                    _ => {}
                }
            }
        }
        None
    }

    pub fn end_simple(&mut self) {
        self.pop();
    }

    pub fn instruction(&mut self, text: &str) {
        if let Some(field) =
            self.open.last_mut().filter(|field| field.instruction.len() < INSTRUCTION)
        {
            field.instruction.push_str(text);
        }
    }

    fn mark(&mut self, kind: &str) -> Option<String> {
        match kind {
            "begin" => self.push(Field::default()),
            "separate" if self.deeper == 0 => {
                if let Some(field) = self.open.last_mut() {
                    field.in_result = true;
                }
            }
            "end" => {
                let field = self.pop()?;
                let is = |kind: &str| field.instruction.trim_start().starts_with(kind);
                if is("FORMCHECKBOX") && self.is_shown() {
                    return Some(if field.is_checked { "☒" } else { "☐" }.to_owned());
                }
                if is("FORMDROPDOWN") && self.is_shown() {
                    return field.entries.into_iter().nth(field.chosen);
                }
            }
            _ => {}
        }
        None
    }

    fn push(&mut self, field: Field) {
        match self.open.len() < DEEPEST {
            true => self.open.push(field),
            false => self.deeper += 1,
        }
    }

    fn pop(&mut self) -> Option<Field> {
        match self.deeper {
            0 => self.open.pop(),
            _ => {
                self.deeper -= 1;
                None
            }
        }
    }
}

fn is_page(instruction: &str) -> bool {
    let name = instruction.split_whitespace().next().unwrap_or_default();
    matches!(name, "PAGE" | "NUMPAGES" | "SECTIONPAGES")
}
