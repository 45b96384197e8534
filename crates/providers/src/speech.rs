//! Transcription and speech synthesis over HTTP. Providers are table rows like those of
//! [`crate::table`], because they differ in little.
pub(crate) mod synthesizer;
pub(crate) mod transcriber;

use crate::table::{Base, Key};

/// Longest text or list in a response, in bytes: hours of speech with the time of every word.
const LONGEST_ANSWER: usize = 64 << 20;

/// The protocol of a transcription provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HearingProtocol {
    /// `audio/transcriptions` and `audio/translations`, with times if the model has them.
    OpenAi,
    /// `audio/transcriptions`, which returns only text.
    TextOnly,
    Deepgram,
}

/// A transcription provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HearingProvider {
    /// Name in the settings `STT_PROVIDER` and `WHISPER_PROVIDER`.
    pub name: &'static str,
    pub protocol: HearingProtocol,
    pub base: Base,
    pub key: Key,
    /// The setting with the model's name; empty if there is none.
    pub model: &'static str,
    /// The default model.
    pub usual_model: Option<&'static str>,
}

const OPENAI: Base = Base::Fixed("https://api.openai.com/v1");
const GROQ: Base = Base::Fixed("https://api.groq.com/openai/v1");

/// Providers for `STT_PROVIDER`.
pub(crate) const DICTATION: &[HearingProvider] = &[
    HearingProvider {
        name: "openai",
        protocol: HearingProtocol::OpenAi,
        base: OPENAI,
        key: Key::Required("OPEN_AI_KEY"),
        model: "STT_OPEN_AI_MODEL",
        usual_model: Some("whisper-1"),
    },
    HearingProvider {
        name: "generic-openai",
        protocol: HearingProtocol::OpenAi,
        base: Base::Setting("STT_OPEN_AI_COMPATIBLE_ENDPOINT", ""),
        key: Key::Optional("STT_OPEN_AI_COMPATIBLE_KEY"),
        model: "STT_OPEN_AI_COMPATIBLE_MODEL",
        usual_model: None,
    },
    HearingProvider {
        name: "groq",
        protocol: HearingProtocol::OpenAi,
        base: GROQ,
        key: Key::Required("STT_GROQ_API_KEY"),
        model: "STT_GROQ_MODEL",
        usual_model: Some("whisper-large-v3-turbo"),
    },
    HearingProvider {
        name: "lemonade",
        protocol: HearingProtocol::TextOnly,
        base: Base::Setting("STT_LEMONADE_BASE_PATH", "/api/v1"),
        key: Key::Optional("LEMONADE_LLM_API_KEY"),
        model: "STT_LEMONADE_MODEL_PREF",
        usual_model: None,
    },
    HearingProvider {
        name: "deepgram",
        protocol: HearingProtocol::Deepgram,
        base: Base::Fixed("https://api.deepgram.com/v1"),
        key: Key::Required("STT_DEEPGRAM_API_KEY"),
        model: "STT_DEEPGRAM_MODEL",
        usual_model: Some("nova-3"),
    },
];

/// Providers for `WHISPER_PROVIDER`.
pub(crate) const DOCUMENTS: &[HearingProvider] = &[
    HearingProvider {
        name: "openai",
        protocol: HearingProtocol::OpenAi,
        base: OPENAI,
        key: Key::Required("OPEN_AI_KEY"),
        model: "",
        usual_model: Some("whisper-1"),
    },
    HearingProvider {
        name: "generic-openai",
        protocol: HearingProtocol::OpenAi,
        base: Base::Setting("WHISPER_GENERIC_OPEN_AI_BASE_URL", ""),
        key: Key::Optional("WHISPER_GENERIC_OPEN_AI_API_KEY"),
        model: "WHISPER_GENERIC_OPEN_AI_MODEL",
        usual_model: None,
    },
    HearingProvider {
        name: "groq",
        protocol: HearingProtocol::OpenAi,
        base: GROQ,
        key: Key::Required("GROQ_API_KEY"),
        model: "",
        usual_model: Some("whisper-large-v3-turbo"),
    },
];

/// The protocol of a speech synthesis provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpeakingProtocol {
    /// `audio/speech`.
    OpenAi,
    ElevenLabs,
}

/// The source of a provider's list of voices.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VoiceList {
    Fixed(&'static [&'static str]),
    /// Path below the base address.
    At(&'static str),
}

/// A speech synthesis provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpeakingProvider {
    /// Name in the setting `TTS_PROVIDER`.
    pub name: &'static str,
    pub protocol: SpeakingProtocol,
    pub base: Base,
    pub key: Key,
    /// The setting with the model's name; empty if there is none.
    pub model: &'static str,
    pub usual_model: &'static str,
    /// The setting with the voice.
    pub voice: &'static str,
    /// The default voice.
    pub usual_voice: Option<&'static str>,
    pub voices: VoiceList,
}

pub(crate) const SPEAKING: &[SpeakingProvider] = &[
    SpeakingProvider {
        name: "openai",
        protocol: SpeakingProtocol::OpenAi,
        base: OPENAI,
        key: Key::Required("TTS_OPEN_AI_KEY"),
        model: "",
        usual_model: "tts-1",
        voice: "TTS_OPEN_AI_VOICE_MODEL",
        usual_voice: Some("alloy"),
        voices: VoiceList::Fixed(&[
            "alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer",
        ]),
    },
    SpeakingProvider {
        name: "generic-openai",
        protocol: SpeakingProtocol::OpenAi,
        base: Base::Setting("TTS_OPEN_AI_COMPATIBLE_ENDPOINT", ""),
        key: Key::Optional("TTS_OPEN_AI_COMPATIBLE_KEY"),
        model: "TTS_OPEN_AI_COMPATIBLE_MODEL",
        usual_model: "tts-1",
        voice: "TTS_OPEN_AI_COMPATIBLE_VOICE_MODEL",
        usual_voice: None,
        voices: VoiceList::At("audio/voices"),
    },
    SpeakingProvider {
        name: "elevenlabs",
        protocol: SpeakingProtocol::ElevenLabs,
        base: Base::Fixed("https://api.elevenlabs.io/v1"),
        key: Key::Required("TTS_ELEVEN_LABS_KEY"),
        model: "",
        usual_model: "eleven_multilingual_v2",
        voice: "TTS_ELEVEN_LABS_VOICE_MODEL",
        usual_voice: Some("21m00Tcm4TlvDq8ikWAM"),
        voices: VoiceList::At("voices"),
    },
    SpeakingProvider {
        name: "kokoro",
        protocol: SpeakingProtocol::OpenAi,
        base: Base::Setting("TTS_KOKORO_ENDPOINT", "/v1"),
        key: Key::Optional("TTS_KOKORO_KEY"),
        model: "",
        usual_model: "kokoro",
        voice: "TTS_KOKORO_VOICE_MODEL",
        usual_voice: Some("af_bella"),
        voices: VoiceList::At("audio/voices"),
    },
];

#[cfg(test)]
mod tests;
