//! The protocol for transcription between server and worker: a line of JSON for each part of the
//! transcript as it is ready, and one for the end.
use carrel_domain::speech::{
    SegmentScores, SpeechSegment, SpokenWord, TranscriptPart, TranscriptionRequest,
    TranscriptionTask,
};
use carrel_speech::whisper::{HeardPart, Options, Task, TimedSegment, TimedWord};
use serde::{Deserialize, Serialize};

use crate::extract::extract_error::ExtractError;

/// The longest line, in bytes: a segment with all its words.
pub const LONGEST_LINE: usize = 1 << 20;

/// The options for transcribing a recording.
#[derive(Clone, Serialize, Deserialize)]
pub struct Wishes {
    translate: bool,
    language: Option<String>,
    prompt: Option<String>,
    temperature: Option<f32>,
    words: bool,
}

impl Wishes {
    pub fn of(request: &TranscriptionRequest) -> Self {
        let TranscriptionRequest { recording: _, task, language, prompt, temperature, words } =
            request;
        Self {
            translate: *task == TranscriptionTask::Translate,
            language: language.as_ref().map(|language| language.as_str().to_owned()),
            prompt: prompt.clone(),
            temperature: *temperature,
            words: *words,
        }
    }

    pub fn options(self) -> Options {
        let Self { translate, language, prompt, temperature, words } = self;
        let task = if translate { Task::Translate } else { Task::Transcribe };
        Options { task, language, prompt, temperature, words }
    }
}

#[derive(Serialize, Deserialize)]
pub enum Line {
    Duration(f64),
    Language(String),
    Segment(Box<Said>),
    Progress(f64),
    /// The transcript is whole.
    End,
    Failed(ExtractError),
}

/// A segment.
#[derive(Serialize, Deserialize)]
pub struct Said {
    start: f64,
    end: f64,
    text: String,
    words: Vec<(String, f64, f64)>,
    tokens: Vec<u32>,
    temperature: f32,
    average_log_probability: f32,
    compression_ratio: f32,
    no_speech_probability: f32,
}

impl From<HeardPart> for Line {
    fn from(part: HeardPart) -> Self {
        match part {
            HeardPart::Language(code) => Self::Language(code.to_owned()),
            HeardPart::Progress(seconds) => Self::Progress(seconds),
            HeardPart::Segment(segment) => {
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
                let word = |TimedWord { text, start, end }: TimedWord| (text, start, end);
                Self::Segment(Box::new(Said {
                    start,
                    end,
                    text,
                    words: words.into_iter().map(word).collect(),
                    tokens,
                    temperature,
                    average_log_probability,
                    compression_ratio,
                    no_speech_probability,
                }))
            }
        }
    }
}

/// The facts about the whole recording so far.
#[derive(Default)]
pub struct TranscriptState {
    language: Option<String>,
    duration: f64,
}

impl TranscriptState {
    /// The part of the transcript in a line.
    pub fn part(&mut self, line: Line) -> Result<Option<TranscriptPart>, ExtractError> {
        Ok(Some(match line {
            Line::Duration(seconds) => {
                self.duration = seconds;
                self.recording()
            }
            Line::Language(code) => {
                self.language = Some(code);
                self.recording()
            }
            Line::Segment(said) => TranscriptPart::Segment((*said).into()),
            Line::Progress(seconds) => {
                self.duration = self.duration.max(seconds);
                TranscriptPart::Progress(seconds)
            }
            Line::End => return Ok(None),
            Line::Failed(error) => return Err(error),
        }))
    }

    fn recording(&self) -> TranscriptPart {
        TranscriptPart::Recording { language: self.language.clone(), duration: self.duration }
    }
}

impl From<Said> for SpeechSegment {
    fn from(said: Said) -> Self {
        let Said {
            start,
            end,
            text,
            words,
            tokens,
            temperature,
            average_log_probability,
            compression_ratio,
            no_speech_probability,
        } = said;
        let word = |(text, start, end)| SpokenWord { text, start, end };
        Self {
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
}
