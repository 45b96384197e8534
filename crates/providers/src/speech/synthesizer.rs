//! Speech synthesis over HTTP, with OpenAI's audio protocol or ElevenLabs'.
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::speech::{
    AudioFormat, Speech, SpeechModelName, SpeechRequest, SpeechSynthesizer, Speed, Voice,
};
use carrel_domain::{Error, Result};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::{SpeakingProtocol, SpeakingProvider, VoiceList};
use crate::endpoint::{Body, Deadlines, Endpoint, Refused};
use crate::refusal::shortened;

pub(crate) const SERVICE: &str = "speech synthesis";

/// Deadlines for speech synthesis. A person is waiting for the first sound.
pub(crate) const DEADLINES: Deadlines = Deadlines {
    first: Duration::from_secs(120),
    silence: Duration::from_secs(60),
    whole: Some(Duration::from_secs(900)),
    patience: Duration::from_secs(30),
    a_minute: None,
};

/// Most audio for one text, in bytes: a quarter of an hour of uncompressed samples.
const MAX_SOUND: usize = 64 << 20;
/// Longest list of voices, in bytes, and most voices in it.
const LONGEST_LIST: usize = 4 << 20;
const MAX_VOICES: usize = 1_000;
/// Longest name of a voice, in bytes.
const LONGEST_NAME: usize = 256;

pub(crate) struct RemoteSynthesizer {
    endpoint: Arc<Endpoint>,
    model: String,
    voice: String,
    row: SpeakingProvider,
}

impl RemoteSynthesizer {
    pub fn new(endpoint: Endpoint, model: String, voice: String, row: SpeakingProvider) -> Self {
        Self { endpoint: Arc::new(endpoint), model, voice, row }
    }

    async fn by_openai(&self, request: &SpeechRequest, voice: &str) -> Result<Body> {
        let mut body = json!({
            "model": self.model, "voice": voice, "input": request.text,
            "response_format": request.format.as_str(),
        });
        if request.speed != Speed::default() {
            body["speed"] = json!(request.speed.factor());
        }
        if let Some(instructions) = &request.instructions {
            body["instructions"] = json!(instructions);
        }
        self.sent("audio/speech", &body).await
    }

    async fn by_elevenlabs(&self, request: &SpeechRequest, voice: &str) -> Result<Body> {
        let format = match request.format {
            AudioFormat::Opus => "opus_48000_64",
            AudioFormat::Pcm => "pcm_24000",
            _ => "mp3_44100_128",
        };
        let mut body = json!({ "text": request.text, "model_id": self.model });
        let speed = request.speed;
        if !(0.7..=1.2).contains(&speed.factor()) {
            return Err(Error::invalid("speed", "must be from 0.7 to 1.2 for elevenlabs"));
        }
        if speed != Speed::default() {
            body["voice_settings"] = json!({ "speed": speed.factor() });
        }
        let path = format!("text-to-speech/{voice}/stream?output_format={format}");
        self.sent(&path, &body).await
    }

    async fn sent(&self, path: &str, body: &Value) -> Result<Body> {
        let answer = self.endpoint.try_post(path, body).await?;
        answer.map_err(|refused| self.refused(&refused))
    }

    /// Returns the error for a refusal. The voice is the only part of a request that is not
    /// validated beforehand.
    fn refused(&self, refused: &Refused) -> Error {
        let speaks_of_voice = refused.message.to_ascii_lowercase().contains("voice");
        match refused.status.as_u16() {
            400 | 404 | 422 if speaks_of_voice => {
                let reason = format!("{}: {}", self.row.name, shortened(&refused.message));
                Error::invalid("voice", reason)
            }
            _ => self.endpoint.refused(refused),
        }
    }

    async fn listed(&self, path: &str) -> Result<Vec<Voice>> {
        let body = match self.endpoint.try_get(path).await? {
            Ok(body) => body,
            // Most servers with OpenAI's protocol have no list.
            Err(refused) if matches!(refused.status.as_u16(), 404 | 405) => {
                return Ok(vec![named(&self.voice)]);
            }
            Err(refused) => return Err(self.endpoint.refused(&refused)),
        };
        let list: Value = self.endpoint.json(body, LONGEST_LIST).await?;
        let list =
            ["voices", "data"].iter().find_map(|name| list[*name].as_array()).or(list.as_array());
        let voices = list.into_iter().flatten().filter_map(voice);
        let mut voices: Vec<_> = voices.take(MAX_VOICES).collect();
        voices.sort_by(|one, other| one.name.cmp(&other.name).then(one.id.cmp(&other.id)));
        Ok(voices)
    }
}

/// True if the id of a voice is safe in a URL.
pub(crate) fn is_plain(voice: &str) -> bool {
    !voice.is_empty() && voice.len() <= 64 && voice.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn named(id: &str) -> Voice {
    Voice { id: id.to_owned(), name: id.to_owned(), languages: Vec::new() }
}

/// Parses a voice from a list: an id, or an object.
fn voice(entry: &Value) -> Option<Voice> {
    let text = |names: &[&str]| names.iter().find_map(|name| entry[*name].as_str());
    let id = entry.as_str().or_else(|| text(&["voice_id", "id", "name"]))?;
    let name = text(&["name"]).unwrap_or(id);
    if id.is_empty() || id.len() > LONGEST_NAME || name.len() > LONGEST_NAME {
        return None;
    }
    let language = entry["labels"]["language"].as_str().or_else(|| text(&["language"]));
    let languages = language.filter(|language| language.len() <= LONGEST_NAME);
    let languages = languages.map(str::to_owned).into_iter().collect();
    Some(Voice { id: id.to_owned(), name: name.to_owned(), languages })
}

#[async_trait]
impl SpeechSynthesizer for RemoteSynthesizer {
    fn name(&self) -> SpeechModelName {
        SpeechModelName { provider: self.row.name.into(), model: self.model.clone() }
    }

    fn usual_voice(&self) -> String {
        self.voice.clone()
    }

    fn formats(&self) -> Vec<AudioFormat> {
        match self.row.protocol {
            SpeakingProtocol::OpenAi => AudioFormat::ALL.to_vec(),
            SpeakingProtocol::ElevenLabs => {
                vec![AudioFormat::Mp3, AudioFormat::Opus, AudioFormat::Pcm]
            }
        }
    }

    async fn speak(&self, request: SpeechRequest) -> Result<Speech> {
        let voice = request.voice.as_deref().unwrap_or(&self.voice);
        let format = request.format;
        let mut body = match self.row.protocol {
            SpeakingProtocol::OpenAi => self.by_openai(&request, voice).await?,
            SpeakingProtocol::ElevenLabs if !is_plain(voice) => {
                return Err(Error::invalid("voice", "must be the id of a voice of elevenlabs"));
            }
            SpeakingProtocol::ElevenLabs => self.by_elevenlabs(&request, voice).await?,
        };
        let silent = || self.endpoint.unavailable("its answer contains no audio");
        let first = self.endpoint.next_chunk(&mut body).await?.ok_or_else(silent)?;
        // No audio encoding starts with either character.
        match first.first() {
            Some(b'<') if format != AudioFormat::Pcm => return Err(self.endpoint.web_page()),
            Some(b'{') if format != AudioFormat::Pcm => {
                return Err(self.endpoint.unavailable("it answered with JSON instead of audio"));
            }
            _ => {}
        }
        let rest = (self.endpoint.clone(), body, first.len());
        let rest = stream::try_unfold(rest, |(endpoint, mut body, so_far)| async move {
            let Some(piece) = endpoint.next_chunk(&mut body).await? else { return Ok(None) };
            let so_far = so_far + piece.len();
            if so_far > MAX_SOUND {
                let reason = format!("its answer is longer than {MAX_SOUND} bytes");
                return Err(endpoint.unavailable(reason));
            }
            Ok(Some((piece, (endpoint, body, so_far))))
        });
        Ok(Speech { format, audio: Box::pin(stream::iter([Ok(first)]).chain(rest)) })
    }

    async fn voices(&self) -> Result<Vec<Voice>> {
        match self.row.voices {
            VoiceList::Fixed(voices) => Ok(voices.iter().copied().map(named).collect()),
            VoiceList::At(path) => self.listed(path).await,
        }
    }
}
