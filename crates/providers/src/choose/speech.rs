//! Creates transcribers and speech synthesizers from settings.
use std::sync::Arc;

use carrel_domain::speech::{RecordingKind, SpeechSynthesizer, Transcriber};
use carrel_domain::{Error, Result};

use super::{Settings, endpoint, required, unknown, value};
use crate::http::Http;
use crate::speech::synthesizer::{self, RemoteSynthesizer};
use crate::speech::transcriber::{self, RemoteTranscriber};
use crate::speech::{DICTATION, DOCUMENTS, HearingProtocol, SPEAKING, SpeakingProtocol};

/// Returns the transcriber that the settings name (`STT_PROVIDER`, or `WHISPER_PROVIDER` for
/// documents). Returns `None` if they name the one inside this process, by an empty setting,
/// `native` or `local`.
///
/// # Errors
/// The errors of [`super::chat_model`].
pub fn transcriber(
    settings: Settings<'_>,
    kind: RecordingKind,
    http: &Http,
) -> Result<Option<Arc<dyn Transcriber>>> {
    let (selector, rows, native) = match kind {
        RecordingKind::Dictation => ("STT_PROVIDER", DICTATION, "native"),
        RecordingKind::Document => ("WHISPER_PROVIDER", DOCUMENTS, "local"),
    };
    let name = value(settings, selector).unwrap_or_default();
    if name.is_empty() || name == native {
        return Ok(None);
    }
    let row = rows.iter().find(|row| row.name == name).ok_or_else(|| {
        let known = std::iter::once(native).chain(rows.iter().map(|row| row.name));
        unknown(selector, &name, known)
    })?;
    let service = transcriber::SERVICE;
    let model = match (value(settings, row.model), row.usual_model) {
        (Some(model), _) => model,
        (None, Some(model)) => model.to_owned(),
        (None, None) => required(settings, row.model, service)?,
    };
    let mut endpoint = endpoint(settings, row.base, row.key, service, http)?;
    if row.protocol == HearingProtocol::Deepgram {
        endpoint = endpoint.with_key_after("Token");
    }
    endpoint.deadlines = transcriber::DEADLINES;
    Ok(Some(Arc::new(RemoteTranscriber { endpoint, model, row: *row })))
}

/// Returns the speech synthesizer that the settings name (`TTS_PROVIDER`). Returns `None` if they
/// name the one inside this process, by an empty setting, `native` or `piper_local`.
///
/// # Errors
/// The errors of [`super::chat_model`].
pub fn synthesizer(
    settings: Settings<'_>,
    http: &Http,
) -> Result<Option<Arc<dyn SpeechSynthesizer>>> {
    let name = value(settings, "TTS_PROVIDER").unwrap_or_default();
    if matches!(name.as_str(), "" | "native" | "piper_local") {
        return Ok(None);
    }
    let row = SPEAKING.iter().find(|row| row.name == name).ok_or_else(|| {
        let known = ["native", "piper_local"].into_iter();
        unknown("TTS_PROVIDER", &name, known.chain(SPEAKING.iter().map(|row| row.name)))
    })?;
    let service = synthesizer::SERVICE;
    let model = value(settings, row.model).unwrap_or_else(|| row.usual_model.to_owned());
    let voice = match (value(settings, row.voice), row.usual_voice) {
        (Some(voice), _) => voice,
        (None, Some(voice)) => voice.to_owned(),
        (None, None) => required(settings, row.voice, service)?,
    };
    if row.protocol == SpeakingProtocol::ElevenLabs && !synthesizer::is_plain(&voice) {
        let reason = format!("{} must be the id of a voice: letters and digits", row.voice);
        return Err(Error::unavailable(service, reason));
    }
    let mut endpoint = endpoint(settings, row.base, row.key, service, http)?;
    if row.protocol == SpeakingProtocol::ElevenLabs {
        endpoint = endpoint.with_key_in("xi-api-key");
    }
    endpoint.deadlines = synthesizer::DEADLINES;
    Ok(Some(Arc::new(RemoteSynthesizer::new(endpoint, model, voice, *row))))
}
