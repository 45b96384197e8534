//! Requests for transcription and speech in OpenAI's protocol.
pub mod answer;
mod speech;
mod subtitles;

use carrel_domain::speech::{
    LONGEST_PROMPT, Recording, SpeechModelName, SpokenLanguage, TranscriptionRequest,
    TranscriptionTask,
};
use carrel_domain::{Error, Result};
use tempfile::NamedTempFile;
use utoipa::ToSchema;

use crate::read::ReceivedUpload;
use crate::wire::Binary;

pub use speech::SpeechBody;

/// Names of OpenAI's models. Each stands for the configured model.
pub const HEARING: [&str; 5] = [
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "default",
];
pub const SPEAKING: [&str; 6] =
    ["tts-1", "tts-1-hd", "tts-1-1106", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "default"];

/// The longest name of a recording, in characters.
const LONGEST_NAME: usize = 200;

/// A recording to transcribe, and options.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for the OpenAPI document")]
pub struct TranscriptionForm {
    /// A flac, mp3, mp4, mpeg, mpga, m4a, ogg, opus, wav or webm file within the upload limit.
    #[schema(inline)]
    file: Binary,
    /// One of OpenAI's names (`whisper-1`, `gpt-4o-transcribe`, `gpt-4o-mini-transcribe`), or the
    /// name of the configured model. All mean the configured model.
    model: Option<String>,
    /// An ISO 639 code such as `en`; detected if absent.
    language: Option<String>,
    /// Text that precedes the recording, at most 8,000 bytes.
    prompt: Option<String>,
    /// `json`, `text`, `srt`, `vtt` or `verbose_json`.
    response_format: Option<String>,
    /// 0 to 1.
    temperature: Option<f32>,
    /// `segment` and `word`; only with `verbose_json`.
    #[schema(rename = "timestamp_granularities[]")]
    timestamp_granularities: Option<Vec<String>>,
    /// True to send the text as server-sent events; only with `json` and `text`.
    stream: Option<bool>,
    /// `auto` or `server_vad`; recordings are always cut at silence.
    chunking_strategy: Option<String>,
}

/// A recording to translate into English.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for the OpenAPI document")]
pub struct TranslationForm {
    #[schema(inline)]
    file: Binary,
    model: Option<String>,
    prompt: Option<String>,
    response_format: Option<String>,
    temperature: Option<f32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TranscriptFormat {
    #[default]
    Json,
    Text,
    Srt,
    Vtt,
    Verbose,
}

/// The requested format of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TranscriptShape {
    pub format: TranscriptFormat,
    pub task: TranscriptionTask,
    pub segments: bool,
    pub words: bool,
}

pub struct TranscriptionOrder {
    pub request: TranscriptionRequest,
    pub model: Option<String>,
    pub answer: TranscriptShape,
    pub streams: bool,
}

/// Reads a form.
pub fn read(
    upload: ReceivedUpload,
    task: TranscriptionTask,
) -> Result<(TranscriptionOrder, NamedTempFile)> {
    let ReceivedUpload { name, content: file, fields, .. } = upload;
    let length = file.as_file().metadata().map_err(Error::of_file)?.len();
    if length == 0 {
        return Err(Error::invalid("file", "the recording is empty"));
    }
    let name = name.chars().filter(|one| !one.is_control()).take(LONGEST_NAME).collect();
    let recording = Recording { content: file.path().to_owned(), length, name };
    let request = TranscriptionRequest { task, ..TranscriptionRequest::of(recording) };
    let answer = TranscriptShape { task, ..TranscriptShape::default() };
    let mut order = TranscriptionOrder { request, model: None, answer, streams: false };
    let mut granularities = Vec::new();
    for (field, value) in fields {
        match field.trim_end_matches("[]") {
            "timestamp_granularities" => granularities.push(value),
            field => order.set_field(field, value)?,
        }
    }
    order.set_granularities(&granularities)?;
    let is_plain = matches!(order.answer.format, TranscriptFormat::Json | TranscriptFormat::Text);
    if order.streams && !is_plain {
        return Err(Error::invalid("stream", "cannot be used with srt, vtt or verbose_json"));
    }
    Ok((order, file))
}

impl TranscriptionOrder {
    fn set_field(&mut self, field: &str, value: String) -> Result<()> {
        let (transcribes, value) =
            (self.request.task == TranscriptionTask::Transcribe, value.trim().to_owned());
        match field {
            _ if value.is_empty() => {}
            "model" => self.model = Some(value),
            "language" if transcribes => {
                self.request.language = Some(SpokenLanguage::parse(&value)?);
            }
            "prompt" if value.len() > LONGEST_PROMPT => {
                let reason = format!("must not be longer than {LONGEST_PROMPT} bytes");
                return Err(Error::invalid("prompt", reason));
            }
            "prompt" => self.request.prompt = Some(value),
            "response_format" => self.answer.format = format(&value)?,
            "temperature" => self.request.temperature = Some(temperature(&value)?),
            "stream" if transcribes => self.streams = flag(&value)?,
            "chunking_strategy" if value != "auto" && !value.contains("server_vad") => {
                return Err(Error::invalid("chunking_strategy", "must be auto or server_vad"));
            }
            "include" => {
                return Err(Error::invalid("include", "log probabilities are not supported"));
            }
            "known_speaker_names" | "known_speaker_references" => {
                let reason = "speakers are not distinguished";
                return Err(Error::invalid(field.to_owned(), reason));
            }
            _ => {}
        }
        Ok(())
    }

    fn set_granularities(&mut self, requested: &[String]) -> Result<()> {
        let field = "timestamp_granularities";
        for granularity in requested {
            match granularity.trim() {
                "segment" => self.answer.segments = true,
                "word" => self.answer.words = true,
                _ => return Err(Error::invalid(field, "must be segment or word")),
            }
        }
        let is_verbose = self.answer.format == TranscriptFormat::Verbose;
        if !requested.is_empty() && !is_verbose {
            return Err(Error::invalid(field, "needs a response_format of verbose_json"));
        }
        self.answer.segments |= is_verbose && !self.answer.words;
        self.request.words = self.answer.words;
        Ok(())
    }
}

fn format(name: &str) -> Result<TranscriptFormat> {
    Ok(match name {
        "json" => TranscriptFormat::Json,
        "text" => TranscriptFormat::Text,
        "srt" => TranscriptFormat::Srt,
        "vtt" => TranscriptFormat::Vtt,
        "verbose_json" => TranscriptFormat::Verbose,
        _ => {
            let reason = "must be json, text, srt, vtt or verbose_json";
            return Err(Error::invalid("response_format", reason));
        }
    })
}

fn temperature(text: &str) -> Result<f32> {
    let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| Error::invalid("temperature", "must be a number from 0 to 1"))
}

fn flag(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::invalid("stream", "must be true or false")),
    }
}

/// Returns the error message for an unknown model; `None` for a known one.
pub fn unknown_model(
    requested: Option<&str>,
    configured: &SpeechModelName,
    common: &[&str],
) -> Option<String> {
    let requested = requested?;
    let SpeechModelName { provider, model } = configured;
    let is_known = requested == model
        || requested == format!("{provider}/{model}")
        || common.contains(&requested);
    let shown: String = requested.chars().take(100).collect();
    (!is_known).then(|| {
        let common = common.join(", ");
        format!("The model `{shown}` does not exist. Use {model}; {common} mean the same model.")
    })
}

#[cfg(test)]
mod tests;
