//! What runs in a worker: one file is read, one answer given.
use std::fs::File;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use carrel_domain::document::Extracted;

use super::confine::confine;
use super::{Job, LACKS, reply, said};
use crate::extract::extract;
use crate::extract::extract_error::ExtractError;
use crate::extract::pictures::Pictures;

/// Readers of some formats call themselves for what is nested.
const STACK: usize = 64 << 20;
/// How often the time is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Reads the file on standard input as `job` says, and answers on standard output. Only for a
/// process that was started for it: it confines itself for good.
pub fn run(job: &str) -> ExitCode {
    let answer = match serde_json::from_str(job) {
        Ok(job) => confined(job),
        Err(error) => Err(ExtractError::Internal(format!("failed to understand the job: {error}"))),
    };
    match reply::write(io::stdout().lock(), answer) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens any more.
        Err(_) => ExitCode::FAILURE,
    }
}

fn confined(job: Job) -> Result<Vec<Extracted>, ExtractError> {
    // Before the number of files is fixed at what is open.
    let (file, spent) = (input()?, Arc::new(AtomicU64::new(0)));
    let pictures = Pictures::open(&job.ocr, Arc::clone(&spent));
    let failure = |what| ExtractError::Internal(format!("failed to confine a worker: {what}"));
    let lacks = confine(&job).map_err(failure)?;
    if !lacks.is_empty() {
        eprintln!("{LACKS}{}", lacks.join(", "));
    }
    watched(file, job, pictures, &spent)
}

/// Reads on a thread of its own, for no longer than allowed, beside the milliseconds `spent` on pictures.
pub(super) fn watched(
    file: File,
    job: Job,
    pictures: Pictures,
    spent: &AtomicU64,
) -> Result<Vec<Extracted>, ExtractError> {
    let too_slow = said::too_slow(&job);
    let (done, answer) = mpsc::sync_channel(1);
    let (patience, most) = (job.seconds, job.total_seconds);
    let read = move || {
        let answer = extract(&job.extension, &file, job.limits, pictures);
        // Whoever has stopped waiting has ended the process.
        let _ = done.send(answer);
    };
    thread::Builder::new().stack_size(STACK).spawn(read)?;
    let start = Instant::now();
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(answer) => return answer,
            // It panicked, and has said so on standard error.
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(said::crashed()),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let on_pictures = Duration::from_millis(spent.load(Ordering::Relaxed));
                let allowed = Duration::from_secs(patience) + on_pictures;
                if start.elapsed() >= allowed.min(Duration::from_secs(most)) {
                    return Err(too_slow);
                }
            }
        }
    }
}

#[cfg(unix)]
fn input() -> Result<File, ExtractError> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn input() -> Result<File, ExtractError> {
    Err(ExtractError::Internal("files of this type cannot be read on this system".to_owned()))
}
