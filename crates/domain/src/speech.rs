//! Speech: transcription of recordings, and synthesis from text.
use std::sync::Arc;

use crate::Result;

mod synthesis;
mod transcription;
mod transcription_progress;
mod usage;

pub use synthesis::{
    AudioFormat, AudioStream, LONGEST_SPOKEN_TEXT, Speech, SpeechRequest, SpeechSynthesizer, Speed,
    Voice,
};
pub use transcription::{
    LONGEST_PROMPT, Recording, SegmentScores, SpeechSegment, SpokenLanguage, SpokenWord,
    Transcriber, Transcript, TranscriptPart, TranscriptStream, TranscriptionRequest,
    TranscriptionTask,
};
pub use transcription_progress::{ProgressSnapshot, TranscriptionProgress};

pub use usage::{SpeechUsage, SpeechUse};

/// A speech model, as named in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechModelName {
    /// The provider's name in the settings.
    pub provider: String,
    /// The provider's name for the model.
    pub model: String,
}

/// The purpose of a recording. Each purpose has its own provider setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingKind {
    /// Dictation, transcribed with `STT_PROVIDER`.
    Dictation,
    /// A file to make a document from, transcribed with `WHISPER_PROVIDER`.
    Document,
}

/// Selects speech models according to the current settings.
pub trait SpeechModels: Send + Sync {
    /// Returns a transcriber. [`crate::Error::Unavailable`] if it is not configured or its model is
    /// not downloaded.
    fn transcriber(&self, kind: RecordingKind) -> Result<Arc<dyn Transcriber>>;
    /// Returns the transcriber on another host, or `None` if the settings select the built-in one.
    /// [`crate::Error::Unavailable`] if it is not configured.
    fn remote_transcriber(&self, kind: RecordingKind) -> Result<Option<Arc<dyn Transcriber>>>;
    /// Returns the synthesizer. Fails like [`SpeechModels::transcriber`].
    fn synthesizer(&self) -> Result<Arc<dyn SpeechSynthesizer>>;
}
