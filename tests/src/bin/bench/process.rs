//! Resource usage of a process, as reported by the operating system.
use std::fs;

use anyhow::{Context, Result};

/// Resident memory in MB (10^6 bytes).
pub fn resident(id: u32) -> Result<f64> {
    memory(id, "VmRSS:")
}

/// The most resident memory there has been, in MB.
pub fn peak(id: u32) -> Result<f64> {
    memory(id, "VmHWM:")
}

fn memory(id: u32, figure: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    let kib: f64 =
        line.context("the figure is not there")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// Seconds of processor time that all threads have used so far.
pub fn processor_time(id: u32) -> Result<f64> {
    let mut nanoseconds = 0.0;
    for task in fs::read_dir(format!("/proc/{id}/task"))? {
        let spent = fs::read_to_string(task?.path().join("schedstat"))?;
        let spent = spent.split_whitespace().next().context("an empty schedstat")?;
        nanoseconds += spent.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}
