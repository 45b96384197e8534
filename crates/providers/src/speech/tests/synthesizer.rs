//! Speech synthesis.
use carrel_domain::speech::{AudioFormat, SpeechRequest, SpeechSynthesizer, Speed};
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use serde_json::json;

use crate::endpoint::Endpoint;
use crate::refusal::Hints;
use crate::speech::synthesizer::{RemoteSynthesizer, SERVICE};
use crate::speech::{SPEAKING, SpeakingProtocol};
use crate::testing::{Reply, Server, response};

fn model(base: &str, name: &str) -> RemoteSynthesizer {
    let http = crate::Http::new().unwrap();
    let hints = Hints { base: "THE_BASE", key: "THE_KEY" };
    let key = Some("secret-1234".into());
    let mut endpoint = Endpoint::new(&http, base, key, SERVICE, hints).unwrap();
    let row = SPEAKING.iter().find(|row| row.name == name).unwrap();
    if row.protocol == SpeakingProtocol::ElevenLabs {
        endpoint = endpoint.with_key_in("xi-api-key");
    }
    endpoint.deadlines.patience = std::time::Duration::from_secs(2);
    RemoteSynthesizer::new(endpoint, row.usual_model.into(), "rachel".into(), *row)
}

fn words(format: AudioFormat) -> SpeechRequest {
    let text = "The sea roars.".to_owned();
    SpeechRequest { text, voice: None, format, speed: Speed::default(), instructions: None }
}

async fn spoken(model: &RemoteSynthesizer, request: SpeechRequest) -> Result<Vec<u8>> {
    let mut audio = model.speak(request).await?.audio;
    let mut whole = Vec::new();
    while let Some(piece) = audio.next().await {
        whole.extend(piece?);
    }
    Ok(whole)
}

fn sound() -> Reply {
    response("200 OK", "audio/mpeg", "ID3 waves")
}

#[tokio::test]
async fn speech_is_requested_with_openais_protocol() {
    for (name, of) in [("openai", "tts-1"), ("generic-openai", "tts-1"), ("kokoro", "kokoro")] {
        let server = Server::start(vec![sound()]).await;
        let mut request = words(AudioFormat::Mp3);
        request.speed = Speed::new(1.5).unwrap();
        request.instructions = Some("Softly.".into());
        let sound = spoken(&model(&server.url, name), request).await.unwrap();
        assert_eq!(sound, b"ID3 waves");
        let sent = server.requests().remove(0);
        assert!(sent.starts_with("POST /audio/speech "), "{sent}");
        assert!(sent.contains("authorization: Bearer secret-1234"), "{sent}");
        let (_, body) = sent.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let expected = json!({ "model": of, "voice": "rachel", "input": "The sea roars.",
            "response_format": "mp3", "speed": 1.5, "instructions": "Softly." });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn elevenlabs_has_a_protocol_of_its_own() {
    for (format, named) in [
        (AudioFormat::Mp3, "mp3_44100_128"),
        (AudioFormat::Opus, "opus_48000_64"),
        (AudioFormat::Pcm, "pcm_24000"),
    ] {
        let server = Server::start(vec![sound()]).await;
        spoken(&model(&server.url, "elevenlabs"), words(format)).await.unwrap();
        let sent = server.requests().remove(0);
        let path = format!("POST /text-to-speech/rachel/stream?output_format={named} ");
        assert!(sent.starts_with(&path), "{sent}");
        assert!(sent.contains("xi-api-key: secret-1234"), "{sent}");
        assert!(sent.contains(r#""model_id":"eleven_multilingual_v2""#), "{sent}");
        assert!(sent.contains(r#""text":"The sea roars.""#), "{sent}");
    }
    let unreachable = model("http://127.0.0.1:9/", "elevenlabs");
    let mut fast = words(AudioFormat::Mp3);
    fast.speed = Speed::new(2.0).unwrap();
    let mut traversal = words(AudioFormat::Mp3);
    traversal.voice = Some("../../v1/user".into());
    for (request, wrong) in [(fast, "speed"), (traversal, "voice")] {
        let refused = spoken(&unreachable, request).await;
        assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == wrong));
    }
}

#[tokio::test]
async fn voices_are_read_in_every_known_form() {
    let objects = json!({ "voices": [
        { "voice_id": "b1", "name": "Rachel", "labels": { "language": "en" } },
        { "voice_id": "a1", "name": "Adam" }, { "name": "" }, 5] });
    let texts = json!({ "voices": ["bf_emma", "af_bella"] });
    for (name, body, ids) in
        [("elevenlabs", objects, ["a1", "b1"]), ("kokoro", texts, ["af_bella", "bf_emma"])]
    {
        let server =
            Server::start(vec![response("200 OK", "application/json", &body.to_string())]).await;
        let voices = model(&server.url, name).voices().await.unwrap();
        assert_eq!(voices.iter().map(|voice| voice.id.as_str()).collect::<Vec<_>>(), ids);
    }
    let server = Server::start(vec![response("404 Not Found", "text/plain", "no")]).await;
    let own = model(&server.url, "generic-openai").voices().await.unwrap();
    assert_eq!((own.len(), own[0].id.as_str()), (1, "rachel"));
    let openai = model("http://127.0.0.1:9/", "openai").voices().await.unwrap();
    assert!(openai.iter().any(|voice| voice.id == "alloy"));
}

#[tokio::test]
async fn responses_without_audio_are_refused_with_the_reason() {
    for (status, body, words_in) in [
        ("200 OK", "<h1>Hello</h1>", "a web page"),
        ("200 OK", r#"{"error":"x"}"#, "JSON instead of audio"),
        ("200 OK", "", "contains no audio"),
        ("401 Unauthorized", "secret-1234 is wrong", "check THE_KEY"),
        ("500 Internal Server Error", "", "it failed"),
    ] {
        let server = Server::start(vec![response(status, "text/plain", body)]).await;
        let refused = spoken(&model(&server.url, "openai"), words(AudioFormat::Mp3)).await;
        let error = refused.unwrap_err();
        assert!(matches!(&error, Error::Unavailable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(words_in) && !text.contains("secret-1234"), "{text}");
    }
    let unknown = r#"{"error":{"message":"Voice 'x' is not there"}}"#;
    let server =
        Server::start(vec![response("400 Bad Request", "application/json", unknown)]).await;
    let refused = spoken(&model(&server.url, "kokoro"), words(AudioFormat::Mp3)).await;
    assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == "voice"));
}

#[tokio::test]
async fn endless_audio_and_silence_are_aborted() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\n\r\n".to_vec();
    let server = Server::start(vec![Reply::Endless(head.clone(), vec![7; 1 << 20])]).await;
    let outcome = spoken(&model(&server.url, "openai"), words(AudioFormat::Mp3)).await;
    assert!(outcome.unwrap_err().to_string().contains("is longer than"));
    let wait = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(vec![Reply::Bytes(wait.to_vec()), sound()]).await;
    spoken(&model(&server.url, "openai"), words(AudioFormat::Mp3)).await.unwrap();
    assert_eq!(server.requests().len(), 2);
}
