//! Writes the settings in force to a `.env` file, from which another start of the server reads them.
//!
//! Anyone may ask for it, so it writes little and rarely: nothing that came from the environment of
//! the process, secrets sealed, at most once a minute, and with an audit event.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carrel_domain::audit::{AuditLog, By};
use carrel_domain::{Error, Result};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::store::SettingsStore;

/// How a dump writes secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DumpedSecrets {
    /// Under the key of this installation, as in the database.
    #[default]
    Sealed,
    /// In the clear, where the operator asks for it.
    Plain,
}

/// The lines around what this server writes; the rest of the file is the operator's.
const BEGIN: &str = "# Settings written by carrel; changes between these lines are lost.";
const END: &str = "# End of the settings written by carrel.";

/// How far apart writes are, however often they are asked for.
pub const PAUSE: Duration = Duration::from_secs(60);

/// The result of a request for a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dumped {
    /// Dumps are for production only.
    Off,
    /// The settings were written.
    Written,
    /// The file says it already.
    Unchanged,
    /// The file is written when the pause since the last time is over.
    Later,
}

/// Keeps the file in step with the settings, as often as it is asked to but no more.
pub struct Dump {
    store: Arc<SettingsStore>,
    audit: Arc<dyn AuditLog>,
    path: PathBuf,
    production: bool,
    secrets: DumpedSecrets,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the file was last looked at, and the generation of settings it holds if that went well.
    last: Option<(Instant, Option<u64>)>,
    planned: bool,
    /// What was rendered last, and the generation of settings it holds: sealing the same secret
    /// twice gives two texts, and an unchanged file is not to be written again.
    rendered: Option<(u64, String)>,
}

impl Dump {
    /// A file of the settings in `store`.
    pub fn new(
        store: Arc<SettingsStore>,
        audit: Arc<dyn AuditLog>,
        path: PathBuf,
        production: bool,
        secrets: DumpedSecrets,
    ) -> Arc<Self> {
        Arc::new(Self { store, audit, path, production, secrets, state: Mutex::default() })
    }

    /// Writes the file, or sees to it that it is written before long. Calls at the same moment
    /// share one write.
    ///
    /// # Errors
    /// [`Error::Internal`] when the file cannot be written; the old one is still there then.
    pub async fn write(self: &Arc<Self>, by: &By) -> Result<Dumped> {
        if !self.production {
            return Ok(Dumped::Off);
        }
        let mut state = self.state.lock().await;
        if let Some((at, generation)) = state.last
            && at.elapsed() < PAUSE
        {
            if generation == Some(self.store.generation()) {
                return Ok(Dumped::Unchanged);
            }
            if !state.planned {
                state.planned = true;
                tokio::spawn(self.clone().write_at(at + PAUSE, by.clone()));
            }
            return Ok(Dumped::Later);
        }
        self.write_now(&mut state, by).await
    }

    async fn write_at(self: Arc<Self>, time: Instant, by: By) {
        tokio::time::sleep_until(time).await;
        let mut state = self.state.lock().await;
        state.planned = false;
        if let Err(error) = self.write_now(&mut state, &by).await {
            tracing::error!("failed to write the settings to a file: {error:?}");
        }
    }

    async fn write_now(&self, state: &mut State, by: &By) -> Result<Dumped> {
        state.last = Some((Instant::now(), None));
        let generation = self.store.generation();
        let block = match state.rendered.take().filter(|(of, _)| *of == generation) {
            Some((_, block)) => block,
            None => render(&self.store, self.secrets)?,
        };
        state.rendered = Some((generation, block.clone()));
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || bring_up_to_date(&path, &block)).await;
        let written = written.map_err(Error::internal)?;
        let written = written.map_err(|error| {
            let text = format!("failed to write {}: {error}", self.path.display());
            Error::of_file(std::io::Error::new(error.kind(), text))
        })?;
        state.last = Some((Instant::now(), Some(generation)));
        if !written {
            return Ok(Dumped::Unchanged);
        }
        let sealed = self.secrets == DumpedSecrets::Sealed;
        let details = json!({ "secretsSealed": sealed }).to_string();
        self.audit.add(by.event("settings_dumped", details)).await?;
        Ok(Dumped::Written)
    }
}

/// Renders every setting that was made here, one line for each variable. Defaults are left out, and
/// so is everything that the environment of the process says.
///
/// # Errors
/// The errors of sealing.
pub fn render(store: &SettingsStore, secrets: DumpedSecrets) -> Result<String> {
    let snapshot = store.snapshot();
    let mut text = format!("{BEGIN}\n");
    for row in store.registry().variables().filter(|row| !row.is_read_only()) {
        let value = store.explicit_value(&snapshot, row.variable);
        let Some(value) = value.filter(|_| !store.layers.fixed.contains_key(row.variable)) else {
            continue;
        };
        let value = match secrets {
            DumpedSecrets::Sealed if row.secret => &*store.sealer.seal(row.variable, value)?,
            _ => value,
        };
        text.push_str(&format!("{}={}\n", row.variable, quoted(value)));
    }
    text.push_str(END);
    text.push('\n');
    Ok(text)
}

/// A value as a `.env` file holds it, on one line: in single quotes, which readers of all kinds
/// leave alone, or where that cannot be, in double quotes with backslashes.
pub fn quoted(value: &str) -> String {
    if !value.contains(|c: char| c == '\'' || c.is_control()) {
        return format!("'{value}'");
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '"' | '\\' | '$' => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// The text of the file with `block` in the place of an earlier one, or at its end.
fn spliced(text: &str, block: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        match line.trim_end() {
            BEGIN => inside = true,
            END if inside => inside = false,
            _ if !inside => kept.push_str(line),
            _ => {}
        }
    }
    if !kept.is_empty() && !kept.ends_with('\n') {
        kept.push('\n');
    }
    // At the end, because of two lines for one variable readers take the later.
    kept + block
}

/// Whether anything had to be written.
fn bring_up_to_date(path: &Path, block: &str) -> std::io::Result<bool> {
    let before = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let after = spliced(&before, block);
    if after == before {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    // A temporary file is open to its owner alone, and stays so under its final name.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(after.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)?;
    Ok(true)
}

/// Makes sure that a new name in a folder survives a power cut, where the system can.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
