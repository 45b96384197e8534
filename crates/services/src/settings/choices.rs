//! Settings with a fixed set of values, and the variables that each value needs.
use carrel_domain::{Error, Result};

/// An allowed value.
#[derive(Debug)]
pub struct Choice {
    /// The value.
    pub value: &'static str,
    /// The variable with the model name, if the value is a model provider.
    pub model: Option<&'static str>,
    /// The variables without which the choice does not work.
    pub required: Vec<&'static str>,
    kind: &'static str,
}

/// The sets of allowed values in `choices.tsv`.
#[derive(Debug)]
pub struct Choices {
    rows: Vec<Choice>,
    refusals: Vec<(&'static str, &'static str)>,
}

impl Choices {
    /// Parses the table.
    ///
    /// # Errors
    /// [`Error::Internal`] with the first invalid row.
    pub fn parse(table: &'static str) -> Result<Self> {
        let mut choices = Self { rows: Vec::new(), refusals: Vec::new() };
        for line in super::registry::rows(table) {
            let [kind, value, model, required] = line.split('\t').collect::<Vec<_>>()[..] else {
                return Err(Error::internal(format!("choices.tsv: `{line}` has not four columns")));
            };
            if value == "*" {
                choices.refusals.push((kind, model));
                continue;
            }
            let optional = |column: &'static str| (column != "-").then_some(column);
            let required =
                optional(required).into_iter().flat_map(|required| required.split(',')).collect();
            choices.rows.push(Choice { value, model: optional(model), required, kind });
        }
        Ok(choices)
    }

    /// Returns the values of a kind, in table order.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Choice> {
        self.rows.iter().filter(move |row| row.kind == kind)
    }

    /// Returns the choice with a value.
    pub fn find(&self, kind: &str, value: &str) -> Option<&Choice> {
        self.rows.iter().find(|row| row.kind == kind && row.value == value)
    }

    /// Returns the error message for a value that is not in the set, in the words that clients
    /// expect.
    pub fn refusal(&self, kind: &str, value: &str) -> String {
        let words = self.refusals.iter().find(|(name, _)| *name == kind).map(|(_, words)| *words);
        let excerpt: String = value.chars().take(100).collect();
        let words = words.unwrap_or("Must be one of {all}.");
        words.replace("{all}", &self.value_list(kind)).replace("{value}", &excerpt)
    }

    /// Returns the values of a kind, separated by commas.
    pub fn value_list(&self, kind: &str) -> String {
        self.of(kind).map(|row| row.value).collect::<Vec<_>>().join(", ")
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> &[Choice] {
        &self.rows
    }
}
