//! Text to speech: the text, the voice, and the sound as it is made.
use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;

use super::SpeechModelName;
use crate::{Error, Result};

/// The longest text that is spoken at once, in characters.
pub const LONGEST_SPOKEN_TEXT: usize = 4_096;

/// How sound is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    /// MPEG layer III.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// AAC with ADTS headers.
    Aac,
    /// FLAC.
    Flac,
    /// 16 bits, one channel.
    Wav,
    /// Samples alone: 24 kHz, 16 bits little-endian with sign, one channel.
    Pcm,
}

impl AudioFormat {
    /// Every encoding, the usual one first.
    pub const ALL: [Self; 6] = [Self::Mp3, Self::Opus, Self::Aac, Self::Flac, Self::Wav, Self::Pcm];

    /// The name in OpenAI's protocol, which is also what names of such files end with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Aac => "aac",
            Self::Flac => "flac",
            Self::Wav => "wav",
            Self::Pcm => "pcm",
        }
    }

    /// The encoding of a name in OpenAI's protocol.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// The media type.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Opus => "audio/ogg",
            Self::Aac => "audio/aac",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
            Self::Pcm => "audio/pcm",
        }
    }
}

/// How fast is spoken: 1 as the voice does, 0.25 to 4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f32);

impl Speed {
    /// # Errors
    /// [`Error::Invalid`] in the field `speed` for what lies outside.
    pub fn new(factor: f64) -> Result<Self> {
        if (0.25..=4.0).contains(&factor) {
            return Ok(Self(factor as f32));
        }
        Err(Error::invalid("speed", "must be a number from 0.25 to 4"))
    }

    /// The factor, 0.25 to 4.
    pub fn factor(self) -> f32 {
        self.0
    }
}

impl Default for Speed {
    fn default() -> Self {
        Self(1.0)
    }
}

/// Something to be said.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeechRequest {
    /// As it is to be said: without Markdown. At most [`LONGEST_SPOKEN_TEXT`].
    pub text: String,
    /// By the id of [`Voice`]; the voice of the settings when absent.
    pub voice: Option<String>,
    /// One of [`SpeechSynthesizer::formats`].
    pub format: AudioFormat,
    /// How fast it is to be said.
    pub speed: Speed,
    /// How it is to be said, for models that take such words.
    pub instructions: Option<String>,
}

/// A voice that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// As settings and requests name it.
    pub id: String,
    /// For people.
    pub name: String,
    /// Codes such as `en` or `en-US`; empty when unknown.
    pub languages: Vec<String>,
}

/// Encoded sound as it is made, sentence by sentence where the engine can. Dropping it ends the
/// work. It is complete when it ends without an error.
pub type AudioStream = Pin<Box<dyn Stream<Item = Result<Vec<u8>>> + Send>>;

/// What is said, encoded.
pub struct Speech {
    /// How the sound is encoded.
    pub format: AudioFormat,
    /// The sound.
    pub audio: AudioStream,
}

/// Speaks.
#[async_trait]
pub trait SpeechSynthesizer: Send + Sync {
    /// The provider and the model.
    fn name(&self) -> SpeechModelName;
    /// The id of the voice that speaks where a request names none; empty where it has but one.
    fn usual_voice(&self) -> String {
        String::new()
    }
    /// The encodings it can make, the usual one first; never empty.
    fn formats(&self) -> Vec<AudioFormat>;
    /// [`Error::Invalid`] for what it cannot be asked for (in the field `voice` for a voice that is
    /// not there), [`Error::Unavailable`] when it is not fetched or does not answer. A failure comes
    /// at once if it can be known before the first sound, otherwise on the stream.
    async fn speak(&self, request: SpeechRequest) -> Result<Speech>;
    /// By name, 1,000 at most.
    async fn voices(&self) -> Result<Vec<Voice>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_names() {
        for format in AudioFormat::ALL {
            assert_eq!(AudioFormat::named(format.as_str()), Some(format));
        }
        assert_eq!(AudioFormat::named("midi"), None);
    }

    #[test]
    fn a_speed_is_between_a_quarter_and_four() {
        for fine in [0.25, 1.0, 4.0] {
            assert!(Speed::new(fine).is_ok());
        }
        for wrong in [0.24, 4.01, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Speed::new(wrong).is_err(), "{wrong}");
        }
    }
}
