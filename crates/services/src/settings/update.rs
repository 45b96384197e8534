//! Changing settings. A request is validated completely and stored completely, or not at all.
use std::collections::{BTreeMap, BTreeSet};

use carrel_domain::audit::{By, Event};
use carrel_domain::{Error, Result};
use serde_json::{Map, Value, json};

use super::check::Check;
use super::destinations::redirected_secrets;
use super::registry::{Capability, Setting};
use super::secrets::SecretString;
use super::store::{SettingsStore, Snapshot};
use super::visible;

/// How strictly a request is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leniency {
    /// Numbers and truth values are converted to text, the settings that a provider needs must be
    /// present, and all errors are reported.
    Strict,
    /// Values must be texts, unknown names are ignored, and only the first invalid setting is
    /// reported, as existing clients expect.
    Lenient,
}

/// The result of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Updated {
    /// The new values by public name, as sent, with secrets masked.
    pub new_values: Map<String, Value>,
    /// Names that are not settings.
    pub ignored: Vec<String>,
    /// Why nothing was changed. Set only with [`Leniency::Lenient`].
    pub error: Option<String>,
}

/// The placeholder for secrets in responses.
pub const MASK: &str = "******";

/// A validated change.
pub(super) struct Change<'a> {
    setting: &'a Setting,
    pub(super) text: String,
}

/// Changes by variable.
pub(super) type Plan<'a> = BTreeMap<&'static str, Change<'a>>;

impl Snapshot {
    /// Returns the values after the changes.
    pub(super) fn with_changes(&self, planned: &Plan<'_>) -> Self {
        let mut updated = self.clone();
        for (variable, change) in planned {
            updated.stored.insert(variable, SecretString::new(change.text.clone()));
        }
        updated
    }
}

impl SettingsStore {
    /// Changes settings by public name and notifies subscribers. Writes one audit event:
    /// `update_llm_provider`, `update_embedding_engine` or `update_vector_db` if the change
    /// concerns just that, otherwise `settings_updated`.
    ///
    /// A secret sent as asterisks does not change. An empty text, if allowed, clears a setting. A
    /// value fixed by the environment can only be set to itself. A change that would send a stored
    /// secret to another address is refused unless the request contains the secret.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a value has an unsupported type and, if strict, if any value is
    /// refused or no name is known. Nothing is changed then.
    pub async fn update(
        &self,
        changes: &Map<String, Value>,
        leniency: Leniency,
        by: &By,
    ) -> Result<Updated> {
        let _changing = self.changing.lock().await;
        let current = self.snapshot();
        let (updated, planned) = self.plan(changes, leniency, &current)?;
        self.store(planned, &current, by).await?;
        Ok(updated)
    }

    /// Validates a request and returns its changes.
    pub(super) fn plan(
        &self,
        changes: &Map<String, Value>,
        leniency: Leniency,
        current: &Snapshot,
    ) -> Result<(Updated, Plan<'_>)> {
        let mut updated = Updated::default();
        let mut planned = Plan::new();
        let mut changed_variables = BTreeSet::new();
        let mut refusals = Vec::new();
        for (name, value) in changes {
            let Some(setting) = self.registry.by_name(name) else {
                updated.ignored.push(name.clone());
                continue;
            };
            let text = text(value, leniency).map_err(|reason| Error::invalid(setting.name, reason));
            let text = match text {
                Ok(text) => text,
                Err(error) if leniency == Leniency::Lenient => return Err(error),
                Err(_) => {
                    refusals.push((setting.name, vec![NOT_TEXT.to_owned()]));
                    continue;
                }
            };
            if self.is_masked_current(setting, &text, current) {
                continue;
            }
            let mut violations = self.registry.violations(setting, &text);
            violations.extend(self.fixed_violation(setting, &text));
            if violations.is_empty() {
                violations.extend(self.unavailable_value(setting.variable, &text));
            }
            if leniency == Leniency::Strict {
                self.add_choices(setting, &mut violations);
                let duplicate =
                    planned.get(setting.variable).filter(|duplicate| duplicate.text != text);
                violations
                    .extend(duplicate.map(|_| "is set twice with different values".to_owned()));
            }
            if !violations.is_empty() {
                refusals.push((setting.name, violations));
                if leniency == Leniency::Lenient {
                    break;
                }
                continue;
            }
            updated.new_values.insert(name.clone(), visible::echo(setting, value, &text));
            changed_variables.insert(setting.variable);
            planned.insert(setting.variable, Change { setting, text });
        }
        if refusals.is_empty() {
            refusals.extend(redirected_secrets(self, &planned, &changed_variables, current));
        }
        if leniency == Leniency::Strict {
            if updated.ignored.len() == changes.len() {
                return Err(Error::invalid("body", "none of these settings exist"));
            }
            if refusals.is_empty() {
                refusals.extend(self.missing_companions(&planned, current));
            }
            refuse(&refusals)?;
        } else if let Some((name, violations)) = refusals.first() {
            updated.new_values.clear();
            let redirects = violations.iter().any(|violation| violation.starts_with("would send "));
            let name = if redirects { format!("{name} ") } else { String::new() };
            updated.error = Some(format!("{name}{}", violations.join("\n")));
            planned.clear();
        }
        Ok((updated, planned))
    }

    /// Stores the changed values and puts them in force.
    async fn store(&self, planned: Plan<'_>, current: &Snapshot, by: &By) -> Result<()> {
        let mut updated = current.clone();
        let mut rows = BTreeMap::new();
        let mut changed_settings = Vec::new();
        for (variable, Change { setting, text }) in planned {
            let stored = current.stored.get(variable).map(SecretString::reveal);
            if stored == Some(&text) || self.layers.fixed.contains_key(variable) {
                continue;
            }
            let row = match setting.secret && !text.is_empty() {
                true => self.sealer.seal(variable, &text)?,
                false => text.clone(),
            };
            rows.insert(variable.to_owned(), Some(row));
            updated.stored.insert(variable, SecretString::new(text));
            updated.unreadable.retain(|name| *name != setting.name);
            changed_settings.push(setting);
        }
        if !rows.is_empty() {
            self.settings.set(rows, event(&changed_settings, by)).await?;
            self.replace(updated);
        }
        Ok(())
    }

    /// Returns whether a text is only the masked form of the current value.
    fn is_masked_current(&self, setting: &Setting, text: &str, current: &Snapshot) -> bool {
        let asterisks = !text.is_empty() && text.chars().all(|c| c == '*');
        let masked = || {
            let current = self.explicit_value(current, setting.variable)?;
            let masked = visible::without_password(current)?;
            Some(masked == text)
        };
        (asterisks && (setting.secret || text.len() >= MASK.len())) || masked().unwrap_or(false)
    }

    fn fixed_violation(&self, setting: &Setting, text: &str) -> Option<String> {
        let Setting { name, variable, .. } = setting;
        let fixed = self.layers.fixed.get(*variable).filter(|fixed| *fixed != text);
        fixed.map(|_| format!("{name} is fixed by the environment variable {variable}"))
    }

    /// Adds the allowed values to messages that lack them.
    fn add_choices(&self, setting: &Setting, violations: &mut [String]) {
        for check in &setting.checks {
            let Check::Choice(kind) = check else { continue };
            let all = self.registry.choices.value_list(kind);
            if let Some(message) =
                violations.last_mut().filter(|message| message.contains(" is not a valid "))
            {
                message.push_str(&format!(" Must be one of {all}."));
            }
        }
    }

    /// Returns the missing settings of selected providers: all of them if the request selects the
    /// provider, otherwise those that the request clears. Settings that were already missing do not
    /// block other changes.
    fn missing_companions(
        &self,
        planned: &Plan<'_>,
        current: &Snapshot,
    ) -> Vec<(&'static str, Vec<String>)> {
        let updated = current.with_changes(planned);
        let mut refusals = Vec::new();
        for selector in self.registry.variables() {
            for check in &selector.checks {
                let Check::Choice(kind) = check else { continue };
                let selected = self.lookup_in(&updated, selector.variable);
                let choice =
                    selected.and_then(|selected| self.registry.choices.find(kind, &selected));
                let Some(choice) = choice else { continue };
                let is_missing = |snapshot: &Snapshot, variable: &str| {
                    let value = self.lookup_in(snapshot, variable);
                    value.is_none_or(|value| value.trim().is_empty())
                };
                let is_selected_now = planned.contains_key(selector.variable);
                let missing = choice.required.iter().filter(|variable| {
                    is_missing(&updated, variable)
                        && (is_selected_now || !is_missing(current, variable))
                });
                let missing = missing.filter_map(|variable| self.registry.by_variable(variable));
                let missing: Vec<_> = missing.map(|row| row.name).collect();
                if !missing.is_empty() {
                    let words = format!("{} needs {}", choice.value, missing.join(" and "));
                    refusals.push((selector.name, vec![words]));
                }
            }
        }
        refusals
    }
}

/// Combines all errors into one that begins with the name of the first setting.
fn refuse(refusals: &[(&'static str, Vec<String>)]) -> Result<()> {
    let Some((name, _)) = refusals.first() else { return Ok(()) };
    let mut words = String::new();
    for (name, violations) in refusals {
        if !words.is_empty() {
            words.push_str(&format!("; {name}: "));
        }
        words.push_str(&violations.join("; "));
    }
    Err(Error::invalid(*name, words))
}

fn event(changed_settings: &[&Setting], by: &By) -> Event {
    const SELECTORS: [(&str, Capability, &str); 3] = [
        ("LLM_PROVIDER", Capability::LanguageModel, "update_llm_provider"),
        ("EMBEDDING_ENGINE", Capability::Embedding, "update_embedding_engine"),
        ("VECTOR_DB", Capability::Vectors, "update_vector_db"),
    ];
    // A change that selects no provider, or several, has no event name that clients know.
    let mut selectors = SELECTORS.iter().filter(|(variable, capability, _)| {
        changed_settings.iter().any(|row| row.variable == *variable)
            || changed_settings.iter().all(|row| row.capabilities == [*capability])
    });
    let name = match (selectors.next(), selectors.next()) {
        (Some((_, _, name)), None) => name,
        _ => "settings_updated",
    };
    let names: Vec<_> = changed_settings.iter().map(|row| row.name).collect();
    by.event(name, json!({ "settings": names }).to_string())
}

const NOT_TEXT: &str = "Value must be a text, a number, true or false";

/// Converts a value to text, as JavaScript's `String()` does.
fn text(value: &Value, leniency: Leniency) -> Result<String, &'static str> {
    match (value, leniency) {
        (Value::String(text), _) => Ok(text.clone()),
        // The other product accepts a list as its items joined by commas.
        (Value::Array(items), Leniency::Lenient) => {
            let items: Option<Vec<_>> = items.iter().map(scalar).collect();
            items.map(|items| items.join(",")).ok_or("Value must be a text")
        }
        (_, Leniency::Lenient) => Err("Value must be a text"),
        (value, Leniency::Strict) => scalar(value).ok_or(NOT_TEXT),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => match number.as_f64() {
            // In JavaScript, `1.0` and `1` are the same number.
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => {
                Some(format!("{whole:.0}"))
            }
            _ => Some(number.to_string()),
        },
        _ => None,
    }
}
