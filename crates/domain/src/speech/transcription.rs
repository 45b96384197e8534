//! Speech to text: a recording, what is asked about it, and the transcript as it grows.
use std::path::PathBuf;
use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;

use super::SpeechModelName;
use crate::{Error, Result};

/// The longest text that may precede a recording, in bytes.
pub const LONGEST_PROMPT: usize = 8_000;

/// The language of speech: a code of ISO 639 of two or three letters, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpokenLanguage(String);

impl SpokenLanguage {
    /// From `de`, `DE` or `de-AT`, whose region is left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] in the field `language` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let code = text.trim().split(['-', '_']).next().unwrap_or_default();
        let letters = code.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !letters || !(2..=3).contains(&code.len()) {
            let reason = "must be a language code of ISO 639 such as `en`";
            return Err(Error::invalid("language", reason));
        }
        Ok(Self(code.to_ascii_lowercase()))
    }

    /// The code in lower case: `en`.
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
    /// The file that holds it.
    pub content: PathBuf,
    /// In bytes.
    pub length: u64,
    /// As the client named it, without folders. Its ending is the type that the file claims to have.
    pub name: String,
}

/// What is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TranscriptionTask {
    /// Writes down what is said in the language in which it is said.
    #[default]
    Transcribe,
    /// Writes down in English what is said in any language.
    Translate,
}

/// A recording that is to be written down.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptionRequest {
    /// The recording.
    pub recording: Recording,
    /// Whether it is translated.
    pub task: TranscriptionTask,
    /// Detected when absent.
    pub language: Option<SpokenLanguage>,
    /// Text that precedes the recording or shows how names in it are written; at most
    /// [`LONGEST_PROMPT`].
    pub prompt: Option<String>,
    /// Sampling temperature, 0 to 1; when absent the model begins at 0 and raises it where it must.
    pub temperature: Option<f32>,
    /// Whether each word is to have its time.
    pub words: bool,
}

impl TranscriptionRequest {
    /// A plain transcription of `recording` in the language that is detected.
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

/// A word and when it is said, in seconds from the beginning of the recording.
#[derive(Clone, Debug, PartialEq)]
pub struct SpokenWord {
    /// The word, without spaces around it.
    pub text: String,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
}

/// How sure a model was of a segment, in the quantities that Whisper has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentScores {
    /// The tokens of the text, in the vocabulary of the model.
    pub tokens: Vec<u32>,
    /// The sampling temperature that was used in the end.
    pub temperature: f32,
    /// The mean of the natural logarithms of the tokens' probabilities, at most 0.
    pub average_log_probability: f32,
    /// Bytes of the text by bytes of the text compressed: large where the model repeats itself.
    pub compression_ratio: f32,
    /// 0 to 1.
    pub no_speech_probability: f32,
}

/// A stretch of speech: a sentence or a part of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpeechSegment {
    /// In seconds from the beginning of the recording.
    pub start: f64,
    /// In seconds from the beginning of the recording.
    pub end: f64,
    /// As the model writes it: with the space before it where its language has one.
    pub text: String,
    /// Empty unless they were asked for.
    pub words: Vec<SpokenWord>,
    /// Absent where the model does not say.
    pub scores: Option<SegmentScores>,
}

/// A part of a transcript as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum TranscriptPart {
    /// What is known of the whole. May come more than once; later values replace earlier ones.
    Recording {
        /// As the model says it: a code such as `en` or a name such as `english`.
        language: Option<String>,
        /// In seconds.
        duration: f64,
    },
    /// In order of time.
    Segment(SpeechSegment),
    /// How many seconds of the recording are done, silence included. Never goes back.
    Progress(f64),
}

/// The parts of one transcript. Dropping it cancels the work. It is complete when it ends without
/// an error.
pub type TranscriptStream = Pin<Box<dyn Stream<Item = Result<TranscriptPart>> + Send>>;

/// What is said in a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The language that was spoken, as far as that is known.
    pub language: Option<String>,
    /// Of the recording, in seconds.
    pub duration: f64,
    /// In the order in which they were said.
    pub segments: Vec<SpeechSegment>,
}

impl Transcript {
    /// Takes the next part in.
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

    /// The text of all segments, without space at either end.
    pub fn text(&self) -> String {
        let text: String = self.segments.iter().map(|segment| segment.text.as_str()).collect();
        text.trim().to_owned()
    }

    /// All words, in the order in which they were said; none unless they were asked for.
    pub fn words(&self) -> impl Iterator<Item = &SpokenWord> {
        self.segments.iter().flat_map(|segment| &segment.words)
    }
}

/// Writes down what is said in recordings.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// The provider and the model.
    fn name(&self) -> SpeechModelName;
    /// [`Error::Unprocessable`] for a file that is no recording or is longer than allowed,
    /// [`Error::Invalid`] for what this model cannot be asked for (a language it does not know, a
    /// translation by a model that only transcribes), [`Error::Unavailable`] when the model is not
    /// fetched or does not answer. Either comes at once or later on the stream.
    async fn transcribe(&self, request: TranscriptionRequest) -> Result<TranscriptStream>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_a_code() {
        for (text, code) in [("en", "en"), (" DE ", "de"), ("pt-BR", "pt"), ("yue", "yue")] {
            assert_eq!(SpokenLanguage::parse(text).unwrap().as_str(), code);
        }
        for wrong in ["", "e", "english", "e1", "-", "日本"] {
            assert!(SpokenLanguage::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_transcript_grows_by_its_parts() {
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
