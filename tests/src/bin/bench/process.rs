//! Resource usage of a process, as reported by the operating system.
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

/// Returns the resident memory in MB (10^6 bytes).
pub fn resident(id: u32) -> Result<f64> {
    memory(id, "VmRSS:")
}

/// Returns the peak resident memory in MB.
pub fn peak(id: u32) -> Result<f64> {
    memory(id, "VmHWM:")
}

/// Observes the memory of a process that is not its program file.
pub struct OwnMemory {
    idle: f64,
    observer: JoinHandle<f64>,
    is_over: Arc<AtomicBool>,
}

impl OwnMemory {
    /// Starts with a process that is idle.
    pub fn observe(id: u32) -> Result<Self> {
        const INTERVAL: Duration = Duration::from_millis(2);
        thread::sleep(Duration::from_secs(2));
        let own_memory = move || memory(id, "RssAnon:");
        let (idle, is_over) = (own_memory()?, Arc::new(AtomicBool::new(false)));
        let is_over_flag = is_over.clone();
        let observer = thread::spawn(move || {
            let mut peak = idle;
            while !is_over_flag.load(Ordering::Relaxed) {
                peak = peak.max(own_memory().unwrap_or(0.0));
                thread::sleep(INTERVAL);
            }
            peak
        });
        Ok(Self { idle, observer, is_over })
    }

    /// Returns by how many MB the peak was above the idle memory.
    pub fn growth(self) -> Result<f64> {
        self.is_over.store(true, Ordering::Relaxed);
        let peak = self.observer.join().ok().context("the observer panicked")?;
        Ok(peak - self.idle)
    }
}

fn memory(id: u32, figure: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    let kib: f64 =
        line.context("the figure is not there")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// Returns the CPU seconds of all running threads.
pub fn processor_time(id: u32) -> Result<f64> {
    let mut nanoseconds = 0.0;
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        let spent = fs::read_to_string(task?.path().join("schedstat"))?;
        let spent = spent.split_whitespace().next().context("an empty schedstat")?;
        nanoseconds += spent.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

/// Whether a process has ended but was not waited for.
pub fn has_ended(id: u32) -> Result<bool> {
    Ok(after_name(id)?.starts_with('Z'))
}

/// Returns the CPU seconds of all threads, including finished ones, in steps of 10 ms.
pub fn time_of_all_threads(id: u32) -> Result<f64> {
    let stat = after_name(id)?;
    // The state is the third field of the file, the times are the 14th and the 15th.
    let ticks = stat.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks: Vec<f64> = ticks.collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// Returns the fields of `/proc/<id>/stat` after the program's name, which may contain any
/// character.
fn after_name(id: u32) -> Result<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("an odd stat")?;
    Ok(rest.to_owned())
}
