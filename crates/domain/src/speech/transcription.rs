//! Speech to text: recordings, requests, and transcripts as they grow.
use std::path::PathBuf;
use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;

use super::SpeechModelName;
use crate::{Error, Result};

/// The maximum length of a prompt, in bytes.
pub const LONGEST_PROMPT: usize = 8_000;

/// The language of speech: a lower-case ISO 639 code of two or three letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpokenLanguage(String);

impl SpokenLanguage {
    /// Parses `de`, `DE` or `de-AT`. The region is dropped.
    ///
    /// # Errors
    /// [`Error::Invalid`] in the field `language` for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let code = text.trim().split(['-', '_']).next().unwrap_or_default();
        let letters = code.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !letters || !(2..=3).contains(&code.len()) {
            let reason = "must be a language code of ISO 639 such as `en`";
            return Err(Error::invalid("language", reason));
        }
        Ok(Self(code.to_ascii_lowercase()))
    }

    /// Returns the code in lower case, such as `en`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SpokenLanguage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A recording in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The file with the content.
    pub content: PathBuf,
    /// The length in bytes.
    pub length: u64,
    /// The file name given by the client, without folders. Its extension states the file type.
    pub name: String,
}

/// The kind of transcript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TranscriptionTask {
    /// Transcribe in the spoken language.
    #[default]
    Transcribe,
    /// Translate to English.
    Translate,
}

/// A request to transcribe a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptionRequest {
    /// The recording.
    pub recording: Recording,
    /// Whether to transcribe or translate.
    pub task: TranscriptionTask,
    /// The language. Detected if absent.
    pub language: Option<SpokenLanguage>,
    /// Text before the recording, or text that shows the spelling of names, at most
    /// [`LONGEST_PROMPT`] bytes.
    pub prompt: Option<String>,
    /// The sampling temperature, 0 to 1. If absent, the model starts at 0 and raises it if
    /// necessary.
    pub temperature: Option<f32>,
    /// Whether to return the time of each word.
    pub words: bool,
}

impl TranscriptionRequest {
    /// Creates a request for a transcript of `recording` in the detected language.
    pub fn of(recording: Recording) -> Self {
        Self {
            recording,
            task: TranscriptionTask::Transcribe,
            language: None,
            prompt: None,
            temperature: None,
            words: false,
        }
    }
}

/// A word with its time.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenWord {
    /// The word, without surrounding spaces.
    pub text: String,
    /// The start, in seconds from the beginning of the recording.
    pub start: f64,
    /// The end, in seconds from the beginning of the recording.
    pub end: f64,
}

/// Confidence scores of a segment, as defined by Whisper.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentScores {
    /// The tokens of the text, in the model's vocabulary.
    pub tokens: Vec<u32>,
    /// The sampling temperature finally used.
    pub temperature: f32,
    /// The mean log probability (natural logarithm) of the tokens, at most 0.
    pub average_log_probability: f32,
    /// The ratio of uncompressed to compressed text size. High values indicate repetition.
    pub compression_ratio: f32,
    /// The probability that the segment has no speech, 0 to 1.
    pub no_speech_probability: f32,
}

/// A segment of speech: a sentence or a part of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpeechSegment {
    /// The start, in seconds from the beginning of the recording.
    pub start: f64,
    /// The end, in seconds from the beginning of the recording.
    pub end: f64,
    /// The text as returned by the model, including the leading space in languages that use spaces.
    pub text: String,
    /// The words with their times. Empty unless requested.
    pub words: Vec<SpokenWord>,
    /// The confidence scores, if the model returns them.
    pub scores: Option<SegmentScores>,
}

/// An increment of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub enum TranscriptPart {
    /// Facts about the recording. Can be sent several times; later values replace earlier ones.
    Recording {
        /// The language as returned by the model: a code such as `en` or a name such as `english`.
        language: Option<String>,
        /// The length in seconds.
        duration: f64,
    },
    /// The next segment, in chronological order.
    Segment(SpeechSegment),
    /// The number of seconds processed, including silence. Never decreases.
    Progress(f64),
}

/// The increments of one transcript. Dropping the stream cancels the work. The transcript is
/// complete if the stream ends without an error.
pub type TranscriptStream = Pin<Box<dyn Stream<Item = Result<TranscriptPart>> + Send>>;

/// The transcript of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The spoken language, if known.
    pub language: Option<String>,
    /// The length of the recording, in seconds.
    pub duration: f64,
    /// The segments, in chronological order.
    pub segments: Vec<SpeechSegment>,
}

impl Transcript {
    /// Applies an increment.
    pub fn push(&mut self, part: TranscriptPart) {
        match part {
            TranscriptPart::Recording { language, duration } => {
                self.language = language.or(self.language.take());
                self.duration = duration;
            }
            TranscriptPart::Segment(segment) => {
                self.duration = self.duration.max(segment.end);
                self.segments.push(segment);
            }
            TranscriptPart::Progress(seconds) => self.duration = self.duration.max(seconds),
        }
    }

    /// Returns the text of all segments, trimmed.
    pub fn text(&self) -> String {
        let text: String = self.segments.iter().map(|segment| segment.text.as_str()).collect();
        text.trim().to_owned()
    }

    /// Returns all words in chronological order. Empty unless they were requested.
    pub fn words(&self) -> impl Iterator<Item = &SpokenWord> {
        self.segments.iter().flat_map(|segment| &segment.words)
    }
}

/// Transcribes recordings.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// Returns the provider and the model.
    fn name(&self) -> SpeechModelName;
    /// Starts a transcription. [`Error::Unprocessable`] if the file is not a recording or too long,
    /// [`Error::Invalid`] if the model does not support the request (an unknown language, a
    /// translation), [`Error::Unavailable`] if the model is not downloaded or does not respond.
    /// Errors are returned at once or later on the stream.
    async fn transcribe(&self, request: TranscriptionRequest) -> Result<TranscriptStream>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_parses_as_a_code() {
        for (text, code) in [("en", "en"), (" DE ", "de"), ("pt-BR", "pt"), ("yue", "yue")] {
            assert_eq!(SpokenLanguage::parse(text).unwrap().as_str(), code);
        }
        for wrong in ["", "e", "english", "e1", "-", "日本"] {
            assert!(SpokenLanguage::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_transcript_accumulates_its_parts() {
        let segment = |start, end, text: &str| {
            TranscriptPart::Segment(SpeechSegment {
                start,
                end,
                text: text.into(),
                ..SpeechSegment::default()
            })
        };
        let mut transcript = Transcript::default();
        for part in [
            TranscriptPart::Recording { language: Some("en".into()), duration: 9.0 },
            segment(0.0, 2.0, " Good morning."),
            TranscriptPart::Progress(5.0),
            segment(6.0, 8.5, " Shall we?"),
            TranscriptPart::Recording { language: None, duration: 9.5 },
        ] {
            transcript.push(part);
        }
        assert_eq!(transcript.text(), "Good morning. Shall we?");
        assert_eq!((transcript.language.as_deref(), transcript.duration), (Some("en"), 9.5));
    }
}
