//! Transcribes audio and video files. Each line of a transcript starts with its time.
use std::cell::{Cell, OnceCell};
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use carrel_domain::document::Extracted;
use carrel_speech::audio::{AudioError, Sound};
use carrel_speech::directory;
use carrel_speech::whisper::{Files, Options, TranscribedPart, Whisper};
use serde::{Deserialize, Serialize};

use super::extract_error::ExtractError;
use super::{Input, by_nobody};

/// A line this long, in bytes, ends with the next sentence.
const LONG_LINE: usize = 160;
/// Maximum length of a line in bytes, if the segments allow it.
const LONGEST_LINE: usize = 480;
/// A pause that starts a new line, in seconds.
const PAUSE: f64 = 2.0;

/// Whether and how a worker transcribes recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TranscriptionMode {
    /// The model is in this directory.
    Ready { directory: PathBuf, seconds: u64, threads: usize },
    /// No model is installed.
    NoModel,
    /// The operator has switched it off.
    Off,
}

impl TranscriptionMode {
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }

    /// Returns why no recording is transcribed.
    pub(crate) fn refusal(&self) -> ExtractError {
        let why = match self {
            Self::Off => {
                "transcribing is turned off on this server (CARREL_TRANSCRIPTION_TIMEOUT is 0)"
            }
            _ => {
                "this server has no transcription model (the operator can fetch it with \
                 `carrel model fetch whisper-base`)"
            }
        };
        ExtractError::with_message(format!(
            "The file is a recording, and {why}, so it cannot be read."
        ))
    }
}

/// Transcribes recordings within a total time limit.
pub struct Recordings(Result<RecordingTranscriber, TranscriptionMode>);

struct RecordingTranscriber {
    /// The files of the model, opened before the process is confined.
    files: Cell<Option<Files>>,
    whisper: OnceCell<Option<Whisper>>,
    threads: usize,
    allowed: Duration,
    /// Milliseconds spent on pictures and recordings.
    milliseconds_used: Arc<AtomicU64>,
}

/// How a transcript ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TranscriptEnd {
    Whole,
    /// The file is truncated.
    Cut,
    /// The time limit was reached at this second.
    OutOfTime(f64),
}

impl Recordings {
    /// Transcribes no recordings.
    pub fn none() -> Self {
        Self(Err(TranscriptionMode::NoModel))
    }

    /// Opens the files of the model, which is loaded for the first recording. Adds the time spent,
    /// in milliseconds, to `milliseconds_used`.
    pub fn open(mode: &TranscriptionMode, milliseconds_used: Arc<AtomicU64>) -> Self {
        let TranscriptionMode::Ready { directory, seconds, threads } = mode else {
            return Self(Err(mode.clone()));
        };
        let transcriber = directory::open(directory).map(|files| RecordingTranscriber {
            files: Cell::new(Some(files)),
            whisper: OnceCell::new(),
            threads: *threads,
            allowed: Duration::from_secs(*seconds),
            milliseconds_used,
        });
        Self(transcriber.map_err(|_| TranscriptionMode::NoModel))
    }

    /// Transcribes a file of `length` bytes and passes the parts to `on`, until `on` stops it.
    /// Passes the length of the recording, if the file states it, to `begin`.
    pub fn transcribe(
        &self,
        source: impl Read + Seek + Send + Sync,
        length: u64,
        options: &Options,
        begin: impl FnOnce(Option<f64>),
        on: &mut (dyn FnMut(TranscribedPart) -> ControlFlow<()> + Send),
    ) -> Result<TranscriptEnd, ExtractError> {
        let transcriber = self.0.as_ref().map_err(TranscriptionMode::refusal)?;
        // This precedes the loading of the model, because many files have no sound.
        let mut sound = Sound::open(source, length).map_err(unreadable)?;
        begin(sound.duration());
        let whisper = transcriber.whisper.get_or_init(|| transcriber.load()).as_ref();
        let failed = || ExtractError::with_message("The model for transcribing recordings failed.");
        let whisper = whisper.ok_or_else(failed)?;
        let (clock, allowed) = (Clock::start(&transcriber.milliseconds_used), transcriber.allowed);
        let mut reached = 0.0;
        let mut out_of_time = false;
        let ended = whisper.transcribe(&mut || sound.next_samples(), options, &mut |part| {
            clock.tick();
            if let TranscribedPart::Progress(seconds) = &part {
                reached = *seconds;
                out_of_time = clock.elapsed() >= allowed;
            }
            on(part)?;
            if out_of_time { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        ended.map_err(unreadable)?;
        Ok(if out_of_time {
            TranscriptEnd::OutOfTime(reached)
        } else if sound.is_cut() {
            TranscriptEnd::Cut
        } else {
            TranscriptEnd::Whole
        })
    }
}

impl RecordingTranscriber {
    /// Loads the model. Returns `None` if the files are not those of a model.
    fn load(&self) -> Option<Whisper> {
        let clock = Clock::start(&self.milliseconds_used);
        let loaded = Whisper::load(self.files.take()?, self.threads);
        clock.tick();
        loaded.inspect_err(|error| eprintln!("failed to load the model: {error}")).ok()
    }
}

/// Adds the elapsed time to the time spent.
struct Clock<'a> {
    start: Instant,
    reported: AtomicU64,
    milliseconds_used: &'a AtomicU64,
}

impl<'a> Clock<'a> {
    fn start(milliseconds_used: &'a AtomicU64) -> Self {
        Self { start: Instant::now(), reported: AtomicU64::new(0), milliseconds_used }
    }

    fn tick(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let before = self.reported.swap(now, Ordering::Relaxed);
        self.milliseconds_used.fetch_add(now - before, Ordering::Relaxed);
    }

    /// Returns the total time, including earlier recordings and pictures.
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.milliseconds_used.load(Ordering::Relaxed))
    }
}

fn unreadable(error: AudioError) -> ExtractError {
    ExtractError::unreadable(format!("{error}."))
}

/// Reads a recording.
pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut lines = Lines::default();
    let most = usize::try_from(input.limits.text).unwrap_or(usize::MAX);
    let (source, length) = input.recording()?;
    let ended = input.recordings().transcribe(
        source,
        length,
        &Options::default(),
        |_| (),
        &mut |part| {
            if let TranscribedPart::Segment(segment) = part {
                lines.push(segment.start, segment.end, &segment.text);
            }
            // Stop only beyond the limit, so that the text is refused as too large.
            if lines.text.len() > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    )?;
    Ok(vec![transcript(lines, ended)])
}

/// Creates the document of a transcript.
pub(crate) fn transcript(lines: Lines, ended: TranscriptEnd) -> Extracted {
    let mut warnings = Vec::new();
    match ended {
        TranscriptEnd::Whole => {}
        TranscriptEnd::Cut => warnings.push(
            "The file is truncated or damaged; its readable part was transcribed.".to_owned(),
        ),
        TranscriptEnd::OutOfTime(seconds) => warnings.push(format!(
            "The recording was transcribed up to {}: the time limit was reached \
             (CARREL_TRANSCRIPTION_TIMEOUT).",
            mark(seconds)
        )),
    }
    let text = lines.finish();
    if text.is_empty() {
        warnings.push("The recording contains no speech.".to_owned());
    }
    Extracted { warnings, ..by_nobody(text, "a recording uploaded by the user.") }
}

/// The lines of a transcript: `[00:12:31] Some sentences.`
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) text: String,
    /// The last line, which may continue, with its start and end.
    line: String,
    start: f64,
    end: f64,
}

impl Lines {
    pub(crate) fn push(&mut self, start: f64, end: f64, text: &str) {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return;
        }
        let is_long = self.line.len() >= LONG_LINE && ends_sentence(&self.line)
            || self.line.len() + trimmed.len() > LONGEST_LINE;
        if self.line.is_empty() || is_long || start - self.end > PAUSE {
            self.end_line();
            self.start = start;
        } else if text.starts_with(' ') {
            self.line.push(' ');
        }
        self.line.push_str(trimmed);
        self.end = end;
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.text.push_str(&format!("[{}] {line}\n", mark(self.start)));
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.end_line();
        self.text
    }
}

fn ends_sentence(line: &str) -> bool {
    line.ends_with(['.', '!', '?', '…', '。', '！', '？', '।', '؟'])
}

/// Formats a time: `00:12:31`.
fn mark(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_starts_after_a_pause_or_a_long_sentence() {
        let mut lines = Lines::default();
        let long = format!(" {}.", "word ".repeat(40).trim());
        lines.push(0.5, 2.0, " Good morning.");
        lines.push(2.0, 4.0, " Shall we begin?");
        lines.push(7.9, 20.0, &long);
        lines.push(20.0, 22.0, " Next.");
        lines.push(3751.0, 3752.0, " The end.");
        let expected = format!(
            "[00:00:00] Good morning. Shall we begin?\n[00:00:07]{long}\n[00:00:20] Next.\n\
             [01:02:31] The end.\n"
        );
        assert_eq!(lines.finish(), expected);
    }

    #[test]
    fn a_line_continues_without_a_space_in_languages_without_spaces() {
        let mut lines = Lines::default();
        lines.push(0.0, 1.0, "こんにちは。");
        lines.push(1.0, 2.0, "元気ですか。");
        assert_eq!(lines.finish(), "[00:00:00] こんにちは。元気ですか。\n");
    }
}
