//! Changing settings: all of a request is checked first, then all of it is stored, or nothing.
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

/// How a request is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leniency {
    /// Numbers and truth values count as their text; what a provider needs must be there; every
    /// mistake is told.
    Strict,
    /// As existing clients expect it: values are texts, an unknown name is nothing worth telling,
    /// and the first setting with a mistake is told of.
    Lenient,
}

/// The result of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Updated {
    /// The new values by public name, as they were sent, with secrets masked.
    pub new_values: Map<String, Value>,
    /// Names that are no setting's.
    pub ignored: Vec<String>,
    /// Why nothing was changed. Only ever with [`Leniency::Lenient`].
    pub error: Option<String>,
}

/// The placeholder for a secret in a response.
pub const MASK: &str = "******";

/// A value on its way into the database.
pub(super) struct Change<'a> {
    setting: &'a Setting,
    pub(super) text: String,
}

/// The changes, by variable.
pub(super) type Plan<'a> = BTreeMap<&'static str, Change<'a>>;

impl Snapshot {
    /// Returns the values as they would be after the changes.
    pub(super) fn after(&self, planned: &Plan<'_>) -> Self {
        let mut after = self.clone();
        for (variable, change) in planned {
            after.stored.insert(variable, SecretString::new(change.text.clone()));
        }
        after
    }
}

impl SettingsStore {
    /// Changes settings by their public names, and tells subscribers. One audit event is written
    /// with the change: `update_llm_provider`, `update_embedding_engine` or `update_vector_db` when
    /// that is what it comes to, else `settings_updated`.
    ///
    /// A secret given as asterisks stays as it is. An empty text, where one is allowed, clears.
    /// What the environment fixes can only be set to what it is. An address to which a secret that is
    /// kept would be sent is refused unless the request gives the secret again.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a value has a type that cannot be one and, if strict, when any value
    /// is refused or no name is known. Nothing is changed then.
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

    /// What a request comes to, if nothing in it is refused.
    pub(super) fn plan(
        &self,
        changes: &Map<String, Value>,
        leniency: Leniency,
        before: &Snapshot,
    ) -> Result<(Updated, Plan<'_>)> {
        let mut updated = Updated::default();
        let mut planned = Plan::new();
        let mut given = BTreeSet::new();
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
            given.insert(setting.variable);
            planned.insert(setting.variable, Change { setting, text });
        }
        if refusals.is_empty() {
            refusals.extend(redirected_secrets(self, &planned, &given, before));
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

    /// Stores what differs and puts it in force.
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

    /// Whether a text is only what answers show in the place of the value that is there.
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

    /// Names what is allowed where the words that clients know do not.
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

    /// What chosen providers need and would not have: all of it where the request chooses, else
    /// what it takes away. What was missing before is no reason to refuse something else.
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
                let lacks = |snapshot: &Snapshot, variable: &str| {
                    let value = self.lookup_in(snapshot, variable);
                    value.is_none_or(|value| value.trim().is_empty())
                };
                let chosen_now = planned.contains_key(selector.variable);
                let missing = choice.needs.iter().filter(|variable| {
                    lacks(&after, variable) && (chosen_now || !lacks(before, variable))
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

/// Everything that is wrong, in one refusal that begins with the name of the first setting.
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
    // A change that chooses no provider, or several, has no name that clients know.
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

/// The text that a value stands for, as JavaScript's `String()` would write it.
fn text(value: &Value, leniency: Leniency) -> Result<String, &'static str> {
    match (value, leniency) {
        (Value::String(text), _) => Ok(text.clone()),
        // The product whose clients these are takes a list for its items with commas between them.
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
            // `1.0` and `1` are one number there.
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => {
                Some(format!("{whole:.0}"))
            }
            _ => Some(number.to_string()),
        },
        _ => None,
    }
}
