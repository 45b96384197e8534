//! Writes the settings in force to a `.env` file, which the next start of the server can read.
//!
//! Anyone may request a dump, so it is limited: no values from the process environment, secrets
//! sealed, at most one write per minute, and an audit event for each.
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

/// How a dump contains secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DumpedSecrets {
    /// Sealed with the key of this server, as in the database.
    #[default]
    Sealed,
    /// In plain text, at the operator's request.
    Plain,
}

/// The lines that enclose the generated part of the file. The rest belongs to the operator.
const BEGIN: &str = "# Settings written by carrel; changes between these lines are lost.";
const END: &str = "# End of the settings written by carrel.";

/// The minimum interval between writes.
pub const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// The result of a request for a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpResult {
    /// Nothing was done, because dumps are enabled in production only.
    Disabled,
    /// The settings were written.
    Written,
    /// The file was already up to date.
    Unchanged,
    /// The file will be written when the interval since the last write has passed.
    Scheduled,
}

/// Keeps the file up to date on request, at a limited rate.
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
    /// The time of the last write attempt, and the generation of settings in the file if it
    /// succeeded.
    last: Option<(Instant, Option<u64>)>,
    is_scheduled: bool,
    /// The last rendered text and its generation of settings. Sealing a secret twice gives
    /// different texts, so rendering again would rewrite an unchanged file.
    cached_block: Option<(u64, String)>,
}

impl Dump {
    /// Creates a dump of the settings in `store` to the file at `path`.
    pub fn new(
        store: Arc<SettingsStore>,
        audit: Arc<dyn AuditLog>,
        path: PathBuf,
        production: bool,
        secrets: DumpedSecrets,
    ) -> Arc<Self> {
        Arc::new(Self { store, audit, path, production, secrets, state: Mutex::default() })
    }

    /// Writes the file now, or schedules a write. Concurrent calls share one write.
    ///
    /// # Errors
    /// [`Error::Internal`] if the file cannot be written. The old file then stays.
    pub async fn write(self: &Arc<Self>, by: &By) -> Result<DumpResult> {
        if !self.production {
            return Ok(DumpResult::Disabled);
        }
        let mut state = self.state.lock().await;
        if let Some((at, generation)) = state.last
            && at.elapsed() < MIN_INTERVAL
        {
            if generation == Some(self.store.generation()) {
                return Ok(DumpResult::Unchanged);
            }
            if !state.is_scheduled {
                state.is_scheduled = true;
                tokio::spawn(self.clone().write_at(at + MIN_INTERVAL, by.clone()));
            }
            return Ok(DumpResult::Scheduled);
        }
        self.write_now(&mut state, by).await
    }

    async fn write_at(self: Arc<Self>, time: Instant, by: By) {
        tokio::time::sleep_until(time).await;
        let mut state = self.state.lock().await;
        state.is_scheduled = false;
        if let Err(error) = self.write_now(&mut state, &by).await {
            tracing::error!("failed to write the settings to a file: {error:?}");
        }
    }

    async fn write_now(&self, state: &mut State, by: &By) -> Result<DumpResult> {
        state.last = Some((Instant::now(), None));
        let generation = self.store.generation();
        let block = match state.cached_block.take().filter(|(cached, _)| *cached == generation) {
            Some((_, block)) => block,
            None => render(&self.store, self.secrets)?,
        };
        state.cached_block = Some((generation, block.clone()));
        let path = self.path.clone();
        let result = tokio::task::spawn_blocking(move || update_file(&path, &block)).await;
        let result = result.map_err(Error::internal)?;
        let is_changed = result.map_err(|error| {
            let text = format!("failed to write {}: {error}", self.path.display());
            Error::of_file(std::io::Error::new(error.kind(), text))
        })?;
        state.last = Some((Instant::now(), Some(generation)));
        if !is_changed {
            return Ok(DumpResult::Unchanged);
        }
        let is_sealed = self.secrets == DumpedSecrets::Sealed;
        let details = json!({ "secretsSealed": is_sealed }).to_string();
        self.audit.add(by.event("settings_dumped", details)).await?;
        Ok(DumpResult::Written)
    }
}

/// Renders every setting made on this server, one line per variable. Omits defaults and values from
/// the process environment.
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
        text.push_str(&format!("{}={}\n", row.variable, quote(value)));
    }
    text.push_str(END);
    text.push('\n');
    Ok(text)
}

/// Quotes a value for a `.env` file on one line: in single quotes, which all parsers treat
/// literally, or otherwise in double quotes with escapes.
pub fn quote(value: &str) -> String {
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

/// Replaces the earlier block in `text` by `block`, or appends it.
fn replace_block(text: &str, block: &str) -> String {
    let mut output = String::new();
    let mut is_inside = false;
    for line in text.split_inclusive('\n') {
        match line.trim_end() {
            BEGIN => is_inside = true,
            END if is_inside => is_inside = false,
            _ if !is_inside => output.push_str(line),
            _ => {}
        }
    }
    if !output.is_empty() && !output.ends_with('\n') {
        output.push('\n');
    }
    // Parsers use the last of several lines for a variable, so the block comes last.
    output + block
}

/// Updates the file. Returns whether it changed.
fn update_file(path: &Path, block: &str) -> std::io::Result<bool> {
    let current = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let updated = replace_block(&current, block);
    if updated == current {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    // A temporary file is readable by its owner only, and keeps its permissions when renamed.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(updated.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)?;
    Ok(true)
}

/// Syncs a directory, so that a new name in it survives a power failure, if the system supports it.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
