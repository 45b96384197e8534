//! Writing the settings in force to a `.env` file, for whoever runs the server from one.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carrel_domain::{Error, Result};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::store::SettingsStore;

/// The lines around what this server writes; the rest of the file is the operator's.
const BEGIN: &str = "# Settings written by carrel; changes between these lines are lost.";
const END: &str = "# End of the settings written by carrel.";

/// How far apart writes are, however often they are asked for.
pub const PAUSE: Duration = Duration::from_secs(60);

/// What came of asking for a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dumped {
    /// Dumps are for production only.
    Off,
    Written,
    /// The file says it already.
    Unchanged,
    /// The file is written when the pause since the last time is over.
    Later,
}

/// Keeps the file in step with the settings, as often as it is asked to but no more.
pub struct Dump {
    store: Arc<SettingsStore>,
    path: PathBuf,
    production: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the file was last looked at, and the generation of settings it holds if that went well.
    last: Option<(Instant, Option<u64>)>,
    planned: bool,
}

impl Dump {
    pub fn new(store: Arc<SettingsStore>, path: PathBuf, production: bool) -> Arc<Self> {
        Arc::new(Self { store, path, production, state: Mutex::default() })
    }

    /// Writes the file, or sees to it that it is written before long. Calls at the same moment
    /// share one write.
    ///
    /// # Errors
    /// [`Error::Internal`] when the file cannot be written; the old one is still there then.
    pub async fn write(self: &Arc<Self>) -> Result<Dumped> {
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
                tokio::spawn(self.clone().write_at(at + PAUSE));
            }
            return Ok(Dumped::Later);
        }
        self.write_now(&mut state).await
    }

    async fn write_at(self: Arc<Self>, time: Instant) {
        tokio::time::sleep_until(time).await;
        let mut state = self.state.lock().await;
        state.planned = false;
        if let Err(error) = self.write_now(&mut state).await {
            tracing::error!("failed to write the settings to a file: {error:?}");
        }
    }

    async fn write_now(&self, state: &mut State) -> Result<Dumped> {
        state.last = Some((Instant::now(), None));
        let generation = self.store.generation();
        let (path, block) = (self.path.clone(), render(&self.store));
        let written = tokio::task::spawn_blocking(move || bring_up_to_date(&path, &block)).await;
        let written = written.map_err(Error::internal)?;
        let written = written.map_err(|error| {
            let text = format!("failed to write {}: {error}", self.path.display());
            Error::internal(std::io::Error::new(error.kind(), text))
        })?;
        state.last = Some((Instant::now(), Some(generation)));
        Ok(if written { Dumped::Written } else { Dumped::Unchanged })
    }
}

/// Everything that was set, one line for each variable. Defaults are left out, and so is what only
/// the environment of the process may say.
pub fn render(store: &SettingsStore) -> String {
    let snapshot = store.snapshot();
    let mut text = format!("{BEGIN}\n");
    for row in store.registry().variables().filter(|row| !row.is_read_only()) {
        if let Some(value) = store.given(&snapshot, row.variable) {
            text.push_str(&format!("{}={}\n", row.variable, quoted(value)));
        }
    }
    text.push_str(END);
    text.push('\n');
    text
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
