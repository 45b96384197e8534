//! A preview of settings with unsaved changes.
use carrel_domain::Result;
use serde_json::{Map, Value};

use super::secrets::SecretString;
use super::store::{SettingsStore, Snapshot};
use super::update::Leniency;

/// The settings as they would be after a change.
pub struct Preview<'a> {
    store: &'a SettingsStore,
    snapshot: Snapshot,
}

impl<'a> Preview<'a> {
    /// Applies changes like [`SettingsStore::update`], without storing them. A secret sent as
    /// asterisks keeps its stored value.
    ///
    /// # Errors
    /// The errors of a strict update.
    pub fn new(store: &'a SettingsStore, changes: &Map<String, Value>) -> Result<Self> {
        let current = store.snapshot();
        let mut snapshot = (*current).clone();
        if !changes.is_empty() {
            let (_, planned) = store.plan(changes, Leniency::Strict, &current)?;
            for (variable, change) in planned {
                snapshot.stored.insert(variable, SecretString::new(change.text));
            }
        }
        Ok(Self { store, snapshot })
    }

    /// Returns the value of a variable. See [`SettingsStore::lookup`].
    pub fn lookup(&self, variable: &str) -> Option<String> {
        self.store.lookup_in(&self.snapshot, variable)
    }
}
