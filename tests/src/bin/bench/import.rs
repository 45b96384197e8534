//! Measures the import of a large installation of AnythingLLM, made by `tests/import/large.py`: its
//! cost without the embedding, which jobs do later, and its peak memory.
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::Carrel;

use crate::figure::Figure;
use crate::process::{has_ended, peak, time_of_all_threads};

const DOCUMENTS: u32 = 20_000;
const CHATS: u32 = 100_000;

/// Limits of the import: CPU seconds and MB.
const MAX_SECONDS: f64 = 60.0;
const MAX_MEMORY: f64 = 150.0;

/// Interval of memory measurements.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Runs the measurement. `arguments` are the numbers of documents and exchanges; the limits apply
/// to the default numbers.
pub fn measure(mut arguments: impl Iterator<Item = String>) -> Result<Vec<Figure>> {
    let mut number = |default: u32| match arguments.next() {
        Some(text) => text.parse().with_context(|| format!("`{text}` is no number")),
        None => Ok(default),
    };
    let (documents, chats) = (number(DOCUMENTS)?, number(CHATS)?);
    let source = tempfile::tempdir()?;
    let generator = Command::new("python3")
        .arg("tests/import/large.py")
        .arg(source.path())
        .args([documents.to_string(), chats.to_string()])
        .status()
        .context("failed to start python3")?;
    ensure!(generator.success(), "the installation could not be made");
    let storage = tempfile::tempdir()?;
    let started = Instant::now();
    let (seconds, memory) = import(source.path(), &storage.path().join("carrel"))?;
    let description = format!("import of {documents} documents and {chats} exchanges");
    Ok(vec![
        Figure::new(description, seconds, "CPU s").at_most(MAX_SECONDS),
        Figure::new("memory meanwhile, at most", memory, "MB").at_most(MAX_MEMORY),
        Figure::new("time on the clock", started.elapsed().as_secs_f64(), "s"),
    ])
}

/// Returns the CPU seconds and the peak memory in MB.
fn import(source: &Path, storage: &Path) -> Result<(f64, f64)> {
    let source = source.display().to_string();
    let mut command = Carrel::new(storage)?.command(&["import", "anythingllm", &source]);
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let (id, mut peak_memory) = (child.id(), 0.0);
    // The system keeps the usage of a finished process until its parent waits for it.
    while !has_ended(id)? {
        peak_memory = peak(id).unwrap_or(peak_memory);
        std::thread::sleep(POLL_INTERVAL);
    }
    let seconds = time_of_all_threads(id)?;
    let status = child.wait()?;
    ensure!(status.success(), "the import ended with {status}");
    Ok((seconds, peak_memory))
}
