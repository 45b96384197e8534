//! The system's limit on the number of connections of this process.

/// Files open in addition to connections: the database, the model, uploads, calls to providers.
const OTHER_FILES: u64 = 256;

/// The upper limit of connections; more should not be needed on one machine.
const MAX_CONNECTIONS: u64 = 32_768;

/// Raises the limit of open files as far as the system allows, and returns the number of
/// connections it leaves room for. Further clients wait. Without this bound, the database could not
/// open its files once clients have taken all descriptors.
#[cfg(unix)]
pub fn connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let needed = MAX_CONNECTIONS + OTHER_FILES;
    let raised = before.maximum.map_or(needed, |most| most.min(needed));
    let raised = before.current.map_or(needed, |now| now.max(raised));
    let limit = Rlimit { current: Some(raised), maximum: before.maximum };
    let files = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => raised,
        Err(_) => before.current.unwrap_or(needed),
    };
    usize::try_from(files.saturating_sub(OTHER_FILES).clamp(64, MAX_CONNECTIONS)).unwrap_or(64)
}

#[cfg(not(unix))]
pub fn connections() -> usize {
    usize::try_from(MAX_CONNECTIONS).unwrap_or(64)
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_room_for_connections() {
        assert!(super::connections() >= 64);
    }
}
