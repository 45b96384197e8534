//! Confines a worker before it reads its file.
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod landlock;

use super::Job;

/// The most address space, in bytes, for what is mapped and not written to.
#[cfg(unix)]
const READ_ONLY: u64 = 1 << 30;

/// The most files that a helper, or the program that it runs, may have open.
#[cfg(unix)]
const HELPER_FILES: u64 = 32;

/// Permanently gives up everything that a worker does not need: memory beyond its share, processor
/// time, files, connections, other processes, dumps, and its life once the server has ended.
/// Returns what the kernel has no means for.
#[cfg(unix)]
pub fn confine(job: &Job) -> Result<Vec<&'static str>, String> {
    #[cfg(target_os = "linux")]
    let lacks = {
        guard(job)?;
        // Needs a file of its own, so it comes before the limits.
        landlock::restrict()?.err()
    };
    #[cfg(not(target_os = "linux"))]
    let lacks = Some("a filter of system calls and Landlock, which Linux has");
    limit(job)?;
    #[cfg(target_os = "linux")]
    return Ok([lacks, filter::install()?.err()].into_iter().flatten().collect());
    #[cfg(not(target_os = "linux"))]
    Ok(lacks.into_iter().collect())
}

/// Limits what a helper and the program that it runs may take, for good, and ends it with its worker.
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
        // It answers through a pipe, and has nothing to write to a file.
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
        // Beside what it writes to there is what it only reads, first of all the program itself.
        (Resource::As, job.memory.saturating_add(READ_ONLY)),
        (Resource::Cpu, job.processor_seconds + 1),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        // Files that are open stay usable. No other can be opened, nor a socket, even after one of
        // them is closed.
        (Resource::Nofile, 0),
    ];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    Ok(())
}

/// Privileges, tracing, and the end of the parent.
#[cfg(target_os = "linux")]
fn guard(job: &Job) -> Result<(), String> {
    use rustix::process::{
        DumpableBehavior, Signal, getppid, set_dumpable_behavior, set_parent_process_death_signal,
    };
    // Programs that it starts gain nothing, and other processes of the user cannot trace it.
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("no new privileges: {error}"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("no dumps: {error}"))?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("the parent's death: {error}"))?;
    // It may have died before it was asked to tell.
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
