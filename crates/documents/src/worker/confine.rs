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
        // Files that are open stay usable. No other can be opened, nor a socket, even after one of
        // them is closed.
        (Resource::Nofile, 0),
    ];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{
            DumpableBehavior, Signal, getppid, set_dumpable_behavior,
            set_parent_process_death_signal,
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
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn confine(_: &Job) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs::File;
    use std::io::{Read, stdin};
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsFd;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::extract::Limits;

    const INSIDE: &str = "CARREL_TEST_CONFINED";

    /// Runs in a process of its own, which [`a_confined_worker_reaches_nothing`] starts.
    #[test]
    fn inside() {
        if std::env::var_os(INSIDE).is_none() {
            return;
        }
        let limits = Limits { file: 1, text: 1, inflated: 1 };
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get().cast_unsigned();
        let job = Job { extension: "pdf".into(), limits, memory: 1 << 30, seconds: 20, parent };
        let mut input = File::from(stdin().as_fd().try_clone_to_owned().unwrap());
        confine(&job).unwrap();
        let mut text = String::new();
        input.read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        // The number that standard input had is free, and still nothing can be opened.
        drop(input);
        assert!(File::open("/etc/hostname").is_err() && File::open("/proc/self/maps").is_err());
        assert!(
            TcpListener::bind("127.0.0.1:0").is_err() && UdpSocket::bind("127.0.0.1:0").is_err()
        );
        assert!(rustix::thread::no_new_privs().unwrap());
        let raised = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
        let is_root = rustix::process::geteuid().is_root();
        let files = rustix::process::Resource::Nofile;
        assert!(is_root || rustix::process::setrlimit(files, raised).is_err());
        println!("nothing was reached");
    }

    #[test]
    fn a_confined_worker_reaches_nothing() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker::confine::tests::inside", "--nocapture", "--test-threads=1"])
            .env(INSIDE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, b"content").unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("nothing was reached"), "{said}");
    }
}
