//! Tests of forms and bodies for speech.
use std::io::Write;

use serde_json::json;

use super::*;

fn order(fields: &[(&str, &str)], task: TranscriptionTask) -> Result<TranscriptionOrder> {
    let mut content = NamedTempFile::new().unwrap();
    content.write_all(b"RIFF").unwrap();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let fields = fields.iter().map(owned).collect();
    let upload = ReceivedUpload { name: "a\u{7}.wav".into(), content, digest: [0; 32], fields };
    read(upload, task).map(|(order, _)| order)
}

#[test]
fn a_form_is_read_with_all_options() {
    let order = order(
        &[
            ("model", "whisper-1"),
            ("language", "DE"),
            ("prompt", " Waves. "),
            ("temperature", "0.25"),
            ("response_format", "verbose_json"),
            ("timestamp_granularities[]", "word"),
            ("timestamp_granularities[]", "segment"),
            ("chunking_strategy", "auto"),
            ("stream", "false"),
            ("user", "somebody"),
        ],
        TranscriptionTask::Transcribe,
    );
    let order = order.unwrap();
    assert_eq!(order.request.language.unwrap().as_str(), "de");
    assert_eq!(order.request.prompt.as_deref(), Some("Waves."));
    assert_eq!(order.request.temperature, Some(0.25));
    assert_eq!(order.request.recording.name, "a.wav");
    assert!(order.request.words && order.answer.words && order.answer.segments && !order.streams);
}

#[test]
fn segments_are_returned_unless_only_words_are_requested() {
    for (fields, segments, words) in [
        (&[("response_format", "verbose_json")][..], true, false),
        (&[("response_format", "verbose_json"), ("timestamp_granularities", "word")], false, true),
    ] {
        let order = order(fields, TranscriptionTask::Transcribe).unwrap();
        assert_eq!((order.answer.segments, order.answer.words), (segments, words));
    }
}

#[test]
fn unsupported_options_are_refused_by_name() {
    let long = "x".repeat(LONGEST_PROMPT + 1);
    for (field, value) in [
        ("language", "english"),
        ("prompt", long.as_str()),
        ("response_format", "diarized_json"),
        ("temperature", "1.5"),
        ("temperature", "NaN"),
        ("timestamp_granularities[]", "segment"),
        ("timestamp_granularities[]", "letter"),
        ("stream", "maybe"),
        ("include[]", "logprobs"),
        ("known_speaker_names[]", "Ada"),
        ("chunking_strategy", "never"),
    ] {
        let refused = order(&[(field, value)], TranscriptionTask::Transcribe);
        let name = field.trim_end_matches("[]");
        let is_named = matches!(&refused, Err(Error::Invalid { field, .. }) if field == name);
        assert!(is_named, "{field}");
    }
    let streamed = [("stream", "true"), ("response_format", "srt")];
    assert!(order(&streamed, TranscriptionTask::Transcribe).is_err());
    // Translations ignore both fields.
    let order = order(&[("language", "xxxxx"), ("stream", "true")], TranscriptionTask::Translate);
    assert!(!order.unwrap().streams);
}

#[test]
fn only_known_models_are_accepted() {
    let configured = SpeechModelName { provider: "groq".into(), model: "large".into() };
    for known in [None, Some("large"), Some("groq/large"), Some("whisper-1")] {
        assert_eq!(unknown_model(known, &configured, &HEARING), None, "{known:?}");
    }
    let refusal = unknown_model(Some("small"), &configured, &HEARING).unwrap();
    assert!(refusal.contains("`small`") && refusal.contains("large"), "{refusal}");
}

#[test]
fn a_speech_body_is_read_and_an_invalid_one_refused() {
    let read = |body| serde_json::from_value::<SpeechBody>(body).unwrap().order();
    let order = read(json!({ "model": "tts-1", "input": "Hello", "voice": { "id": "v1" },
        "response_format": "wav", "speed": 2, "instructions": "Softly", "stream_format": "sse" }));
    let order = order.unwrap();
    assert_eq!(order.request.voice.as_deref(), Some("v1"));
    assert_eq!((order.request.speed.factor(), order.as_events), (2.0, true));
    for (body, field) in [
        (json!({}), "input"),
        (json!({ "input": " " }), "input"),
        (json!({ "input": 5 }), "input"),
        (json!({ "input": "x", "voice": 5 }), "voice"),
        (json!({ "input": "x", "response_format": "midi" }), "response_format"),
        (json!({ "input": "x", "speed": 5 }), "speed"),
        (json!({ "input": "x", "speed": "1" }), "speed"),
        (json!({ "input": "x", "stream_format": "fax" }), "stream_format"),
    ] {
        let refused = read(body.clone());
        assert!(
            matches!(&refused, Err(Error::Invalid { field: named, .. }) if named == field),
            "{body}"
        );
    }
}
