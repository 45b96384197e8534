//! Speech: recordings that become text, and text that is spoken.
use std::sync::Arc;

use crate::Result;

mod listening;
mod synthesis;
mod transcription;
mod usage;

pub use listening::{HeardSoFar, ListeningProgress};
pub use synthesis::{
    AudioFormat, AudioStream, LONGEST_SPOKEN_TEXT, Speech, SpeechRequest, SpeechSynthesizer, Speed,
    Voice,
};
pub use transcription::{
    LONGEST_PROMPT, Recording, SegmentScores, SpeechSegment, SpokenLanguage, SpokenWord,
    Transcriber, Transcript, TranscriptPart, TranscriptStream, TranscriptionRequest,
    TranscriptionTask,
};

pub use usage::{SpeechUsage, SpeechUse};

/// What hears or speaks, as an operator would write it in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeechModelName {
    /// As settings name it.
    pub provider: String,
    /// As the provider names it.
    pub model: String,
}

/// Where a recording comes from, as different settings say who writes down what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingKind {
    /// What somebody says now: `STT_PROVIDER`.
    Dictation,
    /// A file that becomes a document: `WHISPER_PROVIDER`.
    Document,
}

/// Chooses what hears and what speaks by the settings as they are now.
pub trait SpeechModels: Send + Sync {
    /// [`crate::Error::Unavailable`] when the choice is not configured or not fetched.
    fn transcriber(&self, kind: RecordingKind) -> Result<Arc<dyn Transcriber>>;
    /// The transcriber of another host that the settings name; none where they mean the one inside
    /// this server. [`crate::Error::Unavailable`] when it is not configured.
    fn remote_transcriber(&self, kind: RecordingKind) -> Result<Option<Arc<dyn Transcriber>>>;
    /// See [`SpeechModels::transcriber`].
    fn synthesizer(&self) -> Result<Arc<dyn SpeechSynthesizer>>;
}
