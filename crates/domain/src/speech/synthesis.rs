//! Text to speech: requests, voices and the resulting audio.
use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;

use super::SpeechModelName;
use crate::{Error, Result};

/// The maximum length of a text to speak, in characters.
pub const LONGEST_SPOKEN_TEXT: usize = 4_096;

/// An audio encoding.
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
    /// WAV: 16 bits, one channel.
    Wav,
    /// Raw samples: 24 kHz, 16 bits signed little-endian, one channel.
    Pcm,
}

impl AudioFormat {
    /// Every encoding, the default first.
    pub const ALL: [Self; 6] = [Self::Mp3, Self::Opus, Self::Aac, Self::Flac, Self::Wav, Self::Pcm];

    /// Returns the name in the OpenAI protocol, which is also the file extension.
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

    /// Returns the encoding with a name in the OpenAI protocol.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Returns the media type.
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

/// The speaking rate: 0.25 to 4, where 1 is the normal rate of the voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f32);

impl Speed {
    /// Creates a rate.
    ///
    /// # Errors
    /// [`Error::Invalid`] in the field `speed` if the factor is out of range.
    pub fn new(factor: f64) -> Result<Self> {
        if (0.25..=4.0).contains(&factor) {
            return Ok(Self(factor as f32));
        }
        Err(Error::invalid("speed", "must be a number from 0.25 to 4"))
    }

    /// Returns the factor, 0.25 to 4.
    pub fn factor(self) -> f32 {
        self.0
    }
}

impl Default for Speed {
    fn default() -> Self {
        Self(1.0)
    }
}

/// A request to speak a text.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeechRequest {
    /// Plain text without Markdown, at most [`LONGEST_SPOKEN_TEXT`] characters.
    pub text: String,
    /// The id of a [`Voice`]. The voice of the settings if absent.
    pub voice: Option<String>,
    /// The encoding: one of [`SpeechSynthesizer::formats`].
    pub format: AudioFormat,
    /// The speaking rate.
    pub speed: Speed,
    /// Instructions on how to speak, for models that support them.
    pub instructions: Option<String>,
}

/// An available voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// The id in settings and requests.
    pub id: String,
    /// The display name.
    pub name: String,
    /// Language codes such as `en` or `en-US`. Empty if unknown.
    pub languages: Vec<String>,
}

/// Encoded audio as it is generated, sentence by sentence if the engine supports it. Dropping the
/// stream cancels the work. The audio is complete if the stream ends without an error.
pub type AudioStream = Pin<Box<dyn Stream<Item = Result<Vec<u8>>> + Send>>;

/// The resulting audio.
pub struct Speech {
    /// The encoding.
    pub format: AudioFormat,
    /// The audio data.
    pub audio: AudioStream,
}

/// Synthesizes speech.
#[async_trait]
pub trait SpeechSynthesizer: Send + Sync {
    /// Returns the provider and the model.
    fn name(&self) -> SpeechModelName;
    /// Returns the id of the default voice. Empty if there is only one voice.
    fn usual_voice(&self) -> String {
        String::new()
    }
    /// Returns the supported encodings, the default first. Never empty.
    fn formats(&self) -> Vec<AudioFormat>;
    /// Speaks a text. [`Error::Invalid`] if the request is not supported (in the field `voice` for
    /// an unknown voice), [`Error::Unavailable`] if the model is not downloaded or does not
    /// respond. Failures before the first audio are returned at once, later ones on the stream.
    async fn speak(&self, request: SpeechRequest) -> Result<Speech>;
    /// Returns at most 1,000 voices, by name.
    async fn voices(&self) -> Result<Vec<Voice>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_found_by_name() {
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
