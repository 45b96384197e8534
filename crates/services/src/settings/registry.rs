//! The table of all settings. To add a provider, add rows to `settings.tsv` and `choices.tsv`.
use std::collections::HashMap;

use carrel_domain::{Error, Result};

use super::check::Check;
use super::choices::Choices;

/// The capability that a setting configures. Its subscribers are notified of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// The language model.
    LanguageModel,
    /// The embedder and the splitting of texts for it.
    Embedding,
    /// The vector index.
    Vectors,
    /// Image generation.
    Images,
    /// Reranking.
    Reranking,
    /// Transcription of recordings into documents.
    Transcription,
    /// Speech synthesis.
    TextToSpeech,
    /// Transcription of dictation.
    SpeechToText,
    /// Stored for clients of the other product.
    Agents,
    /// Access control.
    Access,
    /// Everything else.
    General,
}

impl Capability {
    /// Every capability, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::LanguageModel,
        Self::Embedding,
        Self::Vectors,
        Self::Images,
        Self::Reranking,
        Self::Transcription,
        Self::TextToSpeech,
        Self::SpeechToText,
        Self::Agents,
        Self::Access,
        Self::General,
    ];

    /// Returns the name used in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LanguageModel => "llm",
            Self::Embedding => "embedding",
            Self::Vectors => "vectors",
            Self::Images => "images",
            Self::Reranking => "reranking",
            Self::Transcription => "transcription",
            Self::TextToSpeech => "tts",
            Self::SpeechToText => "stt",
            Self::Agents => "agents",
            Self::Access => "access",
            Self::General => "general",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == text)
    }
}

/// The default of a setting, and how it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unset {
    /// No value, and the name is not listed.
    Omitted,
    /// No value, shown as JSON `null`.
    Null,
    /// No value, shown as `false`. For secrets.
    False,
    /// A text.
    Text(&'static str),
    /// A number.
    Number(i64),
    /// A truth value.
    Flag(bool),
    /// The value of another variable.
    As(&'static str),
}

impl Unset {
    fn parse(column: &'static str) -> Option<Self> {
        let rest = column.get(1..).unwrap_or_default();
        Some(match column.chars().next()? {
            '-' if rest.is_empty() => Self::Omitted,
            '=' => Self::Text(rest),
            '#' => Self::Number(rest.parse().ok()?),
            '?' => Self::Flag(rest.parse().ok()?),
            '@' => Self::As(rest),
            _ if column == "null" => Self::Null,
            _ if column == "false" => Self::False,
            _ => return None,
        })
    }

    /// Returns the default as text, or `None` if there is none.
    pub fn text(self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(flag) => Some(flag.to_string()),
            _ => None,
        }
    }
}

/// A setting of the server.
#[derive(Debug)]
pub struct Setting {
    /// The public name, in the API.
    pub name: &'static str,
    /// The variable name, in the environment and the database.
    pub variable: &'static str,
    /// The capabilities whose subscribers are notified of changes.
    pub capabilities: Vec<Capability>,
    /// Whether the value is sealed in the database and shown only as set or not set.
    pub secret: bool,
    /// The default.
    pub unset: Unset,
    /// The rules for its values.
    pub checks: Vec<Check>,
    /// The addresses that a secret is sent to.
    pub destinations: Vec<Destination>,
}

/// A setting that holds an address to which a secret is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Destination {
    /// The variable of the address.
    pub variable: &'static str,
    /// The value of `EMBEDDING_ENGINE` with which the address is used, if it depends on one.
    pub engine: Option<&'static str>,
}

impl Destination {
    fn parse(text: &'static str) -> Self {
        match text.split_once('@') {
            Some((variable, engine)) => Self { variable, engine: Some(engine) },
            None => Self { variable: text, engine: None },
        }
    }
}

impl Setting {
    fn parse(line: &'static str) -> Option<Self> {
        let columns: Vec<_> = line.split('\t').collect();
        let (&[name, variable, capabilities, secret, unset, checks], addresses) =
            columns.split_first_chunk()?;
        let destinations = match addresses {
            [] => Vec::new(),
            [addresses] => addresses.split(',').map(Destination::parse).collect(),
            _ => return None,
        };
        let secret = match secret {
            "secret" => true,
            "-" => false,
            _ => return None,
        };
        let checks = match checks {
            "-" => Vec::new(),
            checks => checks.split("; ").map(Check::parse).collect::<Option<_>>()?,
        };
        let capabilities = capabilities.split(',').map(Capability::parse).collect::<Option<_>>()?;
        let unset = Unset::parse(unset)?;
        Some(Self { name, variable, capabilities, secret, unset, checks, destinations })
    }

    /// Returns whether the API cannot change the setting.
    pub fn is_read_only(&self) -> bool {
        self.checks.contains(&Check::ReadOnly)
    }
}

/// All settings, indexed by public name and by variable.
#[derive(Debug)]
pub struct Registry {
    settings: Vec<Setting>,
    /// The allowed values of settings.
    pub choices: Choices,
    names: HashMap<&'static str, usize>,
    variables: HashMap<&'static str, usize>,
}

impl Registry {
    /// Parses the tables of this crate.
    ///
    /// # Errors
    /// [`Error::Internal`] if a table is invalid, which tests rule out.
    pub fn new() -> Result<Self> {
        let choices = Choices::parse(include_str!("choices.tsv"))?;
        let mut settings = Vec::new();
        for line in rows(include_str!("settings.tsv")) {
            let setting = Setting::parse(line);
            let unreadable = || Error::internal(format!("settings.tsv: `{line}` cannot be read"));
            settings.push(setting.ok_or_else(unreadable)?);
        }
        let names = settings.iter().enumerate().map(|(at, row)| (row.name, at)).collect();
        // If several settings share a variable, the first represents it.
        let variables = settings.iter().enumerate().rev().map(|(at, row)| (row.variable, at));
        let variables = variables.collect();
        Ok(Self { settings, choices, names, variables })
    }

    /// Returns the settings in table order.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Returns the setting with a public name.
    pub fn by_name(&self, name: &str) -> Option<&Setting> {
        self.names.get(name).map(|at| &self.settings[*at])
    }

    /// Returns the setting of a variable.
    pub fn by_variable(&self, variable: &str) -> Option<&Setting> {
        self.variables.get(variable).map(|at| &self.settings[*at])
    }

    /// Returns one setting for each variable, in table order.
    pub fn variables(&self) -> impl Iterator<Item = &Setting> {
        let is_current =
            |(at, row): &(usize, &Setting)| self.variables.get(row.variable) == Some(at);
        self.settings.iter().enumerate().filter(is_current).map(|(_, row)| row)
    }

    /// Returns all error messages for a value, in the order of the rules.
    pub fn violations(&self, setting: &Setting, text: &str) -> Vec<String> {
        if let Some(violation) = super::check::format_violation(text) {
            return vec![violation];
        }
        setting.checks.iter().filter_map(|check| check.violation(text, &self.choices)).collect()
    }
}

/// Returns the lines of a table, without comments and empty lines.
pub(super) fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_valid_and_every_name_is_unique() {
        let registry = Registry::new().unwrap();
        assert!(registry.settings().len() >= 200);
        assert_eq!(registry.names.len(), registry.settings().len());
        let duplicates: Vec<_> = registry
            .settings()
            .iter()
            .filter(|row| registry.by_variable(row.variable).unwrap().name != row.name)
            .map(|row| row.variable)
            .collect();
        assert_eq!(duplicates, ["EMBEDDING_MODEL_PREF"]);
        assert_eq!(registry.variables().count(), registry.settings().len() - 1);
    }

    #[test]
    fn tables_refer_only_to_existing_settings() {
        let registry = Registry::new().unwrap();
        for choice in registry.choices.all() {
            for variable in choice.required.iter().chain(&choice.model) {
                assert!(registry.by_variable(variable).is_some(), "{variable}");
            }
        }
        let mut kinds = BTreeSet::new();
        for row in registry.settings() {
            if let Unset::As(variable) = row.unset {
                assert!(registry.by_variable(variable).is_some(), "{variable}");
            }
            for check in &row.checks {
                if let Check::Choice(kind) = check {
                    assert!(registry.choices.of(kind).count() > 1, "{kind}");
                    kinds.insert(*kind);
                }
            }
        }
        assert_eq!(kinds.len(), 12);
    }

    #[test]
    fn defaults_are_valid_values() {
        let registry = Registry::new().unwrap();
        for row in registry.settings() {
            if let Some(text) = row.unset.text() {
                assert_eq!(registry.violations(row, &text), [""; 0], "{}", row.name);
            }
        }
    }

    #[test]
    fn every_address_belongs_to_the_secrets_of_its_provider() {
        let registry = Registry::new().unwrap();
        let words = ["BASE_PATH", "ENDPOINT", "BASE_URL", "API_URL", "ADDRESS"];
        let is_address = |row: &&Setting| words.iter().any(|word| row.variable.ends_with(word));
        let named: BTreeSet<_> = registry
            .settings()
            .iter()
            .flat_map(|row| row.destinations.iter().map(|to| to.variable))
            .collect();
        for destination in &named {
            assert!(registry.by_variable(destination).is_some(), "{destination}");
        }
        // These providers need no secret.
        let open = [
            "AGENT_SEARXNG_API_URL",
            "DOCKER_MODEL_RUNNER_BASE_PATH",
            "FOUNDRY_BASE_PATH",
            "KOBOLD_CPP_BASE_PATH",
            "NVIDIA_NIM_LLM_BASE_PATH",
            "PRIVATEMODE_LLM_BASE_PATH",
        ];
        let all = registry.settings().iter().filter(is_address).map(|row| row.variable);
        let unassigned: BTreeSet<_> = all.filter(|variable| !named.contains(variable)).collect();
        assert_eq!(unassigned, BTreeSet::from(open));
        let secrets = registry.settings().iter().filter(|row| !row.destinations.is_empty());
        assert!(secrets.into_iter().all(|row| row.secret));
    }

    #[test]
    fn settings_named_like_secrets_are_secrets() {
        let registry = Registry::new().unwrap();
        for row in registry.settings() {
            let sounds = ["KEY", "TOKEN", "PASSWORD", "SECRET"].iter().any(|sound| {
                row.variable.ends_with(sound) || row.variable.ends_with(&format!("{sound}_"))
            });
            assert!(!sounds || row.secret, "{}", row.name);
            assert!(!row.secret || matches!(row.unset, Unset::False | Unset::Null), "{}", row.name);
        }
    }
}
