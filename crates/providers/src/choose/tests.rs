//! Creating models from valid and invalid settings.
use carrel_domain::speech::RecordingKind;
use carrel_domain::{Error, Result};

use super::*;

fn chat(settings: &[(&str, &str)], provider: &str, model: &str) -> Result<ModelName> {
    let settings = |name: &str| {
        settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let non_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let choice = ModelChoice { provider: non_empty(provider), model: non_empty(model) };
    let http = Http::new().unwrap();
    chat_model(&settings, &choice, &http).map(|model| model.name())
}

fn embedding(settings: &[(&str, &str)]) -> Result<Option<carrel_domain::model::EmbeddingModel>> {
    let settings = |name: &str| {
        settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let http = Http::new().unwrap();
    Ok(embedder(&settings, &http)?.map(|embedder| embedder.model()))
}

const GENERIC: &[(&str, &str)] = &[
    ("LLM_PROVIDER", "generic-openai"),
    ("GENERIC_OPEN_AI_BASE_PATH", "http://127.0.0.1:1/v1"),
    ("GENERIC_OPEN_AI_MODEL_PREF", "m-1"),
    ("GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT", "8000"),
];

#[test]
fn without_settings_the_built_in_answerer_is_used() {
    for settings in [&[][..], &[("LLM_PROVIDER", " ")], &[("LLM_PROVIDER", "extractive")]] {
        assert_eq!(chat(settings, "", "").unwrap().provider, "extractive");
    }
    assert_eq!(chat(GENERIC, "extractive", "").unwrap().model, "extractive");
}

#[test]
fn a_workspace_overrides_provider_and_model() {
    let name = chat(GENERIC, "", "").unwrap();
    let expected =
        ModelName { provider: "generic-openai".into(), model: "m-1".into(), window: 8000 };
    assert_eq!(name, expected);
    assert_eq!(chat(GENERIC, "", "m-2").unwrap().model, "m-2");
    let keyed = [GENERIC, &[("ANTHROPIC_API_KEY", "k")]].concat();
    assert_eq!(chat(&keyed, "anthropic", "claude").unwrap().provider, "anthropic");
}

#[test]
fn every_provider_is_configured_by_its_settings_alone() {
    let http = Http::new().unwrap();
    for row in PROVIDERS {
        let any = |name: &str| {
            Some(if name.ends_with("BASE_PATH") || name.ends_with("ENDPOINT") {
                "http://127.0.0.1:1".to_owned()
            } else if ["_LIMIT", "_MS", "_MINUTE"].iter().any(|end| name.ends_with(end)) {
                "5000".to_owned()
            } else if name.ends_with("REGION") {
                "eu-west-1".to_owned()
            } else {
                name.to_owned()
            })
        };
        let choice = ModelChoice { provider: Some(row.name.into()), model: None };
        let model = chat_model(&any, &choice, &http).unwrap();
        assert_eq!(model.name().provider, row.name);
        assert!(!row.window.is_empty() || model.name().window == row.usual_window);
    }
}

#[test]
fn a_region_is_part_of_the_address_and_nothing_else() {
    let bedrock = |region: &str| {
        let settings = [
            ("AWS_BEDROCK_LLM_REGION", region),
            ("AWS_BEDROCK_LLM_API_KEY", "k"),
            ("AWS_BEDROCK_LLM_MODEL_PREFERENCE", "m"),
        ];
        chat(&settings, "bedrock", "")
    };
    assert_eq!(bedrock("eu-west-1").unwrap().model, "m");
    for wrong in ["evil.example/", "a@b", "x#", "eu west"] {
        let words = bedrock(wrong).unwrap_err().to_string();
        assert!(words.contains("AWS_BEDROCK_LLM_REGION is not a region"), "{words}");
    }
}

#[test]
fn an_unknown_provider_is_refused_with_the_known_ones() {
    let error = chat(&[], "nonsense", "").unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }));
    let words = error.to_string();
    assert!(words.starts_with("chatProvider: there is no provider `nonsense`"), "{words}");
    assert!(words.contains("extractive, generic-openai, openai, azure"), "{words}");
    let words = chat(&[("LLM_PROVIDER", "nonsense")], "", "").unwrap_err().to_string();
    assert!(words.starts_with("LLM_PROVIDER: "), "{words}");
}

#[test]
fn missing_and_unusable_settings_are_named() {
    for (settings, words) in [
        (&[("LLM_PROVIDER", "openai")][..], "OPEN_MODEL_PREF is not set"),
        (&[("LLM_PROVIDER", "openai"), ("OPEN_MODEL_PREF", "m")], "OPEN_AI_KEY is not set"),
        (&GENERIC[..1], "GENERIC_OPEN_AI_MODEL_PREF is not set"),
        (&[GENERIC[0], GENERIC[2]], "GENERIC_OPEN_AI_BASE_PATH is not set"),
        (
            &[GENERIC[0], ("GENERIC_OPEN_AI_BASE_PATH", "file:///etc"), GENERIC[2]],
            "not an address of http",
        ),
        (
            &[GENERIC[0], ("GENERIC_OPEN_AI_BASE_PATH", "localhost:1"), GENERIC[2]],
            "not an address of http",
        ),
        (
            &[GENERIC[0], GENERIC[1], GENERIC[2], ("GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT", "many")],
            "whole number",
        ),
        (
            &[GENERIC[0], GENERIC[1], GENERIC[2], ("GENERIC_OPEN_AI_API_KEY", "a\nb")],
            "not allowed in a key",
        ),
    ] {
        let error = chat(settings, "", "").unwrap_err();
        assert!(matches!(&error, Error::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[test]
fn embedding_stays_inside_the_process_unless_an_engine_is_named() {
    assert_eq!(embedding(&[]).unwrap(), None);
    assert_eq!(embedding(&[("EMBEDDING_ENGINE", "native")]).unwrap(), None);
    let model = embedding(&[
        ("EMBEDDING_ENGINE", "generic-openai"),
        ("EMBEDDING_BASE_PATH", "http://127.0.0.1:1/v1"),
        ("EMBEDDING_MODEL_PREF", "e-1"),
        ("EMBEDDING_MODEL_MAX_CHUNK_LENGTH", "700"),
    ]);
    let model = model.unwrap().unwrap();
    assert_eq!((model.name.as_str(), model.longest_text), ("e-1", 700));
    let missing = embedding(&[("EMBEDDING_ENGINE", "openai")]).unwrap_err().to_string();
    assert!(
        missing.contains("the embedding service") && missing.contains("OPEN_AI_KEY"),
        "{missing}"
    );
    assert!(matches!(embedding(&[("EMBEDDING_ENGINE", "x")]), Err(Error::Invalid { .. })));
}

#[test]
fn an_image_size_must_be_valid_or_absent() {
    let painter = |size: &str| {
        let settings = |name: &str| {
            let value = match name {
                "IMAGE_GEN_PROVIDER" => "openai",
                "IMAGE_GEN_OPENAI_KEY" => "sk-1",
                "IMAGE_GEN_SIZE_PREF" => size,
                _ => return None,
            };
            Some(value.to_owned())
        };
        image_model(&settings, &Http::new().unwrap()).map(|model| model.name())
    };
    for good in ["512x512", "auto", ""] {
        assert_eq!(painter(good).unwrap(), "gpt-image-1", "{good}");
    }
    let message = painter("huge").unwrap_err().to_string();
    assert!(message.contains("IMAGE_GEN_SIZE_PREF must be a size"), "{message}");
}

/// Returns the provider and model for transcription with the given settings; `None` if it runs inside
/// this process.
fn transcriber_of(
    kind: RecordingKind,
    settings: &[(&str, &str)],
) -> Result<Option<(String, String)>> {
    let lookup = |name: &str| {
        let found = settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let found = speech::transcriber(&lookup, kind, &Http::new().unwrap())?;
    Ok(found.map(|model| (model.name().provider, model.name().model)))
}

#[test]
fn transcription_stays_inside_the_process_unless_a_provider_is_named() {
    let dictation = |settings: &[(&str, &str)]| transcriber_of(RecordingKind::Dictation, settings);
    assert_eq!(dictation(&[]).unwrap(), None);
    assert_eq!(dictation(&[("STT_PROVIDER", "native")]).unwrap(), None);
    let openai = dictation(&[("STT_PROVIDER", "openai"), ("OPEN_AI_KEY", "sk-1")]);
    assert_eq!(openai.unwrap(), Some(("openai".into(), "whisper-1".into())));
    let groq = [("STT_PROVIDER", "groq"), ("STT_GROQ_API_KEY", "k"), ("STT_GROQ_MODEL", "m")];
    assert_eq!(dictation(&groq).unwrap(), Some(("groq".into(), "m".into())));
    for (provider, words) in [
        ("deepgram", "STT_DEEPGRAM_API_KEY is not set"),
        ("lemonade", "STT_LEMONADE_MODEL_PREF is not set"),
        ("generic-openai", "STT_OPEN_AI_COMPATIBLE_MODEL is not set"),
    ] {
        let error = dictation(&[("STT_PROVIDER", provider)]).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(matches!(dictation(&[("STT_PROVIDER", "x")]), Err(Error::Invalid { .. })));

    let documents = |settings: &[(&str, &str)]| transcriber_of(RecordingKind::Document, settings);
    assert_eq!(documents(&[("WHISPER_PROVIDER", "local")]).unwrap(), None);
    let own = documents(&[("WHISPER_PROVIDER", "groq"), ("STT_GROQ_API_KEY", "k")]);
    assert!(own.unwrap_err().to_string().contains("GROQ_API_KEY is not set"), "keys are not mixed");
}

#[test]
fn synthesis_stays_inside_the_process_unless_a_provider_is_named() {
    let speaking = |settings: &[(&str, &str)]| {
        let lookup = |name: &str| {
            let found = settings.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = speech::synthesizer(&lookup, &Http::new().unwrap())?;
        Ok::<_, Error>(found.map(|model| (model.name().model, model.usual_voice())))
    };
    for inside in ["", "native", "piper_local"] {
        assert_eq!(speaking(&[("TTS_PROVIDER", inside)]).unwrap(), None);
    }
    let kokoro = [("TTS_PROVIDER", "kokoro"), ("TTS_KOKORO_ENDPOINT", "http://127.0.0.1:9")];
    assert_eq!(speaking(&kokoro).unwrap(), Some(("kokoro".into(), "af_bella".into())));
    let eleven = |voice| {
        let key = ("TTS_ELEVEN_LABS_KEY", "k");
        speaking(&[("TTS_PROVIDER", "elevenlabs"), key, ("TTS_ELEVEN_LABS_VOICE_MODEL", voice)])
    };
    assert_eq!(eleven("abc1").unwrap().unwrap().1, "abc1");
    assert!(eleven("../user").unwrap_err().to_string().contains("must be the id of a voice"));
    let missing = speaking(&[("TTS_PROVIDER", "openai")]).unwrap_err().to_string();
    assert!(missing.contains("TTS_OPEN_AI_KEY is not set"), "{missing}");
    assert!(matches!(speaking(&[("TTS_PROVIDER", "x")]), Err(Error::Invalid { .. })));
}
