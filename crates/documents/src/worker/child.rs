//! What runs in a worker: one file is read, one answer given.
use std::fs::File;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use carrel_domain::document::Extracted;

use super::confine::confine;
use super::{Job, LACKS, reply, said};
use crate::extract::extract;
use crate::extract::fault::Fault;

/// Readers of some formats call themselves for what is nested.
const STACK: usize = 64 << 20;

/// Reads the file on standard input as `job` says, and answers on standard output. Only for a
/// process that was started for it: it confines itself for good.
pub fn run(job: &str) -> ExitCode {
    let answer = match serde_json::from_str(job) {
        Ok(job) => confined(job),
        Err(error) => Err(Fault::Internal(format!("failed to understand the job: {error}"))),
    };
    match reply::write(io::stdout().lock(), answer) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens any more.
        Err(_) => ExitCode::FAILURE,
    }
}

fn confined(job: Job) -> Result<Vec<Extracted>, Fault> {
    // Before the number of files is fixed at what is open.
    let file = input()?;
    let failure = |what| Fault::Internal(format!("failed to confine a worker: {what}"));
    let lacks = confine(&job).map_err(failure)?;
    if !lacks.is_empty() {
        eprintln!("{LACKS}{}", lacks.join(", "));
    }
    watched(file, job)
}

/// Reads on a thread of its own, for no longer than allowed.
pub(super) fn watched(file: File, job: Job) -> Result<Vec<Extracted>, Fault> {
    let too_slow = said::too_slow(&job);
    let patience = Duration::from_secs(job.seconds);
    let (done, answer) = mpsc::sync_channel(1);
    let read = move || {
        let answer = extract(&job.extension, &file, job.limits);
        // Whoever has stopped waiting has ended the process.
        let _ = done.send(answer);
    };
    thread::Builder::new().stack_size(STACK).spawn(read)?;
    match answer.recv_timeout(patience) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(too_slow),
        // It panicked, and has said so on standard error.
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(said::crashed()),
    }
}

#[cfg(unix)]
fn input() -> Result<File, Fault> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn input() -> Result<File, Fault> {
    Err(Fault::Internal("files of this type cannot be read on this system".to_owned()))
}
