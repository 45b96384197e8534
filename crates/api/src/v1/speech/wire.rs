//! JSON of voices and speech models, and the parameters for reading an answer aloud.
use carrel_domain::speech::{AudioFormat, SpeechModelName, Speed, Voice as DomainVoice};
use carrel_domain::{Error, Result};
use carrel_services::speech::ReadAloud;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Serialize, ToSchema)]
pub struct Voices {
    /// The provider, as named in `TextToSpeechProvider`.
    provider: String,
    model: String,
    voices: Vec<Voice>,
    /// The encodings that the provider supports.
    formats: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
struct Voice {
    /// Name for requests.
    id: String,
    name: String,
    /// Codes such as `en`; empty if unknown.
    languages: Vec<String>,
}

impl Voices {
    pub fn of(model: SpeechModelName, voices: Vec<DomainVoice>, formats: &[AudioFormat]) -> Self {
        let SpeechModelName { provider, model } = model;
        let voice = |DomainVoice { id, name, languages }| Voice { id, name, languages };
        let formats = formats.iter().map(|format| format.as_str()).collect();
        Self { provider, model, voices: voices.into_iter().map(voice).collect(), formats }
    }
}

#[derive(Serialize, ToSchema)]
pub struct SpeechModelList {
    /// `list`.
    object: &'static str,
    data: Vec<SpeechModel>,
}

#[derive(Serialize, ToSchema)]
struct SpeechModel {
    id: String,
    /// `model`.
    object: &'static str,
    /// The provider.
    owned_by: String,
    /// `automatic-speech-recognition` or `text-to-speech`.
    task: &'static str,
}

impl SpeechModelList {
    pub fn of(transcription: Option<SpeechModelName>, synthesis: Option<SpeechModelName>) -> Self {
        let model = |name: SpeechModelName, task| SpeechModel {
            id: name.model,
            object: "model",
            owned_by: name.provider,
            task,
        };
        let transcription = transcription.map(|name| model(name, "automatic-speech-recognition"));
        let synthesis = synthesis.map(|name| model(name, "text-to-speech"));
        Self { object: "list", data: transcription.into_iter().chain(synthesis).collect() }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SpeechQuery {
    /// An id from `GET /audio/voices`.
    voice: Option<String>,
    /// `mp3`, `aac`, `wav` or `pcm`, or `opus` or `flac` for answers of at most 4,096 characters.
    /// If absent, the first of these that the provider supports.
    format: Option<String>,
    /// 0.25 to 4.
    speed: Option<f64>,
}

impl SpeechQuery {
    pub fn into_request(self) -> Result<ReadAloud> {
        let Self { voice, format, speed } = self;
        let format = format.filter(|name| !name.is_empty()).map(|name| {
            let invalid = || Error::invalid("format", "must be mp3, opus, aac, flac, wav or pcm");
            AudioFormat::named(&name).ok_or_else(invalid)
        });
        let speed = speed.map(Speed::new).transpose()?.unwrap_or_default();
        Ok(ReadAloud { voice, format: format.transpose()?, speed })
    }
}
