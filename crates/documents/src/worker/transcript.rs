//! The transcription protocol between server and worker: a line of JSON for each finished part of
//! the transcript, and one for the end.
use carrel_domain::speech::{
    SegmentScores, SpeechSegment, SpokenWord, TranscriptPart, TranscriptionRequest,
    TranscriptionTask,
};
use carrel_speech::whisper::{Options, Task, TimedSegment, TimedWord, TranscribedPart};
use serde::{Deserialize, Serialize};

use crate::extract::extract_error::ExtractError;

/// The longest line, in bytes: a segment with all its words.
pub const LONGEST_LINE: usize = 1 << 20;

/// The options for transcribing a recording.
#[derive(Clone, Serialize, Deserialize)]
pub struct TranscriptionOptions {
    translate: bool,
    language: Option<String>,
    prompt: Option<String>,
    temperature: Option<f32>,
    words: bool,
    /// Seconds that are already transcribed.
    done: f64,
}

impl TranscriptionOptions {
    /// Returns the options of a plain transcription that resumes an earlier one.
    pub fn going_on(done: f64, language: Option<String>) -> Self {
        Self { translate: false, language, prompt: None, temperature: None, words: false, done }
    }

    pub fn of(request: &TranscriptionRequest) -> Self {
        let TranscriptionRequest { recording: _, task, language, prompt, temperature, words } =
            request;
        Self {
            translate: *task == TranscriptionTask::Translate,
            language: language.as_ref().map(|language| language.as_str().to_owned()),
            prompt: prompt.clone(),
            temperature: *temperature,
            words: *words,
            done: 0.0,
        }
    }

    pub fn options(self) -> Options {
        let Self { translate, language, prompt, temperature, words, done } = self;
        let task = if translate { Task::Translate } else { Task::Transcribe };
        Options { task, language, prompt, temperature, words, done }
    }
}

#[derive(Serialize, Deserialize)]
pub enum TranscriptLine {
    Duration(f64),
    Language(String),
    Segment(Box<TimedSegment>),
    Progress(f64),
    /// The transcript of the readable part of the file is complete.
    End {
        is_cut: bool,
    },
    /// The time limit was reached at this second.
    OutOfTime(f64),
    Failed(ExtractError),
}

impl From<TranscribedPart> for TranscriptLine {
    fn from(part: TranscribedPart) -> Self {
        match part {
            TranscribedPart::Language(code) => Self::Language(code.to_owned()),
            TranscribedPart::Progress(seconds) => Self::Progress(seconds),
            TranscribedPart::Segment(segment) => Self::Segment(Box::new(segment)),
        }
    }
}

/// Properties of the recording known so far.
#[derive(Default)]
pub struct TranscriptState {
    language: Option<String>,
    duration: f64,
}

impl TranscriptState {
    /// Converts a line to a part of the transcript.
    pub fn part(&mut self, line: TranscriptLine) -> Result<Option<TranscriptPart>, ExtractError> {
        Ok(Some(match line {
            TranscriptLine::Duration(seconds) => {
                self.duration = seconds;
                self.recording()
            }
            TranscriptLine::Language(code) => {
                self.language = Some(code);
                self.recording()
            }
            TranscriptLine::Segment(segment) => TranscriptPart::Segment(speech_segment(*segment)),
            TranscriptLine::Progress(seconds) => {
                self.duration = self.duration.max(seconds);
                TranscriptPart::Progress(seconds)
            }
            TranscriptLine::End { is_cut: _ } => return Ok(None),
            TranscriptLine::OutOfTime(_) => {
                return Err(ExtractError::unreadable(
                    "takes longer to transcribe than is allowed (CARREL_TRANSCRIPTION_TIMEOUT).",
                ));
            }
            TranscriptLine::Failed(error) => return Err(error),
        }))
    }

    fn recording(&self) -> TranscriptPart {
        TranscriptPart::Recording { language: self.language.clone(), duration: self.duration }
    }
}

fn speech_segment(segment: TimedSegment) -> SpeechSegment {
    let TimedSegment {
        start,
        end,
        text,
        words,
        tokens,
        temperature,
        average_log_probability,
        compression_ratio,
        no_speech_probability,
    } = segment;
    let word = |TimedWord { text, start, end }| SpokenWord { text, start, end };
    SpeechSegment {
        start,
        end,
        text,
        words: words.into_iter().map(word).collect(),
        scores: Some(SegmentScores {
            tokens,
            temperature,
            average_log_probability,
            compression_ratio,
            no_speech_probability,
        }),
    }
}
