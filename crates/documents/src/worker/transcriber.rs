//! Implements [`Transcriber`] with Whisper. Each recording runs in a worker, which holds the model
//! only while it runs.
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::speech::{
    SpeechModelName, Transcriber, TranscriptPart, TranscriptStream, TranscriptionRequest,
    TranscriptionTask,
};
use carrel_domain::{Error, Result};
use carrel_speech::whisper::LANGUAGES;
use futures_util::stream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pool::{GRACE, Readers, complaints, explain};
use super::transcript::{LONGEST_LINE, TranscriptLine, TranscriptState, TranscriptionOptions};
use super::{Job, Work, failures};
use crate::extract::extract_error::ExtractError;
use crate::extract::recordings::TranscriptionMode;
use crate::extract::{Limits, ReadingModels};
use crate::speech_model;

/// Maximum number of concurrent transcriptions; others wait.
const AT_ONCE: usize = 2;
const SERVICE: &str = "the model for transcribing";

/// Transcribes recordings with the model in a directory.
#[derive(Clone, Debug)]
pub struct NativeTranscriber {
    readers: Readers,
    limits: Limits,
    directory: PathBuf,
    turns: Arc<Semaphore>,
}

impl NativeTranscriber {
    /// Opens no files: the model may be installed later. The readers define the time limit and the
    /// number of threads.
    pub fn new(readers: Readers, limits: Limits, directory: PathBuf) -> Self {
        Self { readers, limits, directory, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Whether the model is installed.
    pub fn is_fetched(&self) -> bool {
        speech_model::is_complete(&self.directory)
    }

    fn model(&self) -> String {
        super::recording::name(&self.directory)
    }

    fn check(&self, request: &TranscriptionRequest) -> Result<()> {
        if !self.is_fetched() {
            let reason =
                format!("its files are missing; run `carrel model fetch {}`", self.model());
            return Err(Error::unavailable(SERVICE, reason));
        }
        let is_english = self.model().ends_with(".en");
        if let Some(language) = &request.language {
            let code = language.as_str();
            let is_known = if is_english { code == "en" } else { LANGUAGES.contains(&code) };
            if !is_known {
                return Err(Error::invalid("language", "must be a language that the model knows"));
            }
        }
        if is_english && request.task == TranscriptionTask::Translate {
            return Err(Error::invalid("model", "must be multilingual to translate"));
        }
        Ok(())
    }
}

#[async_trait]
impl Transcriber for NativeTranscriber {
    fn name(&self) -> SpeechModelName {
        SpeechModelName { provider: "native".to_owned(), model: self.model() }
    }

    async fn transcribe(&self, request: TranscriptionRequest) -> Result<TranscriptStream> {
        self.check(&request)?;
        let (seconds, threads) = self.readers.transcription_limits().ok_or_else(|| {
            let reason = "transcribing is turned off (CARREL_TRANSCRIPTION_TIMEOUT is 0)";
            Error::unavailable(SERVICE, reason)
        })?;
        let turn = self.turns.clone().acquire_owned().await.map_err(Error::internal)?;
        let path = request.recording.content.clone();
        let opened = tokio::task::spawn_blocking(move || File::open(path)).await;
        let file = opened.map_err(Error::internal)?.map_err(Error::internal)?;
        let mode = TranscriptionMode::Ready { directory: self.directory.clone(), seconds, threads };
        let job = self.readers.job(
            "",
            self.limits,
            ReadingModels { listening: mode, ..ReadingModels::none() },
            None,
        );
        let job = Job { work: Work::Transcribe(TranscriptionOptions::of(&request)), ..job };
        let as_error = |error: ExtractError| error.into_error(&request.recording.name, self.limits);
        let running = Running {
            worker: TranscribingWorker::start(&self.readers, job, file).map_err(as_error)?,
            known: TranscriptState::default(),
            name: request.recording.name.clone(),
            limits: self.limits,
            _turn: turn,
        };
        let parts = stream::try_unfold(Some(running), |running| async move {
            let Some(mut running): Option<Running> = running else { return Ok(None) };
            let next = running.next().await?;
            Ok::<_, Error>(next.map(|part| (part, Some(running))))
        });
        Ok(Box::pin(parts))
    }
}

/// A running transcription for a client. Dropping it ends the worker.
struct Running {
    worker: TranscribingWorker,
    known: TranscriptState,
    name: String,
    limits: Limits,
    _turn: OwnedSemaphorePermit,
}

impl Running {
    /// Returns the next part, or `None` when the transcript is complete.
    async fn next(&mut self) -> Result<Option<TranscriptPart>> {
        let part = match self.worker.next_line().await {
            Ok(line) => self.known.part(line),
            Err(error) => Err(error),
        };
        part.map_err(|error| error.into_error(&self.name, self.limits))
    }
}

/// A transcribing worker. Dropping it ends the worker.
pub(super) struct TranscribingWorker {
    worker: Child,
    lines: BufReader<ChildStdout>,
    /// Time limit for the next line.
    patience: Duration,
    job: Job,
}

impl TranscribingWorker {
    pub fn start(
        readers: &Readers,
        job: Job,
        file: File,
    ) -> std::result::Result<Self, ExtractError> {
        let mut worker = readers.start(&job, file)?;
        let out = worker.stdout.take().ok_or_else(failures::crashed)?;
        let patience = Duration::from_secs(job.total_seconds) + GRACE;
        Ok(Self { worker, lines: BufReader::new(out), patience, job })
    }

    /// Returns the next line. The line with the end is the last one.
    pub async fn next_line(&mut self) -> std::result::Result<TranscriptLine, ExtractError> {
        let line = match tokio::time::timeout(self.patience, read_line(&mut self.lines)).await {
            Ok(line) => line?,
            Err(_) => return Err(failures::too_slow(&self.job)),
        };
        if let Some(line) = line.and_then(|line| serde_json::from_slice(&line).ok()) {
            return Ok(line);
        }
        // The worker ended without a final line.
        let _ = self.worker.start_kill();
        let complaints = complaints(self.worker.stderr.take()).await.unwrap_or_default();
        let status = self.worker.wait().await?;
        tracing::warn!(%status, complaints, "a worker failed to transcribe a recording");
        Err(explain(&self.job, status, &complaints))
    }
}

/// Reads a complete line of at most [`LONGEST_LINE`].
async fn read_line(lines: &mut BufReader<ChildStdout>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    lines.take(LONGEST_LINE as u64).read_until(b'\n', &mut line).await?;
    Ok((line.last() == Some(&b'\n')).then_some(line))
}
