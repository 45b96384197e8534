//! The code of a worker: reads one file and sends one reply.
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::confine::{confine, confine_helper};
use super::transcript::TranscriptLine;
use super::{Job, LACKS, Output, Work, failures, reply};
use crate::extract::extract_error::ExtractError;
use crate::extract::pictures::tesseract::{Helper, HelperJob, Runner, Tesseract, serve};
use crate::extract::recordings::TranscriptEnd;
use crate::extract::{Opened, draw_page, extract, thumbnail};
use carrel_speech::whisper::TranscribedPart;

/// Stack size; readers of some formats recurse into nested content.
const STACK: usize = 64 << 20;
/// Interval of checks of the time limit.
const LOOK: Duration = Duration::from_millis(200);

/// Runs `job` on the file at standard input, and replies on standard output. Only for a process
/// started for this purpose, because it confines itself for good.
pub fn run(job: &str) -> ExitCode {
    if let Ok(job) = serde_json::from_str::<HelperJob>(job) {
        return match confine_helper(job.memory, job.processor_seconds) {
            Ok(()) => serve(job),
            Err(_) => ExitCode::FAILURE,
        };
    }
    let written = match serde_json::from_str::<Job>(job) {
        Ok(job) if matches!(job.work, Work::Transcribe(_)) => {
            write_line(&transcribe(job).unwrap_or_else(TranscriptLine::Failed))
        }
        job => {
            let job = job.map_err(|error| {
                ExtractError::Internal(format!("failed to understand the job: {error}"))
            });
            let answer = job.and_then(read);
            reply::write(io::stdout().lock(), answer)
        }
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        // The parent process no longer listens.
        Err(_) => ExitCode::FAILURE,
    }
}

fn read(job: Job) -> Result<Output, ExtractError> {
    let (file, models, spent) = confined(&job)?;
    watched(file, job, models, &spent)
}

fn confined(job: &Job) -> Result<(File, Opened, Arc<AtomicU64>), ExtractError> {
    // This precedes confinement, after which no file can be opened.
    let (file, spent) = (input()?, Arc::new(AtomicU64::new(0)));
    // A confined worker cannot start processes.
    let run = |tesseract: &Tesseract| {
        let (tesseract, memory, processor_seconds) =
            (tesseract.clone(), job.memory, job.processor_seconds);
        let helper = Helper::start(&HelperJob { tesseract, memory, processor_seconds })?;
        Ok(Runner::Helper(Box::new(helper)))
    };
    let models = Opened::of(&job.models, Arc::clone(&spent), run);
    let failure = |what| ExtractError::Internal(format!("failed to confine a worker: {what}"));
    let lacks = confine(job).map_err(failure)?;
    if !lacks.is_empty() {
        eprintln!("{LACKS}{}", lacks.join(", "));
    }
    Ok((file, models, spent))
}

/// Reads on a separate thread, within the time limit plus the milliseconds `spent` on pictures and
/// recordings.
pub(super) fn watched(
    file: File,
    job: Job,
    models: Opened,
    spent: &AtomicU64,
) -> Result<Output, ExtractError> {
    let Job { seconds, total_seconds, .. } = job;
    let too_slow = failures::too_slow(&job);
    let read = move || match job.work {
        Work::DrawPage(page) => draw_page(&file, page, job.limits).map(Output::Page),
        Work::Thumbnail(side) => thumbnail(&file, side).map(Output::Page),
        Work::Read | Work::Transcribe(_) => {
            extract(&job.extension, &file, job.limits, models).map(Output::Documents)
        }
    };
    within(seconds, total_seconds, spent, too_slow, read)
}

/// Writes a line for each part of the transcript when it is ready, and returns the last line.
fn transcribe(job: Job) -> Result<TranscriptLine, ExtractError> {
    let (file, Opened { recordings, .. }, spent) = confined(&job)?;
    let Job { seconds, total_seconds, .. } = job;
    let too_slow = failures::too_slow(&job);
    let Work::Transcribe(requested) = job.work else { return Err(failures::crashed()) };
    let transcribe = move || {
        let mut file = &file;
        let length = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        let begin = |duration: Option<f64>| {
            if let Some(duration) = duration {
                let _ = write_line(&TranscriptLine::Duration(duration));
            }
        };
        let send = &mut |part: TranscribedPart| match write_line(&part.into()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let options = requested.options();
        let ended = recordings.transcribe(BufReader::new(file), length, &options, begin, send)?;
        Ok(match ended {
            TranscriptEnd::Whole => TranscriptLine::End { is_cut: false },
            TranscriptEnd::Cut => TranscriptLine::End { is_cut: true },
            TranscriptEnd::OutOfTime(seconds) => TranscriptLine::OutOfTime(seconds),
        })
    };
    within(seconds, total_seconds, &spent, too_slow, transcribe)
}

fn write_line(line: &TranscriptLine) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

/// Runs `work` on a separate thread, for at most `seconds` plus the milliseconds `spent` on models,
/// and at most `most` seconds in total.
fn within<T: Send + 'static>(
    seconds: u64,
    most: u64,
    spent: &AtomicU64,
    too_slow: ExtractError,
    work: impl FnOnce() -> Result<T, ExtractError> + Send + 'static,
) -> Result<T, ExtractError> {
    let (done, answer) = mpsc::sync_channel(1);
    let work = move || {
        // The receiver is dropped only when the process ends.
        let _ = done.send(work());
    };
    thread::Builder::new().stack_size(STACK).spawn(work)?;
    let start = Instant::now();
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(answer) => return answer,
            // The thread panicked and reported it on standard error.
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(failures::crashed()),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let on_models = Duration::from_millis(spent.load(Ordering::Relaxed));
                let allowed = Duration::from_secs(seconds) + on_models;
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
