//! Confines a worker before it reads its file.
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod landlock;

use super::Job;

/// Additional address space for read-only mappings, in bytes.
#[cfg(unix)]
const READ_ONLY: u64 = 1 << 30;

/// Maximum number of open files of a helper and the program it runs.
#[cfg(unix)]
const HELPER_FILES: u64 = 32;

/// Permanently gives up everything that a worker does not need: memory beyond its limit, CPU time,
/// files, connections, other processes, core dumps, and outliving the server. Returns the features
/// that the kernel lacks.
#[cfg(unix)]
pub fn confine(job: &Job) -> Result<Vec<&'static str>, String> {
    #[cfg(target_os = "linux")]
    let missing = {
        guard(job)?;
        // Landlock needs a file descriptor, so it precedes the limits.
        landlock::restrict()?.err()
    };
    #[cfg(not(target_os = "linux"))]
    let missing = Some("a filter of system calls and Landlock, which Linux has");
    limit(job)?;
    #[cfg(target_os = "linux")]
    return Ok([missing, filter::install()?.err()].into_iter().flatten().collect());
    #[cfg(not(target_os = "linux"))]
    Ok(missing.into_iter().collect())
}

/// Permanently limits the resources of a helper and the program it runs, and ends it with its
/// worker.
#[cfg(unix)]
pub fn confine_helper(memory: u64, processor_seconds: u64) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        rustix::thread::set_no_new_privs(true)
            .map_err(|error| format!("no new privileges: {error}"))?;
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| format!("the parent's death: {error}"))?;
    }
    for (resource, most) in [
        (Resource::Data, memory),
        (Resource::As, memory.saturating_add(READ_ONLY)),
        (Resource::Cpu, processor_seconds + 1),
        (Resource::Core, 0),
        // It replies through a pipe and writes no files.
        (Resource::Fsize, 0),
        (Resource::Nofile, HELPER_FILES),
    ] {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn confine_helper(_: u64, _: u64) -> Result<(), String> {
    Ok(())
}

#[cfg(unix)]
fn limit(job: &Job) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limits = [
        (Resource::Data, job.memory),
        // The limit includes read-only mappings, in particular the program itself.
        (Resource::As, job.memory.saturating_add(READ_ONLY)),
        (Resource::Cpu, job.processor_seconds + 1),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        // Open files stay usable. No other file or socket can be opened, even after one is closed.
        (Resource::Nofile, 0),
    ];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    Ok(())
}

/// Gives up privileges, prevents tracing, and ties the process to its parent.
#[cfg(target_os = "linux")]
fn guard(job: &Job) -> Result<(), String> {
    use rustix::process::{
        DumpableBehavior, Signal, getppid, set_dumpable_behavior, set_parent_process_death_signal,
    };
    // Programs that it starts gain no privileges, and other processes of the user cannot trace it.
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("no new privileges: {error}"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("no dumps: {error}"))?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("the parent's death: {error}"))?;
    // The parent may have died before the signal was set.
    let parent = getppid().map(|parent| parent.as_raw_nonzero().get().cast_unsigned());
    if parent != Some(job.parent) {
        return Err("the parent has ended".to_owned());
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn confine(_: &Job) -> Result<Vec<&'static str>, String> {
    Ok(Vec::new())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
