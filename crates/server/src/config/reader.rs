//! Looks values up in flags, the environment and the `.env` file, and records the values found and
//! every problem.
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use carrel_services::settings::dotenv;

use super::variables::{Variable, Visibility};

/// Values given as flags, by the name of the flag, such as `--listen`.
pub type Flags = BTreeMap<&'static str, String>;

/// The environment of the process; a value that is not UTF-8 is `None`.
pub type Environment = BTreeMap<String, Option<String>>;

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSource {
    Flag(&'static str),
    Environment,
    File { path: PathBuf, line: usize },
    Database,
    Default,
}

impl fmt::Display for ValueSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Environment => f.write_str("environment"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Database => f.write_str("database"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// An effective value, with secrets hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveValue {
    pub name: String,
    /// `None` when nothing is set.
    pub value: Option<String>,
    pub source: ValueSource,
}

/// The variables of the environment and of the `.env` file.
#[derive(Clone, Default)]
pub struct RawConfig {
    pub environment: Environment,
    pub file: BTreeMap<String, (String, usize)>,
    pub file_path: PathBuf,
}

impl RawConfig {
    /// Returns the value of `name` and its source. An empty value counts as unset, because compose
    /// files often pass unset variables as empty ones.
    ///
    /// # Errors
    /// Returns the source of a value that is not UTF-8.
    pub fn find(&self, name: &str) -> Result<Option<(&str, ValueSource)>, ValueSource> {
        match self.environment.get(name) {
            Some(None) => return Err(ValueSource::Environment),
            Some(Some(value)) if !value.trim().is_empty() => {
                return Ok(Some((value, ValueSource::Environment)));
            }
            _ => {}
        }
        let entry = self.file.get(name).filter(|(value, _)| !value.trim().is_empty());
        Ok(entry.map(|(value, line)| {
            (value.as_str(), ValueSource::File { path: self.file_path.clone(), line: *line })
        }))
    }
}

/// Reads typed values and collects every problem, so that all are reported at once.
pub struct Reader {
    flags: Flags,
    pub raw: RawConfig,
    pub effective: Vec<EffectiveValue>,
    pub problems: Vec<String>,
    pub warnings: Vec<String>,
}

impl Reader {
    pub fn new(flags: Flags, environment: Environment) -> Self {
        let raw = RawConfig { environment, ..RawConfig::default() };
        Self { flags, raw, effective: Vec::new(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// Adds the values of a `.env` file. The file may be absent.
    pub fn read_file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            // A storage path that runs through a file is reported when the storage is opened.
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return,
            Err(error) => {
                self.problems.push(format!("{} cannot be read: {error}", path.display()));
                return;
            }
        };
        let (entries, errors) = dotenv::parse(&text);
        for error in errors {
            let dotenv::ParseError { line, reason } = error;
            self.problems.push(format!("{}: line {line} {reason}", path.display()));
        }
        let values = entries.into_iter().map(|entry| (entry.name, (entry.value, entry.line)));
        self.raw.file = values.collect();
        self.raw.file_path = path.to_owned();
    }

    /// Returns the value of a variable, or the parsed default. Returns `None` only after recording
    /// a problem.
    pub fn read<T>(
        &mut self,
        variable: &Variable,
        default: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        match self.optional(variable, &parse) {
            LookupResult::Value(value) => Some(value),
            LookupResult::Wrong => None,
            LookupResult::Nothing => {
                self.describe(&show(default, variable.visibility));
                parse(default)
            }
        }
    }

    /// Returns the value of a variable that has no default.
    pub fn optional<T>(
        &mut self,
        variable: &Variable,
        parse: impl Fn(&str) -> Option<T>,
    ) -> LookupResult<T> {
        let Variable { name, allowed, visibility, flag } = variable;
        let flag = flag.and_then(|flag| self.flags.get_key_value(flag));
        let flag = flag.map(|(flag, value)| (value.as_str(), ValueSource::Flag(flag)));
        let (text, source) = match flag.map_or_else(|| self.raw.find(name), |flag| Ok(Some(flag))) {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.record(name, None, ValueSource::Default);
                return LookupResult::Nothing;
            }
            Err(source) => {
                self.problems.push(format!(
                    "{name} must be {allowed}, not bytes that are not UTF-8 ({source})"
                ));
                return LookupResult::Wrong;
            }
        };
        match parse(text.trim()) {
            Some(value) => {
                let text = show(text, *visibility);
                self.record(name, Some(text), source);
                LookupResult::Value(value)
            }
            None => {
                let remedy = match visibility {
                    Visibility::Plainly => format!(", not `{}`", text.escape_debug()),
                    // The secret part of a malformed URL cannot be located, so nothing of it is
                    // shown.
                    Visibility::WithoutPassword | Visibility::Never => String::new(),
                };
                self.problems.push(format!("{name} must be {allowed}{remedy} ({source})"));
                LookupResult::Wrong
            }
        }
    }

    /// Whether a flag or the environment sets a variable.
    pub fn is_given(&self, variable: &Variable) -> bool {
        let flagged = variable.flag.is_some_and(|flag| self.flags.contains_key(flag));
        flagged || !matches!(self.raw.find(variable.name), Ok(None))
    }

    /// Sets the text shown for the variable read last if it is unset.
    pub fn describe(&mut self, default: &str) {
        if let Some(effective) = self.effective.last_mut() {
            effective.value = Some(default.to_owned());
        }
    }

    fn record(&mut self, name: &str, value: Option<String>, source: ValueSource) {
        self.effective.push(EffectiveValue { name: name.to_owned(), value, source });
    }
}

/// The result of looking a value up.
pub enum LookupResult<T> {
    Value(T),
    Nothing,
    Wrong,
}

impl<T> LookupResult<T> {
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Wrong => None,
        }
    }
}

/// Returns a value with its secret parts hidden.
pub fn show(text: &str, visibility: Visibility) -> String {
    match visibility {
        Visibility::Plainly => text.to_owned(),
        Visibility::Never => "******".to_owned(),
        Visibility::WithoutPassword => without_password(text),
    }
}

/// Hides the password of a URL, between the first `:` and the last `@`, and its parameters if they
/// contain one.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = match rest.rsplit_once('@') {
        Some((login, host)) => match login.split_once(':') {
            Some((user, _)) => format!("{user}:******@{host}"),
            None => rest.to_owned(),
        },
        None => rest.to_owned(),
    };
    match rest.split_once('?') {
        Some((base, parameters)) if parameters.contains("password") => {
            format!("{scheme}://{base}?******")
        }
        _ => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://u:p@h/d", "postgres://u:******@h/d"),
            ("postgres://u:p@x:y@h/d", "postgres://u:******@h/d"),
            ("postgres://u@h/d?password=p", "postgres://u@h/d?******"),
            ("postgres://u@h/d?sslmode=disable", "postgres://u@h/d?sslmode=disable"),
            ("sqlite:///a/b.db", "sqlite:///a/b.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
