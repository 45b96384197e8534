//! Transcription of recordings.
use std::io::Write;

use carrel_domain::Error;
use carrel_domain::speech::{
    Recording, SpokenLanguage, Transcriber, Transcript, TranscriptionRequest, TranscriptionTask,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::endpoint::Endpoint;
use crate::refusal::Hints;
use crate::speech::transcriber::{RemoteTranscriber, SERVICE};
use crate::speech::{DICTATION, HearingProtocol};
use crate::testing::{Reply, Server, response};

fn model(base: &str, name: &str, model: &str) -> RemoteTranscriber {
    let http = crate::Http::new().unwrap();
    let hints = Hints { base: "THE_BASE", key: "THE_KEY" };
    let key = Some("secret-1234".into());
    let mut endpoint = Endpoint::new(&http, base, key, SERVICE, hints).unwrap();
    let row = DICTATION.iter().find(|row| row.name == name).unwrap();
    if row.protocol == HearingProtocol::Deepgram {
        endpoint = endpoint.with_key_after("Token");
    }
    endpoint.deadlines.patience = std::time::Duration::from_secs(2);
    RemoteTranscriber { endpoint, model: model.into(), row: *row }
}

/// Returns a recording in a file that exists as long as the first value.
fn recording() -> (NamedTempFile, TranscriptionRequest) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(b"RIFF the sound of waves").unwrap();
    let (content, name) = (file.path().to_owned(), "waves.wav".to_owned());
    let recording = Recording { content, length: 23, name };
    (file, TranscriptionRequest::of(recording))
}

async fn transcribe(
    model: &RemoteTranscriber,
    request: TranscriptionRequest,
) -> Result<Transcript, Error> {
    let mut parts = model.transcribe(request).await?;
    let mut transcript = Transcript::default();
    while let Some(part) = parts.next().await {
        transcript.push(part?);
    }
    Ok(transcript)
}

fn json(body: &Value) -> Reply {
    response("200 OK", "application/json", &body.to_string())
}

fn verbose() -> Value {
    json!({
        "task": "transcribe", "language": "english", "duration": 4.5, "text": "The sea. It roars.",
        "segments": [
            { "id": 0, "seek": 0, "start": 0.0, "end": 2.0, "text": " The sea.", "tokens": [50364, 440],
              "temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 0.75, "no_speech_prob": 0.5 },
            { "id": 1, "seek": 0, "start": 2.0, "end": 4.5, "text": " It roars.", "tokens": [],
              "temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 0.75, "no_speech_prob": 0.5 },
        ],
        "words": [{ "word": "The", "start": 0.1, "end": 0.4 }, { "word": "sea", "start": 0.4, "end": 1.0 },
            { "word": "It", "start": 2.0, "end": 2.2 }, { "word": "roars", "start": 2.2, "end": 4.0 }],
    })
}

#[tokio::test]
async fn a_recording_is_sent_with_all_options() {
    for (name, of) in
        [("openai", "whisper-1"), ("generic-openai", "w"), ("groq", "whisper-large-v3")]
    {
        let server = Server::start(vec![json(&verbose())]).await;
        let (_file, mut request) = recording();
        request.language = SpokenLanguage::parse("en").ok();
        (request.prompt, request.temperature) = (Some("Waves at Dover.".into()), Some(0.5));
        request.words = true;
        let transcript = transcribe(&model(&server.url, name, of), request).await.unwrap();
        assert_eq!(transcript.text(), "The sea. It roars.");
        assert_eq!((transcript.language.as_deref(), transcript.duration), (Some("english"), 4.5));
        let words: Vec<_> =
            transcript.segments[1].words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!((transcript.segments[0].words.len(), words), (2, vec!["It", "roars"]));
        let scores = transcript.segments[0].scores.as_ref().unwrap();
        assert_eq!(
            (scores.tokens.as_slice(), scores.no_speech_probability),
            (&[50364, 440][..], 0.5)
        );
        let sent = server.requests().remove(0);
        assert!(sent.starts_with("POST /audio/transcriptions "), "{sent}");
        assert!(sent.contains("authorization: Bearer secret-1234"), "{sent}");
        for (field, value) in [
            ("model", of),
            ("response_format", "verbose_json"),
            ("language", "en"),
            ("prompt", "Waves at Dover."),
            ("temperature", "0.5"),
            ("timestamp_granularities[]", "word"),
        ] {
            assert!(
                sent.contains(&format!("name=\"{field}\"\r\n\r\n{value}\r\n")),
                "{field} {sent}"
            );
        }
        assert!(sent.contains("filename=\"waves.wav\"\r\nContent-Type: audio/wav"), "{sent}");
        assert!(sent.contains("RIFF the sound of waves\r\n"), "{sent}");
    }
}

#[tokio::test]
async fn text_only_models_are_not_asked_for_times() {
    for (name, of) in [("openai", "gpt-4o-mini-transcribe"), ("lemonade", "Whisper-Tiny")] {
        let reply = json!({ "text": "The sea.", "usage": { "type": "duration", "seconds": 3 } });
        let server = Server::start(vec![json(&reply)]).await;
        let (_file, mut request) = recording();
        request.words = true;
        let transcript = transcribe(&model(&server.url, name, of), request).await.unwrap();
        assert_eq!((transcript.text().as_str(), transcript.duration), ("The sea.", 3.0));
        let sent = server.requests().remove(0);
        assert!(sent.contains("name=\"response_format\"\r\n\r\njson\r\n"), "{sent}");
        assert!(!sent.contains("granularities"), "{sent}");
    }
}

#[tokio::test]
async fn a_server_without_times_is_asked_again_for_text_only() {
    let refusal = r#"{"error":{"message":"response_format must be json"}}"#;
    let refusal = response("400 Bad Request", "application/json", refusal);
    let server = Server::start(vec![refusal, json(&json!({ "text": "The sea." }))]).await;
    let (_file, request) = recording();
    let transcript = transcribe(&model(&server.url, "generic-openai", "w"), request).await.unwrap();
    assert_eq!(transcript.text(), "The sea.");
    assert!(server.requests()[1].contains("RIFF the sound of waves"));
}

#[tokio::test]
async fn translations_have_their_own_path_and_some_providers_have_none() {
    let server = Server::start(vec![json(&verbose())]).await;
    let (_file, mut request) = recording();
    (request.task, request.language) =
        (TranscriptionTask::Translate, SpokenLanguage::parse("de").ok());
    transcribe(&model(&server.url, "openai", "whisper-1"), request.clone()).await.unwrap();
    let sent = server.requests().remove(0);
    assert!(sent.starts_with("POST /audio/translations "), "{sent}");
    assert!(!sent.contains("name=\"language\""), "{sent}");
    for name in ["deepgram", "lemonade"] {
        let refused = transcribe(&model("http://127.0.0.1:9/", name, "m"), request.clone()).await;
        assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == "model"), "{name}");
    }
}

#[tokio::test]
async fn deepgram_receives_only_the_recording() {
    let reply = json!({
        "metadata": { "duration": 4.5 },
        "results": {
            "channels": [{ "detected_language": "en",
                "alternatives": [{ "transcript": "The sea. It roars.", "words": [] }] }],
            "utterances": [
                { "start": 0.5, "end": 1.0, "transcript": "The sea.", "words": [
                    { "word": "sea", "punctuated_word": "sea.", "start": 0.75, "end": 1.0 }] },
                { "start": 2.0, "end": 4.0, "transcript": "It roars.", "words": [] },
            ],
        },
    });
    let server = Server::start(vec![json(&reply)]).await;
    let (_file, request) = recording();
    let transcript = transcribe(&model(&server.url, "deepgram", "nova-3"), request).await.unwrap();
    assert_eq!((transcript.text().as_str(), transcript.duration), ("The sea. It roars.", 4.5));
    assert_eq!(
        (transcript.segments.len(), transcript.segments[0].words[0].text.as_str()),
        (2, "sea.")
    );
    let sent = server.requests().remove(0);
    let path = "/listen?model=nova-3&smart_format=true&utterances=true&detect_language=true";
    assert!(sent.starts_with(&format!("POST {path} ")), "{sent}");
    assert!(sent.contains("authorization: Token secret-1234"), "{sent}");
    assert!(sent.contains("content-type: audio/wav"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nRIFF the sound of waves"), "{sent}");
}

#[tokio::test]
async fn a_retry_sends_the_whole_recording() {
    let wait = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(vec![Reply::Bytes(wait.to_vec()), json(&verbose())]).await;
    let (_file, request) = recording();
    transcribe(&model(&server.url, "groq", "w"), request).await.unwrap();
    let sent = server.requests();
    assert_eq!(sent.len(), 2);
    assert!(sent[1].contains("RIFF the sound of waves"), "{}", sent[1]);
}

#[tokio::test]
async fn refusals_and_invalid_responses_are_distinguished() {
    let refusals = [
        (
            "400 Bad Request",
            r#"{"error":{"message":"Invalid file format."}}"#,
            "Invalid file format",
        ),
        ("413 Payload Too Large", "{}", "refuses the recording"),
    ];
    for (status, body, words) in refusals {
        let server = Server::start(vec![response(status, "application/json", body)]).await;
        let (_file, request) = recording();
        let error =
            transcribe(&model(&server.url, "openai", "whisper-1"), request).await.unwrap_err();
        let is_unprocessable = matches!(&error, Error::Unprocessable { .. });
        assert!(is_unprocessable && error.to_string().contains(words), "{error}");
    }
    let failures = [
        ("401 Unauthorized", "secret-1234 is wrong", "check THE_KEY"),
        ("200 OK", "<h1>Hello</h1>", "a web page"),
        ("200 OK", "{}", "contains no transcript"),
        ("200 OK", "null", "contains no transcript"),
        ("200 OK", "[1", "not the JSON expected"),
    ];
    for (status, body, words) in failures {
        let server = Server::start(vec![response(status, "application/json", body)]).await;
        let (_file, request) = recording();
        let error =
            transcribe(&model(&server.url, "openai", "whisper-1"), request).await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(words) && !text.contains("secret-1234"), "{text}");
    }
}

#[tokio::test]
async fn a_silent_provider_times_out() {
    let server = Server::start(vec![Reply::ThenSilence(Vec::new())]).await;
    let mut model = model(&server.url, "openai", "whisper-1");
    model.endpoint.deadlines.first = std::time::Duration::from_millis(200);
    let (_file, request) = recording();
    let error = transcribe(&model, request).await.unwrap_err().to_string();
    assert!(error.contains("sent nothing for"), "{error}");
}
