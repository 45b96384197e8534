//! Resource usage of this process, as Linux reports it; zeros on other systems.

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Resident memory, in bytes.
    pub memory: u64,
    pub processor_seconds: f64,
    pub open_files: u64,
}

/// Clock ticks per second in `/proc`, the same on every architecture.
const TICKS: f64 = 100.0;

pub fn read() -> Process {
    let file = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
    Process {
        memory: file("status").and_then(|text| memory(&text)).unwrap_or_default(),
        processor_seconds: file("stat").and_then(|text| processor(&text)).unwrap_or_default(),
        open_files: std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64),
    }
}

fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Sums the user and system times, the 14th and 15th field. The second field may contain spaces.
fn processor(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Some((times.next()?.ok()? + times.next()?.ok()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_status_is_parsed() {
        assert_eq!(memory("VmPeak:\t 9 kB\nVmRSS:\t   12 kB\n"), Some(12 << 10));
        let stat = "7 (a) b) R 1 7 7 0 -1 4194304 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(processor(stat), Some(2.0));
        assert_eq!((memory(""), processor("7 (a")), (None, None));
    }
}
