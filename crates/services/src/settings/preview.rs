//! Settings with unsaved changes.
use carrel_domain::Result;
use serde_json::{Map, Value};

use super::secrets::Secret;
use super::store::{SettingsStore, Snapshot};
use super::update::Leniency;

/// The settings after the change.
pub struct Preview<'a> {
    store: &'a SettingsStore,
    snapshot: Snapshot,
}

impl Preview<'_> {
    /// See [`SettingsStore::lookup`].
    pub fn lookup(&self, variable: &str) -> Option<String> {
        self.store.lookup_in(&self.snapshot, variable)
    }
}

impl SettingsStore {
    /// The settings as [`SettingsStore::update`] would leave them: a secret given as asterisks is
    /// the one that is kept. Without changes they are as they are.
    ///
    /// # Errors
    /// The errors of a strict update.
    pub fn preview(&self, changes: &Map<String, Value>) -> Result<Preview<'_>> {
        let before = self.snapshot();
        let mut snapshot = (*before).clone();
        if !changes.is_empty() {
            let (_, planned) = self.plan(changes, Leniency::Strict, &before)?;
            for (variable, change) in planned {
                snapshot.stored.insert(variable, Secret::new(change.text));
            }
        }
        Ok(Preview { store: self, snapshot })
    }
}
