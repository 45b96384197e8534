//! The settings in force. Sources, in order of precedence: the process environment, the database, a
//! file, and the defaults. Reading never blocks.
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use carrel_domain::Result;
use carrel_domain::settings::Settings;
use tokio::sync::{Mutex, watch};

use super::registry::{Capability, Registry, Setting, Unset};
use super::secrets::{Sealer, SecretString};

/// Values from sources other than the database, by variable. Empty values count as unset, because
/// compose files often pass unset variables that way.
#[derive(Default)]
pub struct SettingLayers {
    /// The process environment, which overrides the database. These values cannot be changed.
    pub fixed: BTreeMap<String, String>,
    /// A file written by the operator or an earlier dump. The database overrides it.
    pub initial: BTreeMap<String, String>,
}

/// The number of changes of each capability's settings since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions([u64; Capability::ALL.len()]);

impl Versions {
    /// Returns the version of a capability, which grows when one of its settings changes.
    pub fn of(&self, capability: Capability) -> u64 {
        self.0[capability as usize]
    }
}

/// The values of the database at one moment, with secrets opened.
#[derive(Clone, Default)]
pub(super) struct Snapshot {
    /// Values by variable. An empty value was cleared and hides one from the file.
    pub stored: BTreeMap<&'static str, SecretString>,
    /// Public names of secrets that could not be opened.
    pub unreadable: Vec<&'static str>,
}

/// The settings in force. Shared behind an [`Arc`].
pub struct SettingsStore {
    pub(super) registry: Registry,
    pub(super) settings: Arc<dyn Settings>,
    pub(super) layers: SettingLayers,
    pub(super) sealer: Sealer,
    /// The values that this program supports, by variable.
    pub(super) available: BTreeMap<&'static str, Vec<&'static str>>,
    /// Held while reading the database or changing settings, until the snapshot is updated.
    pub(super) changing: Mutex<()>,
    snapshot: RwLock<Arc<Snapshot>>,
    versions: watch::Sender<Versions>,
}

/// Opens the secrets sealed by an earlier dump. Those that cannot be opened count as unset.
fn open_sealed(initial: &mut BTreeMap<String, String>, registry: &Registry, sealer: &Sealer) {
    initial.retain(|variable, value| {
        let is_secret = registry.by_variable(variable).is_some_and(|row| row.secret);
        if !is_secret || !Sealer::is_sealed(value) {
            return true;
        }
        match sealer.open(variable, value) {
            Ok(text) => {
                *value = text;
                true
            }
            Err(error) => {
                tracing::error!("{error}");
                false
            }
        }
    });
}

impl SettingsStore {
    /// Reads the database. A secret that cannot be opened is logged with instructions and counts as
    /// unset, so that a lost key does not stop the server.
    ///
    /// # Errors
    /// The errors of [`Settings::all`].
    pub async fn open(
        settings: Arc<dyn Settings>,
        mut layers: SettingLayers,
        sealer: Sealer,
    ) -> Result<Self> {
        layers.fixed.retain(|_, value| !value.trim().is_empty());
        layers.initial.retain(|_, value| !value.trim().is_empty());
        let registry = Registry::new()?;
        open_sealed(&mut layers.initial, &registry, &sealer);
        let store = Self {
            registry,
            settings,
            layers,
            sealer,
            available: BTreeMap::new(),
            changing: Mutex::default(),
            snapshot: RwLock::default(),
            versions: watch::Sender::default(),
        };
        store.reload().await?;
        Ok(store)
    }

    /// Restricts the values of a variable to those that this program supports. The table can
    /// contain more.
    pub fn with_available(
        mut self,
        variable: &'static str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        self.available.insert(variable, values.into_iter().collect());
        self
    }

    /// Returns why the current value of a variable is not supported by this program, whatever its
    /// source.
    pub fn unavailable(&self, variable: &str) -> Option<String> {
        self.unavailable_value(variable, &self.lookup(variable)?)
    }

    /// Returns why a value of a variable would not be supported by this program.
    pub fn unavailable_value(&self, variable: &str, text: &str) -> Option<String> {
        let values = self.available.get(variable)?;
        let excerpt: String = text.chars().take(100).collect();
        (!values.contains(&text)).then(|| {
            format!("{excerpt} is not available in this server; choose {}", values.join(", "))
        })
    }

    /// Returns the value in force, including defaults. Variables not in the table are looked up in
    /// the environment and the file.
    pub fn lookup(&self, variable: &str) -> Option<String> {
        self.lookup_in(&self.snapshot(), variable)
    }

    /// Subscribes to changes. Compare the versions of the relevant capability.
    pub fn subscribe(&self) -> watch::Receiver<Versions> {
        self.versions.subscribe()
    }

    /// Reads the database again, because another process may have changed it.
    ///
    /// # Errors
    /// The errors of [`Settings::all`]; the previous settings stay in force.
    pub async fn reload(&self) -> Result<()> {
        let _changing = self.changing.lock().await;
        let mut rows = self.settings.all().await?;
        let mut snapshot = Snapshot::default();
        for setting in self.registry.variables() {
            let Some(row) = rows.remove(setting.variable) else { continue };
            if !setting.secret || row.is_empty() {
                snapshot.stored.insert(setting.variable, SecretString::new(row));
                continue;
            }
            match self.sealer.open(setting.variable, &row) {
                Ok(text) => {
                    snapshot.stored.insert(setting.variable, SecretString::new(text));
                }
                Err(error) => {
                    if !self.snapshot().unreadable.contains(&setting.name) {
                        tracing::error!("{error}");
                    }
                    snapshot.unreadable.push(setting.name);
                }
            }
        }
        self.replace(snapshot);
        Ok(())
    }

    /// Calls [`SettingsStore::reload`] at intervals. Never returns. Logs the first of consecutive
    /// failures.
    pub async fn refresh_loop(&self, interval: Duration) {
        let mut failing = false;
        loop {
            tokio::time::sleep(interval).await;
            let failure = self.reload().await.err();
            if let Some(error) = failure.as_ref().filter(|_| !failing) {
                tracing::warn!("failed to read the settings again: {error}");
            }
            failing = failure.is_some();
        }
    }

    /// Returns the public names of settings fixed by the process environment.
    pub fn fixed(&self) -> Vec<&'static str> {
        let is_fixed = |row: &&Setting| self.layers.fixed.contains_key(row.variable);
        self.registry.settings().iter().filter(is_fixed).map(|row| row.name).collect()
    }

    /// Returns whether a stored value is a secret that cannot be opened with the current key.
    pub fn is_sealed_elsewhere(&self, variable: &str, value: &str) -> bool {
        Sealer::is_sealed(value) && self.sealer.open(variable, value).is_err()
    }

    /// Seals a text under a name.
    ///
    /// # Errors
    /// The errors of [`Sealer::seal`].
    pub fn seal(&self, name: &str, text: &str) -> Result<String> {
        self.sealer.seal(name, text)
    }

    /// Opens a text sealed by [`SettingsStore::seal`].
    ///
    /// # Errors
    /// The errors of [`Sealer::open`].
    pub fn open_sealed(&self, name: &str, sealed: &str) -> Result<String> {
        self.sealer.open(name, sealed)
    }

    /// Returns the public names of secrets that cannot be opened with the current key.
    pub fn unreadable(&self) -> Vec<&'static str> {
        self.snapshot().unreadable.clone()
    }

    /// Returns the table of all settings.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the value of a variable from any source except the defaults.
    pub(super) fn explicit_value<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        variable: &str,
    ) -> Option<&'a str> {
        let fixed = self.layers.fixed.get(variable).map(String::as_str);
        let stored = || snapshot.stored.get(variable).map(SecretString::reveal);
        let initial = || self.layers.initial.get(variable).map(String::as_str);
        fixed.or_else(stored).or_else(initial).filter(|value| !value.is_empty())
    }

    pub(super) fn lookup_in(&self, snapshot: &Snapshot, variable: &str) -> Option<String> {
        if let Some(value) = self.explicit_value(snapshot, variable) {
            return Some(value.to_owned());
        }
        match self.registry.by_variable(variable)?.unset {
            Unset::As(variable) => self.explicit_value(snapshot, variable).map(str::to_owned),
            unset => unset.text(),
        }
    }

    /// Puts a snapshot in force and notifies subscribers of the changes.
    pub(super) fn replace(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        let mut current = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        let previous = std::mem::replace(&mut *current, snapshot.clone());
        drop(current);
        let is_changed = |row: &&Setting| {
            self.explicit_value(&previous, row.variable)
                != self.explicit_value(&snapshot, row.variable)
        };
        let rows: Vec<_> = self.registry.variables().filter(is_changed).collect();
        self.versions.send_if_modified(|versions| {
            for capability in Capability::ALL {
                if rows.iter().any(|row| row.capabilities.contains(&capability)) {
                    versions.0[capability as usize] += 1;
                }
            }
            !rows.is_empty()
        });
    }

    /// Returns a number that grows with every change of any setting.
    pub(super) fn generation(&self) -> u64 {
        self.versions.borrow().0.iter().sum()
    }
}
