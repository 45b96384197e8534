//! Settings with unsaved changes.
use carrel_domain::Result;
use serde_json::{Map, Value};

use super::secrets::SecretString;
use super::store::{SettingsStore, Snapshot};
use super::update::Leniency;

/// The settings after the change.
pub struct Preview<'a> {
    store: &'a SettingsStore,
    snapshot: Snapshot,
}

impl<'a> Preview<'a> {
    /// The settings as [`SettingsStore::update`] would leave them: a secret given as asterisks is
    /// the one that is kept. Without changes they are as they are.
    ///
    /// # Errors
    /// The errors of a strict update.
    pub fn new(store: &'a SettingsStore, changes: &Map<String, Value>) -> Result<Self> {
        let before = store.snapshot();
        let mut snapshot = (*before).clone();
        if !changes.is_empty() {
            let (_, planned) = store.plan(changes, Leniency::Strict, &before)?;
            for (variable, change) in planned {
                snapshot.stored.insert(variable, SecretString::new(change.text));
            }
        }
        Ok(Self { store, snapshot })
    }

    /// As [`SettingsStore::lookup`].
    pub fn lookup(&self, variable: &str) -> Option<String> {
        self.store.lookup_in(&self.snapshot, variable)
    }
}
