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
    pub(super) fn after(&self, planned: &Plan<'_>) -> Self {
        let mut after = self.clone();
        for (variable, change) in planned {
            after.stored.insert(variable, SecretString::new(change.text.clone()));
        }
        after
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
        let before = self.snapshot();
        let (updated, planned) = self.plan(changes, leniency, &before)?;
        self.store(planned, &before, by).await?;
        Ok(updated)
    }

    /// Validates a request and returns its changes.
    pub(super) fn plan(
        &self,
        changes: &Map<String, Value>,
        leniency: Leniency,
        before: &Snapshot,
    ) -> Result<(Updated, Plan<'_>)> {
        let mut updated = Updated::default();
        let mut planned = Plan::new();
        let mut changed = BTreeSet::new();
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
            if self.stands_for_current(setting, &text, before) {
                continue;
            }
            let mut mistakes = self.registry.mistakes(setting, &text);
            mistakes.extend(self.fixed_otherwise(setting, &text));
            if mistakes.is_empty() {
                mistakes.extend(self.unavailable_value(setting.variable, &text));
            }
            if leniency == Leniency::Strict {
                self.add_choices(setting, &mut mistakes);
                let other = planned.get(setting.variable).filter(|other| other.text != text);
                mistakes.extend(other.map(|_| "is set twice with different values".to_owned()));
            }
            if !mistakes.is_empty() {
                refusals.push((setting.name, mistakes));
                if leniency == Leniency::Lenient {
                    break;
                }
                continue;
            }
            updated.new_values.insert(name.clone(), visible::echo(setting, value, &text));
            changed.insert(setting.variable);
            planned.insert(setting.variable, Change { setting, text });
        }
        if refusals.is_empty() {
            refusals.extend(redirected_secrets(self, &planned, &changed, before));
        }
        if leniency == Leniency::Strict {
            if updated.ignored.len() == changes.len() {
                return Err(Error::invalid("body", "none of these settings exist"));
            }
            if refusals.is_empty() {
                refusals.extend(self.missing_companions(&planned, before));
            }
            refuse(&refusals)?;
        } else if let Some((name, mistakes)) = refusals.first() {
            updated.new_values.clear();
            let redirects = mistakes.iter().any(|mistake| mistake.starts_with("would send "));
            let name = if redirects { format!("{name} ") } else { String::new() };
            updated.error = Some(format!("{name}{}", mistakes.join("\n")));
            planned.clear();
        }
        Ok((updated, planned))
    }

    /// Stores the changed values and puts them in force.
    async fn store(&self, planned: Plan<'_>, before: &Snapshot, by: &By) -> Result<()> {
        let mut after = before.clone();
        let mut rows = BTreeMap::new();
        let mut changed = Vec::new();
        for (variable, Change { setting, text }) in planned {
            let known = before.stored.get(variable).map(SecretString::reveal);
            if known == Some(&text) || self.layers.fixed.contains_key(variable) {
                continue;
            }
            let row = match setting.secret && !text.is_empty() {
                true => self.sealer.seal(variable, &text)?,
                false => text.clone(),
            };
            rows.insert(variable.to_owned(), Some(row));
            after.stored.insert(variable, SecretString::new(text));
            after.unreadable.retain(|name| *name != setting.name);
            changed.push(setting);
        }
        if !rows.is_empty() {
            self.settings.set(rows, event(&changed, by)).await?;
            self.replace(after);
        }
        Ok(())
    }

    /// Returns whether a text is only the masked form of the current value.
    fn stands_for_current(&self, setting: &Setting, text: &str, before: &Snapshot) -> bool {
        let asterisks = !text.is_empty() && text.chars().all(|c| c == '*');
        let masked = || {
            let current = self.explicit_value(before, setting.variable)?;
            let shown = visible::without_password(current)?;
            Some(shown == text)
        };
        (asterisks && (setting.secret || text.len() >= MASK.len())) || masked().unwrap_or(false)
    }

    fn fixed_otherwise(&self, setting: &Setting, text: &str) -> Option<String> {
        let Setting { name, variable, .. } = setting;
        let fixed = self.layers.fixed.get(*variable).filter(|fixed| *fixed != text);
        fixed.map(|_| format!("{name} is fixed by the environment variable {variable}"))
    }

    /// Adds the allowed values to messages that lack them.
    fn add_choices(&self, setting: &Setting, mistakes: &mut [String]) {
        for check in &setting.checks {
            let Check::Choice(kind) = check else { continue };
            let all = self.registry.choices.value_list(kind);
            if let Some(last) = mistakes.last_mut().filter(|last| last.contains(" is not a valid "))
            {
                last.push_str(&format!(" Must be one of {all}."));
            }
        }
    }

    /// Returns the missing settings of selected providers: all of them if the request selects the
    /// provider, otherwise those that the request clears. Settings that were already missing do not
    /// block other changes.
    fn missing_companions(
        &self,
        planned: &Plan<'_>,
        before: &Snapshot,
    ) -> Vec<(&'static str, Vec<String>)> {
        let after = before.after(planned);
        let mut refusals = Vec::new();
        for selector in self.registry.variables() {
            for check in &selector.checks {
                let Check::Choice(kind) = check else { continue };
                let chosen = self.lookup_in(&after, selector.variable);
                let choice = chosen.and_then(|chosen| self.registry.choices.find(kind, &chosen));
                let Some(choice) = choice else { continue };
                let is_missing = |snapshot: &Snapshot, variable: &str| {
                    let value = self.lookup_in(snapshot, variable);
                    value.is_none_or(|value| value.trim().is_empty())
                };
                let chosen_now = planned.contains_key(selector.variable);
                let missing = choice.needs.iter().filter(|variable| {
                    is_missing(&after, variable) && (chosen_now || !is_missing(before, variable))
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
    let Some((first, _)) = refusals.first() else { return Ok(()) };
    let mut words = String::new();
    for (name, mistakes) in refusals {
        if !words.is_empty() {
            words.push_str(&format!("; {name}: "));
        }
        words.push_str(&mistakes.join("; "));
    }
    Err(Error::invalid(*first, words))
}

fn event(changed: &[&Setting], by: &By) -> Event {
    const SELECTORS: [(&str, Capability, &str); 3] = [
        ("LLM_PROVIDER", Capability::LanguageModel, "update_llm_provider"),
        ("EMBEDDING_ENGINE", Capability::Embedding, "update_embedding_engine"),
        ("VECTOR_DB", Capability::Vectors, "update_vector_db"),
    ];
    // A change that selects no provider, or several, has no event name that clients know.
    let mut chosen = SELECTORS.iter().filter(|(variable, capability, _)| {
        changed.iter().any(|row| row.variable == *variable)
            || changed.iter().all(|row| row.capabilities == [*capability])
    });
    let name = match (chosen.next(), chosen.next()) {
        (Some((_, _, name)), None) => name,
        _ => "settings_updated",
    };
    let names: Vec<_> = changed.iter().map(|row| row.name).collect();
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
