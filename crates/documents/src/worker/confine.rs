//! What a worker may not do any more once it has begun.
use super::Job;

/// The most address space, in bytes, for what is mapped and not written to.
#[cfg(unix)]
const READ_ONLY: u64 = 1 << 30;

/// Gives up, for good, whatever a worker has no need of: memory beyond its share, processor time,
/// files, connections, dumps, and its life once the server has ended.
#[cfg(unix)]
pub fn confine(job: &Job) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limits = [
        (Resource::Data, job.memory),
        // Beside what it writes to there is what it only reads, first of all the program itself.
        (Resource::As, job.memory.saturating_add(READ_ONLY)),
        (Resource::Cpu, job.seconds + 1),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        // The standard three are open; there is no number left for another, nor for a socket.
        (Resource::Nofile, 3),
    ];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| format!("the parent's death: {error}"))?;
        // It may have died before it was asked to tell.
        let parent = getppid().map(|parent| parent.as_raw_nonzero().get().cast_unsigned());
        if parent != Some(job.parent) {
            return Err("the parent has ended".to_owned());
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn confine(_: &Job) -> Result<(), String> {
    Ok(())
}
