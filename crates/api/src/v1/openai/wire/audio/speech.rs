//! Requests for speech in OpenAI's protocol.
use carrel_domain::speech::{AudioFormat, SpeechRequest, Speed};
use carrel_domain::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::v1::openai::wire::not_null;

/// The longest instructions, in bytes, and the longest name of a voice or model.
const LONGEST_INSTRUCTIONS: usize = 8_000;
const LONGEST_NAME: usize = 256;

#[derive(Deserialize, ToSchema)]
pub struct SpeechBody {
    /// The text to speak, at most 4,096 characters.
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    input: Option<Value>,
    /// One of OpenAI's names (`tts-1`, `tts-1-hd`, `gpt-4o-mini-tts`), or the name of the
    /// configured model. All mean the configured model.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    model: Option<Value>,
    /// An id from `GET /audio/voices`. `default`, and OpenAI's voice names if the provider has
    /// other voices, mean the configured voice.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    voice: Option<Value>,
    /// `mp3`, `opus`, `aac`, `flac`, `wav` or `pcm` (24 kHz, 16 bits, one channel). A provider may
    /// support only some of them.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    response_format: Option<Value>,
    /// 0.25 to 4.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    speed: Option<Value>,
    /// How to speak, for models that support it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    instructions: Option<Value>,
    /// `audio`, or `sse` for server-sent events.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    stream_format: Option<Value>,
}

pub struct SpeechOrder {
    pub request: SpeechRequest,
    pub model: Option<String>,
    pub as_events: bool,
}

impl SpeechBody {
    pub fn order(self) -> Result<SpeechOrder> {
        let Self { input, model, voice, response_format, speed, instructions, stream_format } =
            self;
        let missing = || Error::invalid("input", "a text is required");
        let text = text("input", input, usize::MAX)?.ok_or_else(missing)?;
        let format = match self::text("response_format", response_format, LONGEST_NAME)? {
            None => AudioFormat::Mp3,
            Some(name) => AudioFormat::named(&name).ok_or_else(|| {
                Error::invalid("response_format", "must be mp3, opus, aac, flac, wav or pcm")
            })?,
        };
        let speed = match not_null(speed) {
            None => Speed::default(),
            Some(speed) => Speed::new(speed.as_f64().unwrap_or(f64::NAN))?,
        };
        let as_events = match self::text("stream_format", stream_format, LONGEST_NAME)?.as_deref() {
            None | Some("audio") => false,
            Some("sse") => true,
            Some(_) => return Err(Error::invalid("stream_format", "must be audio or sse")),
        };
        // OpenAI's clients send a custom voice as an object.
        let voice = match not_null(voice) {
            Some(Value::Object(mut voice)) => voice.remove("id"),
            voice => voice,
        };
        let voice = self::text("voice", voice, LONGEST_NAME)?;
        let instructions = self::text("instructions", instructions, LONGEST_INSTRUCTIONS)?;
        let model = self::text("model", model, LONGEST_NAME)?;
        let request = SpeechRequest { text, voice, format, speed, instructions };
        Ok(SpeechOrder { request, model, as_events })
    }
}

/// Parses an optional text of at most `longest` bytes. A blank text counts as absent.
fn text(field: &'static str, value: Option<Value>, longest: usize) -> Result<Option<String>> {
    match not_null(value) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() > longest => {
            Err(Error::invalid(field, format!("must not be longer than {longest} bytes")))
        }
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Some(_) => Err(Error::invalid(field, "must be a text")),
    }
}
