//! The settings in force: from the process environment, then the database, then a file, then the
//! defaults of the table; read at any moment without waiting.
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use carrel_domain::Result;
use carrel_domain::settings::Settings;
use tokio::sync::{Mutex, watch};

use super::registry::{Capability, Registry, Setting, Unset};
use super::secrets::{Sealer, SecretString};

/// Values by variable that do not come from the database. Empty ones count as not given, because
/// that is what an unset variable becomes in many a compose file.
#[derive(Default)]
pub struct SettingLayers {
    /// Above the database: the environment of the process. What is here cannot be changed.
    pub fixed: BTreeMap<String, String>,
    /// Below the database: what an operator, or an earlier dump, wrote in a file. What is set
    /// later outranks it.
    pub initial: BTreeMap<String, String>,
}

/// How often the settings of each capability have changed since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions([u64; Capability::ALL.len()]);

impl Versions {
    /// Grows when a setting of the capability changes.
    pub fn of(&self, capability: Capability) -> u64 {
        self.0[capability as usize]
    }
}

/// The values of the database at one moment, opened.
#[derive(Clone, Default)]
pub(super) struct Snapshot {
    /// By variable. An empty value is one that was cleared, which also hides an initial one.
    pub stored: BTreeMap<&'static str, SecretString>,
    /// Names of secrets that could not be opened.
    pub unreadable: Vec<&'static str>,
}

/// Settings for everyone who asks. Shared behind an [`Arc`].
pub struct SettingsStore {
    pub(super) registry: Registry,
    pub(super) settings: Arc<dyn Settings>,
    pub(super) layers: SettingLayers,
    pub(super) sealer: Sealer,
    /// By variable, the values that this program can do something with.
    pub(super) available: BTreeMap<&'static str, Vec<&'static str>>,
    /// Held from reading the database, or deciding on a change, until the snapshot says so.
    pub(super) changing: Mutex<()>,
    snapshot: RwLock<Arc<Snapshot>>,
    versions: watch::Sender<Versions>,
}

/// Opens the secrets that an earlier dump sealed. One that cannot be opened counts as not set.
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
    /// Reads the database once. A secret that cannot be opened is logged with its remedy and
    /// counts as not set until it is set again, so that one lost key does not stop the server.
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

    /// Refuses any other value of a variable from now on: the table knows of more than a program
    /// need have adapters for.
    pub fn with_available(
        mut self,
        variable: &'static str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        self.available.insert(variable, values.into_iter().collect());
        self
    }

    /// Why what holds for a variable is of no use to this program, wherever it was set.
    pub fn unavailable(&self, variable: &str) -> Option<String> {
        self.unavailable_value(variable, &self.lookup(variable)?)
    }

    /// Why a value of a variable would be of no use to this program.
    pub fn unavailable_value(&self, variable: &str, text: &str) -> Option<String> {
        let values = self.available.get(variable)?;
        let shown: String = text.chars().take(100).collect();
        (!values.contains(&text)).then(|| {
            format!("{shown} is not available in this server; choose {}", values.join(", "))
        })
    }

    /// What holds for a variable, defaults of the table included. Variables that are in no table
    /// come from the environment or the file.
    pub fn lookup(&self, variable: &str) -> Option<String> {
        self.lookup_in(&self.snapshot(), variable)
    }

    /// Tells of changes: compare the versions of the capability you provide.
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

    /// [`SettingsStore::reload`] again and again. Never returns; the first of failures in a row
    /// is logged.
    pub async fn keep_fresh(&self, every: Duration) {
        let mut failing = false;
        loop {
            tokio::time::sleep(every).await;
            let failure = self.reload().await.err();
            if let Some(error) = failure.as_ref().filter(|_| !failing) {
                tracing::warn!("failed to read the settings again: {error}");
            }
            failing = failure.is_some();
        }
    }

    /// Public names of the settings that the environment of the process fixes.
    pub fn fixed(&self) -> Vec<&'static str> {
        let is_fixed = |row: &&Setting| self.layers.fixed.contains_key(row.variable);
        self.registry.settings().iter().filter(is_fixed).map(|row| row.name).collect()
    }

    /// Whether a stored value of a variable is a secret that the key in use does not open.
    pub fn is_sealed_elsewhere(&self, variable: &str, value: &str) -> bool {
        Sealer::is_sealed(value) && self.sealer.open(variable, value).is_err()
    }

    /// Seals a text under a name of its own, as secrets of settings are.
    ///
    /// # Errors
    /// Those of [`Sealer::seal`].
    pub fn seal(&self, name: &str, text: &str) -> Result<String> {
        self.sealer.seal(name, text)
    }

    /// Opens what [`SettingsStore::seal`] sealed.
    ///
    /// # Errors
    /// Those of [`Sealer::open`].
    pub fn open_sealed(&self, name: &str, sealed: &str) -> Result<String> {
        self.sealer.open(name, sealed)
    }

    /// Public names of the secrets that the key in use does not open.
    pub fn unreadable(&self) -> Vec<&'static str> {
        self.snapshot().unreadable.clone()
    }

    /// The table of all settings.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The value of a variable from any source, without defaults.
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
        if let Some(given) = self.explicit_value(snapshot, variable) {
            return Some(given.to_owned());
        }
        match self.registry.by_variable(variable)?.unset {
            Unset::As(other) => self.explicit_value(snapshot, other).map(str::to_owned),
            unset => unset.text(),
        }
    }

    /// Puts a snapshot in force and tells subscribers what changed by it.
    pub(super) fn replace(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        let mut current = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, snapshot.clone());
        drop(current);
        let changed = |row: &&Setting| {
            self.explicit_value(&before, row.variable)
                != self.explicit_value(&snapshot, row.variable)
        };
        let rows: Vec<_> = self.registry.variables().filter(changed).collect();
        self.versions.send_if_modified(|versions| {
            for capability in Capability::ALL {
                if rows.iter().any(|row| row.capabilities.contains(&capability)) {
                    versions.0[capability as usize] += 1;
                }
            }
            !rows.is_empty()
        });
    }

    /// Goes up with every change of any setting.
    pub(super) fn generation(&self) -> u64 {
        self.versions.borrow().0.iter().sum()
    }
}
