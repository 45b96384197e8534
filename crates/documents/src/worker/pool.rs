//! Starts workers: a few at a time, each with only its file. A worker ends when its caller stops
//! waiting.
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::picture_reading::PictureReading;
use super::queue::{Full, Queue, Turn};
use super::{Job, LACKS, Output, Work, failures, reply};
use crate::extract::extract_error::ExtractError;
use crate::extract::pictures::Ocr;
use crate::extract::recordings::TranscriptionMode;
use crate::extract::{Limits, ReadingModels};
use crate::speech_model;
use carrel_domain::document::{Extracted, ReadRequest};
use carrel_domain::original::PageImage;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// Grace period for a worker to report that it exceeded its time limit.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// Maximum length of a worker's error output for the log, in bytes.
const COMPLAINTS: u64 = 4 << 10;

/// The limits of each worker, and the number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceLimits {
    pub workers: usize,
    pub time: Duration,
    /// Memory limit in bytes, including 64 MiB for its stack.
    pub memory: u64,
}

/// A command that runs [`super::run`] with an appended argument.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
    /// Its complete environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// Starts workers and receives their replies. Cheap to clone; clones share the number of workers.
#[derive(Clone, Debug)]
pub struct Readers {
    program: Program,
    resources: ResourceLimits,
    queue: Queue,
    /// Whether the missing features of the kernel were logged.
    has_warned: Arc<AtomicBool>,
    ocr: Option<PictureReading>,
    transcription: Option<RecordingReading>,
    /// A separate queue, because recordings take long and must not delay other files.
    recordings: Queue,
}

/// How recordings are transcribed.
#[derive(Clone, Debug)]
pub struct RecordingReading {
    /// The directories of models; the first installed one is used.
    pub directories: Vec<PathBuf>,
    /// The time limit for one recording; zero turns transcription off.
    pub time: Duration,
    /// Maximum number of threads for one recording.
    pub threads: usize,
}

impl Readers {
    pub fn new(program: Program, resources: ResourceLimits) -> Self {
        let queue = Queue::new(resources.workers);
        let recordings = Queue::new(1);
        Self {
            program,
            resources,
            queue,
            has_warned: Arc::default(),
            ocr: None,
            transcription: None,
            recordings,
        }
    }

    /// Enables reading pictures.
    pub fn with_pictures(self, how: PictureReading) -> Self {
        Self { ocr: Some(how), ..self }
    }

    /// Enables transcribing recordings.
    pub fn with_recordings(self, how: RecordingReading) -> Self {
        Self { transcription: Some(how), ..self }
    }

    /// Returns whether recordings are transcribed now, and with which model.
    pub(crate) fn transcription_mode(&self) -> TranscriptionMode {
        let Some(how) = &self.transcription else { return TranscriptionMode::NoModel };
        let Some((seconds, threads)) = self.transcription_limits() else {
            return TranscriptionMode::Off;
        };
        let found = how.directories.iter().find(|directory| speech_model::is_complete(directory));
        found.map_or(TranscriptionMode::NoModel, |directory| TranscriptionMode::Ready {
            directory: directory.clone(),
            seconds,
            threads,
        })
    }

    /// Returns the time limit for one recording in seconds and the number of threads; `None` if
    /// transcription is turned off.
    pub(super) fn transcription_limits(&self) -> Option<(u64, usize)> {
        let how = self.transcription.as_ref().filter(|how| !how.time.is_zero())?;
        Some((how.time.as_secs().max(1), how.threads.max(1)))
    }

    /// Returns whether pictures are read now. A model installed later needs no restart.
    pub(crate) fn ocr(&self) -> Ocr {
        match &self.ocr {
            Some(how) if how.time.is_zero() => Ocr::Off,
            Some(how) => how.now(),
            None => Ocr::NoModel,
        }
    }

    /// Reads the documents in `file` for `request`. Dropping the future kills the worker.
    pub(crate) async fn read(
        &self,
        extension: &str,
        file: File,
        limits: Limits,
        models: ReadingModels,
        request: &ReadRequest,
    ) -> Result<Vec<Extracted>, ExtractError> {
        let job = self.job(extension, limits, models, request.time_limit);
        match self.run(job, file, &request.owner).await? {
            Output::Documents(documents) => Ok(documents),
            Output::Page(_) => Err(failures::crashed()),
        }
    }

    /// Draws a page of the PDF file for `request`. Dropping the future kills the worker.
    pub(crate) async fn draw(
        &self,
        file: File,
        page: u32,
        limits: Limits,
        request: &ReadRequest,
    ) -> Result<PageImage, ExtractError> {
        let job = self.job("pdf", limits, ReadingModels::none(), request.time_limit);
        let job = Job { work: Work::DrawPage(page), ..job };
        match self.run(job, file, &request.owner).await? {
            Output::Page(image) => Ok(image),
            Output::Documents(_) => Err(failures::crashed()),
        }
    }

    /// Re-encodes an image file for `request`, with sides of at most `side` pixels. Dropping the
    /// future kills the worker.
    pub(crate) async fn thumbnail(
        &self,
        file: File,
        side: u32,
        limits: Limits,
        request: &ReadRequest,
    ) -> Result<Vec<u8>, ExtractError> {
        let job = self.job("png", limits, ReadingModels::none(), request.time_limit);
        let job = Job { work: Work::Thumbnail(side), ..job };
        match self.run(job, file, &request.owner).await? {
            Output::Page(image) => Ok(image.png),
            Output::Documents(_) => Err(failures::crashed()),
        }
    }

    /// Waits for the turn of a recording of this owner.
    pub(super) async fn recording_turn(&self, owner: &str) -> Result<Turn, ExtractError> {
        turn(&self.recordings, owner).await
    }

    async fn run(&self, job: Job, file: File, owner: &str) -> Result<Output, ExtractError> {
        let (extension, limits) = (&*job.extension, job.limits);
        let _turn = turn(&self.queue, owner).await?;
        let worker = self.start(&job, file)?;
        let patience = Duration::from_secs(job.total_seconds) + GRACE;
        let Ok(ended) = tokio::time::timeout(patience, finish(worker, limits)).await else {
            tracing::warn!(extension, "a worker did not end in time and was killed");
            return Err(failures::too_slow(&job));
        };
        let ended = ended.map_err(|error| internal(&error))?;
        let Ended { status, answer, complaints } = ended;
        let Some(answer) = answer else { return Err(ExtractError::TextTooLarge) };
        let read = tokio::task::spawn_blocking(move || reply::read(&answer)).await;
        let answer = read.map_err(|error| internal(&error))?;
        if let Some(answer) = answer.filter(|_| status.success()) {
            self.warn_of_missing_features(&complaints);
            return answer;
        }
        tracing::warn!(extension, %status, complaints, "a worker failed to read a file");
        Err(explain(&job, status, &complaints))
    }

    /// Creates the job of a worker, within `time_limit` or the default limit.
    pub(super) fn job(
        &self,
        extension: &str,
        limits: Limits,
        mut models: ReadingModels,
        time_limit: Option<Duration>,
    ) -> Job {
        let time = time_limit.unwrap_or(self.resources.time).min(self.resources.time);
        let seconds = time.as_secs().max(1);
        // If time is short, leave some of it for everything other than models.
        let most = time_limit.map_or(u64::MAX, |_| (seconds * 4 / 5).max(1));
        let (mut model_seconds, mut processor) = (0, 0);
        if let Some(seconds) = models.ocr.seconds_mut() {
            *seconds = (*seconds).min(most);
            (model_seconds, processor) = (*seconds, *seconds);
        }
        if let TranscriptionMode::Ready { seconds, threads, .. } = &mut models.listening {
            *seconds = (*seconds).min(most);
            model_seconds = model_seconds.max(*seconds);
            processor = processor.max(seconds.saturating_mul(*threads as u64));
        }
        let total = |additional: u64| match time_limit {
            Some(_) => seconds,
            None => seconds.saturating_add(additional),
        };
        Job {
            extension: extension.to_owned(),
            limits,
            memory: self.resources.memory,
            seconds,
            models,
            total_seconds: total(model_seconds),
            processor_seconds: total(model_seconds).max(seconds.saturating_add(processor)),
            parent: std::process::id(),
            work: Work::Read,
        }
    }

    /// Logs once which confinement the kernel does not support.
    fn warn_of_missing_features(&self, complaints: &str) {
        let Some(missing) = complaints.lines().find_map(|line| line.strip_prefix(LACKS)) else {
            return;
        };
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                missing,
                "files are read without some of the confinement that other \
                 kernels offer"
            );
        }
    }

    /// Starts a worker. It inherits nothing of this process: no variable, no open file, no
    /// directory. Signals to the server's process group do not reach it, so that it can finish its
    /// file when the server stops.
    pub(super) fn start(&self, job: &Job, file: File) -> Result<Child, ExtractError> {
        let Program { path, arguments, environment } = &self.program;
        let mut command = Command::new(path);
        let job = serde_json::to_string(job).map_err(|error| internal(&error))?;
        command.args(arguments).arg(job).current_dir("/");
        command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(file).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map_err(|error| {
            tracing::warn!(%error, "failed to start a worker");
            ExtractError::Unavailable(
                "its process could not be started; try again later".to_owned(),
            )
        })
    }
}

async fn turn(queue: &Queue, owner: &str) -> Result<Turn, ExtractError> {
    queue.acquire(owner).await.map_err(|Full| {
        ExtractError::Unavailable(
            "too many files are waiting to be read; try again later".to_owned(),
        )
    })
}

struct Ended {
    status: ExitStatus,
    /// `None` if it exceeded the limit of a reply.
    answer: Option<Vec<u8>>,
    complaints: String,
}

async fn finish(mut worker: Child, limits: Limits) -> io::Result<Ended> {
    let most = limits.text.saturating_add(reply::HEAD_AT_MOST);
    let (out, err) = (worker.stdout.take(), worker.stderr.take());
    let answer = async {
        let mut bytes = Vec::new();
        if let Some(out) = out {
            out.take(most.saturating_add(1)).read_to_end(&mut bytes).await?;
        }
        if bytes.len() as u64 <= most {
            return Ok(Some(bytes));
        }
        worker.start_kill()?;
        io::Result::Ok(None)
    };
    let (answer, complaints) = tokio::join!(answer, complaints(err));
    Ok(Ended { answer: answer?, complaints: complaints?, status: worker.wait().await? })
}

/// Returns the start of a worker's error output. The rest is drained, so that the worker does not
/// block.
pub(super) async fn complaints(err: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut err) = err else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    (&mut err).take(COMPLAINTS).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut err, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Returns the reason for a missing reply, derived from how the worker ended.
pub(super) fn explain(job: &Job, status: ExitStatus, complaints: &str) -> ExtractError {
    let signal = signal(status);
    // The kernel kills processes with signal 9 when memory runs out.
    if complaints.contains("memory allocation of") || signal == Some(9) {
        return failures::too_big(job);
    }
    // Signal 24 means that the limit of CPU time was exceeded.
    if signal == Some(24) { failures::too_slow(job) } else { failures::crashed() }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

fn internal(error: &dyn std::error::Error) -> ExtractError {
    ExtractError::Internal(format!("failed to run a worker: {error}"))
}
