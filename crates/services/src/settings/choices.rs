//! The values of settings that have a fixed set of them, and what each of those needs.
use carrel_domain::{Error, Result};

/// One allowed value.
#[derive(Debug)]
pub struct Choice {
    /// The value of the setting.
    pub value: &'static str,
    /// The variable that holds the name of the model, where this is a provider of models.
    pub model: Option<&'static str>,
    /// Variables without which the choice is of no use.
    pub needs: Vec<&'static str>,
    kind: &'static str,
}

/// Every fixed set of values, as `choices.tsv` lists them.
#[derive(Debug)]
pub struct Choices {
    rows: Vec<Choice>,
    refusals: Vec<(&'static str, &'static str)>,
}

impl Choices {
    /// # Errors
    /// [`Error::Internal`] with the first row that cannot be read.
    pub fn parse(table: &'static str) -> Result<Self> {
        let mut choices = Self { rows: Vec::new(), refusals: Vec::new() };
        for line in super::registry::rows(table) {
            let [kind, value, model, needs] = line.split('\t').collect::<Vec<_>>()[..] else {
                return Err(Error::internal(format!("choices.tsv: `{line}` has not four columns")));
            };
            if value == "*" {
                choices.refusals.push((kind, model));
                continue;
            }
            let given = |column: &'static str| (column != "-").then_some(column);
            let needs = given(needs).into_iter().flat_map(|needs| needs.split(',')).collect();
            choices.rows.push(Choice { value, model: given(model), needs, kind });
        }
        Ok(choices)
    }

    /// The values of a kind, in the order of the table.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Choice> {
        self.rows.iter().filter(move |row| row.kind == kind)
    }

    /// The choice of a kind with a value.
    pub fn find(&self, kind: &str, value: &str) -> Option<&Choice> {
        self.rows.iter().find(|row| row.kind == kind && row.value == value)
    }

    /// Why `value` is none of its kind, in the words that clients know.
    pub fn refusal(&self, kind: &str, value: &str) -> String {
        let words = self.refusals.iter().find(|(of, _)| *of == kind).map(|(_, words)| *words);
        let shown: String = value.chars().take(100).collect();
        let words = words.unwrap_or("Must be one of {all}.");
        words.replace("{all}", &self.value_list(kind)).replace("{value}", &shown)
    }

    /// The values of a kind, separated by commas.
    pub fn value_list(&self, kind: &str) -> String {
        self.of(kind).map(|row| row.value).collect::<Vec<_>>().join(", ")
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> &[Choice] {
        &self.rows
    }
}
