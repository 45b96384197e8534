//! Records the acknowledged changes of a server, and those that may have happened.
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};

/// The state of an object: its value, or `None` if it does not exist.
pub type State = Option<String>;

#[derive(Debug, Default)]
struct Entry {
    sure: State,
    /// Changes that were requested but not acknowledged.
    maybe: Option<State>,
}

/// The objects by name. No object has two concurrent changes.
#[derive(Debug, Default)]
pub struct Ledger {
    things: Mutex<BTreeMap<String, Entry>>,
    /// Creations whose names only the response would have revealed: the prefix of such names, and
    /// the value.
    unnamed: Mutex<Vec<(&'static str, &'static str)>>,
}

impl Ledger {
    /// Records the request of a change.
    pub fn begin(&self, name: &str, state: State) {
        self.entries().entry(name.to_owned()).or_default().maybe = Some(state);
    }

    /// Records the acknowledgement of a change.
    pub fn acknowledge(&self, name: &str) {
        if let Some(entry) = self.entries().get_mut(name)
            && let Some(state) = entry.maybe.take()
        {
            entry.sure = state;
        }
    }

    /// Records the refusal of a change.
    pub fn refused(&self, name: &str) {
        if let Some(entry) = self.entries().get_mut(name) {
            entry.maybe = None;
        }
    }

    /// Records the creation of an object whose name the response will reveal; only the prefix
    /// `kind` is known.
    pub fn begin_unnamed(&self, kind: &'static str, state: &'static str) {
        self.unnamed().push((kind, state));
    }

    /// Records the name of an object that was created without one.
    pub fn named(&self, name: &str, state: &str) {
        take_unnamed(&mut self.unnamed(), name, state);
        self.record(name, Some(state.to_owned()));
    }

    /// Records an existing object.
    pub fn record(&self, name: &str, state: State) {
        self.begin(name, state);
        self.acknowledge(name);
    }

    pub fn state(&self, name: &str) -> State {
        self.entries().get(name).and_then(|entry| entry.sure.clone())
    }

    /// The number of recorded objects.
    pub fn len(&self) -> usize {
        self.entries().values().filter(|entry| entry.sure.is_some()).count()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Compares with the existing objects, which become the known state.
    pub fn reconcile(&self, existing: &BTreeMap<String, String>) -> Result<()> {
        let mut wrong = Vec::new();
        let mut entries = self.entries();
        for (name, entry) in entries.iter_mut() {
            let found = existing.get(name).cloned();
            let maybe = entry.maybe.take();
            if found != entry.sure && maybe.as_ref() != Some(&found) {
                wrong.push(format!("{name}: {:?} or {maybe:?}, and found {found:?}", entry.sure));
            }
            entry.sure = found;
        }
        let mut unnamed = std::mem::take(&mut *self.unnamed());
        for (name, state) in existing {
            if entries.contains_key(name) {
                continue;
            }
            if take_unnamed(&mut unnamed, name, state) {
                let entry = Entry { sure: Some(state.clone()), maybe: None };
                entries.insert(name.clone(), entry);
            } else {
                wrong.push(format!("{name} ({state}) comes from nowhere"));
            }
        }
        if !wrong.is_empty() {
            bail!("what was acknowledged and what there is differ:\n  {}", wrong.join("\n  "));
        }
        Ok(())
    }

    fn unnamed(&self) -> MutexGuard<'_, Vec<(&'static str, &'static str)>> {
        self.unnamed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a matching creation without a name. Returns whether there was one.
fn take_unnamed(unnamed: &mut Vec<(&str, &str)>, name: &str, state: &str) -> bool {
    let is_it = |(kind, value): &(&str, &str)| name.starts_with(kind) && *value == state;
    let at = unnamed.iter().position(is_it);
    at.map(|at| unnamed.swap_remove(at)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(things: &[(&str, &str)]) -> BTreeMap<String, String> {
        things.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn an_unanswered_change_may_exist_or_not() {
        for found in [found(&[]), found(&[("a", "1")])] {
            let ledger = Ledger::default();
            ledger.begin("a", Some("1".into()));
            ledger.reconcile(&found).unwrap();
        }
    }

    #[test]
    fn exactly_the_acknowledged_changes_must_exist() {
        let ledger = Ledger::default();
        ledger.record("a", Some("1".into()));
        assert!(ledger.reconcile(&found(&[])).is_err());
        ledger.record("a", Some("1".into()));
        assert!(ledger.reconcile(&found(&[("a", "2")])).is_err());
        ledger.record("a", None);
        assert!(ledger.reconcile(&found(&[("a", "2")])).is_err());
        assert!(ledger.reconcile(&found(&[("a", "2"), ("b", "1")])).is_err());
    }

    #[test]
    fn an_unanswered_creation_may_exist_once_as_requested() {
        let ledger_of_creation = || {
            let ledger = Ledger::default();
            ledger.begin_unnamed("invite ", "pending");
            ledger
        };
        for found in [found(&[]), found(&[("invite 1", "pending")])] {
            ledger_of_creation().reconcile(&found).unwrap();
        }
        for found in [
            found(&[("invite 1", "claimed")]),
            found(&[("user 1", "pending")]),
            found(&[("invite 1", "pending"), ("invite 2", "pending")]),
        ] {
            assert!(ledger_of_creation().reconcile(&found).is_err(), "{found:?}");
        }
        let ledger = ledger_of_creation();
        ledger.named("invite 1", "pending");
        assert!(ledger.reconcile(&found(&[("invite 2", "pending")])).is_err());
    }

    #[test]
    fn a_refused_change_must_not_exist() {
        let ledger = Ledger::default();
        ledger.begin("a", Some("1".into()));
        ledger.refused("a");
        assert!(ledger.reconcile(&found(&[("a", "1")])).is_err());
    }
}
