//! Transcription over HTTP, with OpenAI's audio protocol or Deepgram's.
mod answers;

use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::speech::{
    SpeechModelName, Transcriber, Transcript, TranscriptPart, TranscriptStream,
    TranscriptionRequest, TranscriptionTask,
};
use carrel_domain::{Error, Result};
use futures_util::stream;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{HearingProtocol, HearingProvider, LONGEST_ANSWER};
use crate::endpoint::{Body, Deadlines, Endpoint, Refused};
use crate::file_body;
use crate::refusal::shortened;

pub(crate) const SERVICE: &str = "speech recognition";

/// Deadlines for transcription. A provider sends nothing until it has processed the whole recording.
pub(crate) const DEADLINES: Deadlines = Deadlines {
    first: Duration::from_secs(600),
    silence: Duration::from_secs(120),
    whole: None,
    patience: Duration::from_secs(60),
    a_minute: None,
};

pub(crate) struct RemoteTranscriber {
    pub endpoint: Endpoint,
    pub model: String,
    pub row: HearingProvider,
}

impl RemoteTranscriber {
    /// True if the model returns times. OpenAI's newer models return only text.
    fn has_times(&self) -> bool {
        self.row.protocol == HearingProtocol::OpenAi
            && !self.model.starts_with("gpt-4o")
            && !self.model.starts_with("gpt-transcribe")
    }

    async fn by_openai(&self, request: &TranscriptionRequest) -> Result<Transcript> {
        let answer = self.try_openai(request, self.has_times()).await?;
        let answer = match answer {
            // Some servers support only the plainest response format.
            Err(refused) if self.has_times() && speaks_of_format(&refused) => {
                self.try_openai(request, false).await?
            }
            answer => answer,
        };
        let body = answer.map_err(|refused| self.refused(&refused))?;
        let answer: Value = self.endpoint.json(body, LONGEST_ANSWER).await?;
        answers::parse_openai(&answer).ok_or_else(|| self.wordless())
    }

    async fn try_openai(
        &self,
        request: &TranscriptionRequest,
        with_times: bool,
    ) -> Result<Result<Body, Refused>> {
        let path = match request.task {
            TranscriptionTask::Transcribe => "audio/transcriptions",
            TranscriptionTask::Translate => "audio/translations",
        };
        let make = || {
            let form = self.form(request, with_times)?;
            Ok(self.endpoint.http.post(self.endpoint.url(path)).multipart(form))
        };
        self.endpoint.try_send(make).await
    }

    fn form(&self, request: &TranscriptionRequest, with_times: bool) -> Result<Form> {
        let TranscriptionRequest { recording, task, language, prompt, temperature, words } =
            request;
        let format = if with_times { "verbose_json" } else { "json" };
        let mut form = Form::new().text("model", self.model.clone());
        form = form.text("response_format", format);
        let transcribes = *task == TranscriptionTask::Transcribe;
        if let Some(language) = language.as_ref().filter(|_| transcribes) {
            form = form.text("language", language.to_string());
        }
        if let Some(prompt) = prompt {
            form = form.text("prompt", prompt.clone());
        }
        if let Some(temperature) = temperature {
            form = form.text("temperature", temperature.to_string());
        }
        if *words && with_times && transcribes {
            form = form.text("timestamp_granularities[]", "segment");
            form = form.text("timestamp_granularities[]", "word");
        }
        let content = file_body::open(&recording.content)?;
        // Some providers determine the type of a recording by its file extension alone.
        let part = Part::stream_with_length(content, recording.length);
        let part = part.file_name(recording.name.clone());
        Ok(form.part("file", part.mime_str(mime(&recording.name)).map_err(Error::internal)?))
    }

    async fn by_deepgram(&self, request: &TranscriptionRequest) -> Result<Transcript> {
        let path = self.deepgram_path(request);
        let make = || self.raw(request, &path);
        let answer = self.endpoint.try_send(make).await?;
        let body = answer.map_err(|refused| self.refused(&refused))?;
        let answer: Value = self.endpoint.json(body, LONGEST_ANSWER).await?;
        answers::parse_deepgram(&answer).ok_or_else(|| self.wordless())
    }

    fn deepgram_path(&self, request: &TranscriptionRequest) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("model", &self.model);
        query.append_pair("smart_format", "true").append_pair("utterances", "true");
        match &request.language {
            Some(language) => query.append_pair("language", language.as_str()),
            None => query.append_pair("detect_language", "true"),
        };
        format!("listen?{}", query.finish())
    }

    /// Builds a request whose body is the recording itself.
    fn raw(&self, request: &TranscriptionRequest, path: &str) -> Result<RequestBuilder> {
        let recording = &request.recording;
        let content = file_body::open(&recording.content)?;
        let request = self.endpoint.http.post(self.endpoint.url(path));
        let request = request.header(CONTENT_TYPE, mime(&recording.name));
        Ok(request.header(CONTENT_LENGTH, recording.length).body(content))
    }

    /// Returns the error for a refusal, which is most often about the recording.
    fn refused(&self, refused: &Refused) -> Error {
        match refused.status.as_u16() {
            400 | 413 | 415 | 422 => {
                let message = shortened(&refused.message);
                let colon = if message.is_empty() { "" } else { ": " };
                let name = self.row.name;
                Error::unprocessable(format!("{name} refuses the recording{colon}{message}"))
            }
            _ => self.endpoint.refused(refused),
        }
    }

    fn wordless(&self) -> Error {
        self.endpoint.unavailable("its answer contains no transcript")
    }
}

/// True if a refusal is about the requested response format.
fn speaks_of_format(refused: &Refused) -> bool {
    let message = refused.message.to_ascii_lowercase();
    matches!(refused.status.as_u16(), 400 | 422)
        && ["response_format", "verbose_json", "granularit"]
            .iter()
            .any(|word| message.contains(word))
}

/// Returns the media type by the file extension. Providers examine the content themselves.
fn mime(name: &str) -> &'static str {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "mp3" | "mpeg" | "mpga" => "audio/mpeg",
        "mp4" | "m4a" => "audio/mp4",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "webm" => "audio/webm",
        "aac" => "audio/aac",
        _ => "application/octet-stream",
    }
}

#[async_trait]
impl Transcriber for RemoteTranscriber {
    fn name(&self) -> SpeechModelName {
        SpeechModelName { provider: self.row.name.into(), model: self.model.clone() }
    }

    async fn transcribe(&self, request: TranscriptionRequest) -> Result<TranscriptStream> {
        let translates = request.task == TranscriptionTask::Translate;
        if translates && self.row.protocol != HearingProtocol::OpenAi {
            let reason = format!("{} can transcribe but not translate", self.row.name);
            return Err(Error::invalid("model", reason));
        }
        let transcript = match self.row.protocol {
            HearingProtocol::OpenAi | HearingProtocol::TextOnly => self.by_openai(&request).await?,
            HearingProtocol::Deepgram => self.by_deepgram(&request).await?,
        };
        let Transcript { language, duration, segments } = transcript;
        let mut parts = vec![Ok(TranscriptPart::Recording { language, duration })];
        parts.extend(segments.into_iter().map(|segment| Ok(TranscriptPart::Segment(segment))));
        Ok(Box::pin(stream::iter(parts)))
    }
}
