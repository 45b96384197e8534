//! Speech to text and text to speech at both mounts, by a provider with OpenAI's protocol.
use anyhow::{Context, Result};
use e2e::model_server::ModelServer;
use e2e::{Answer, Backend, Client, Options, TestServer, model_server, on_both_databases, send};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

on_both_databases!(a_recording_is_transcribed_and_counted, an_answer_is_spoken_once_and_cached,);

const MOUNTS: [&str; 2] = ["/v1", "/api/v1"];
const HEARD: &str = "Good morning. I heard 100 bytes.";

/// Returns options with the model server as transcriber and voice.
pub fn configured(backend: Backend, model: &ModelServer) -> Options {
    Options::from(backend)
        .with("STT_PROVIDER", "generic-openai")
        .with("STT_OPEN_AI_COMPATIBLE_ENDPOINT", model.base_url())
        .with("STT_OPEN_AI_COMPATIBLE_MODEL", "ear")
        .with("STT_OPEN_AI_COMPATIBLE_KEY", "secret-of-the-ear")
        .with("TTS_PROVIDER", "generic-openai")
        .with("TTS_OPEN_AI_COMPATIBLE_ENDPOINT", model.base_url())
        .with("TTS_OPEN_AI_COMPATIBLE_MODEL", "mouth")
        .with("TTS_OPEN_AI_COMPATIBLE_VOICE_MODEL", "ada")
        .with("LLM_PROVIDER", "generic-openai")
        .with("GENERIC_OPEN_AI_BASE_PATH", model.base_url())
        .with("GENERIC_OPEN_AI_MODEL_PREF", "echo")
}

fn recording(length: usize) -> Part {
    Part::bytes([b"RIFF", vec![0; length - 4].as_slice()].concat()).file_name("morning.wav")
}

async fn hear(client: &Client, path: &str, form: Form) -> Result<Answer> {
    send(client.request(Method::POST, path).multipart(form)).await
}

async fn bytes(client: &Client, path: &str) -> Result<Vec<u8>> {
    let response = client.request(Method::GET, path).send().await?.error_for_status()?;
    Ok(response.bytes().await?.to_vec())
}

async fn sound(client: &Client, path: &str, body: &Value) -> Result<(u16, String, Vec<u8>)> {
    let response = client.request(Method::POST, path).json(body).send().await?;
    let kind = response.headers()["content-type"].to_str()?.to_owned();
    Ok((response.status().as_u16(), kind, response.bytes().await?.to_vec()))
}

async fn a_recording_is_transcribed_and_counted(backend: Backend) -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(configured(backend, &model)).await?;
    let admin = server.admin();
    for mount in MOUNTS {
        let path = format!("{mount}/openai/audio/transcriptions");
        let form = Form::new().part("file", recording(100)).text("model", "whisper-1");
        let transcript = hear(admin, &path, form.text("language", "en")).await?.ok()?;
        assert_eq!(transcript["text"], HEARD);
        assert_eq!(transcript["usage"], json!({ "type": "duration", "seconds": 91 }));
        let request = model.received().pop().context("nothing was asked")?;
        assert_eq!(request.authorization.as_deref(), Some("Bearer secret-of-the-ear"));
        assert_eq!(
            (&request.body["model"], &request.body["language"], &request.body["files"]),
            (&json!("ear"), &json!("en"), &json!(1))
        );
        let models = admin.get(&format!("{mount}/audio/models")).await?.ok()?;
        assert_eq!(
            (&models["data"][0]["id"], &models["data"][1]["id"]),
            (&json!("ear"), &json!("mouth"))
        );
        let voices = admin.get(&format!("{mount}/audio/voices")).await?.ok()?;
        assert_eq!(voices["voices"][1], json!({ "id": "bob", "name": "bob", "languages": [] }));
    }
    let log = admin.get("/v1/admin/event-logs").await?.ok()?;
    let of = |name: &str| -> Vec<Value> {
        let events = log["events"].as_array().cloned().unwrap_or_default();
        events.into_iter().filter(|event| event["event"] == name).collect()
    };
    let events = of("speech_transcribed");
    assert_eq!(events.len(), 2, "{log}");
    assert!(events[0].to_string().contains("91"), "{}", events[0]);
    assert!(!log.to_string().contains("Good morning"), "what was said is in the log");
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

async fn an_answer_is_spoken_once_and_cached(backend: Backend) -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(configured(backend, &model)).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let question = json!({ "message": "**Who** is there [1]?", "mode": "chat" });
    let answer = admin.post("/v1/workspace/alpha/chat", question).await?.ok()?;
    let id = answer["chatId"].as_i64().context("no id")?;
    let spoken =
        || model.received().into_iter().filter(|one| one.path == "/v1/audio/speech").count();
    let path = format!("/v1/workspace/alpha/chat/{id}/speech");

    let first = admin.request(Method::GET, &path).send().await?;
    assert_eq!(first.headers()["content-type"], "audio/mpeg");
    let first_sound = first.bytes().await?;
    assert_eq!(&first_sound[..], b"[mp3 ada]You asked: Who is there? I was given no passage.");
    assert_eq!(spoken(), 1);
    let part = admin.request(Method::GET, &path).header("range", "bytes=5-7").send().await?;
    assert_eq!((part.status().as_u16(), &part.bytes().await?[..]), (206, &b"ada"[..]));
    let whole = bytes(admin, &path.replacen("/v1", "/api/v1", 1)).await?;
    assert_eq!((whole, spoken()), (first_sound.to_vec(), 1));

    let wav = bytes(admin, &format!("{path}?format=wav&voice=bob")).await?;
    assert_eq!((&wav[..4], &wav[44..53], spoken()), (&b"RIFF"[..], &b"[pcm bob]"[..], 2));
    let length = u32::try_from(wav.len() - 44)?.to_le_bytes();
    let cached = bytes(admin, &format!("{path}?format=wav&voice=bob")).await?;
    assert_eq!((&cached[40..44], &cached[44..], spoken()), (&length[..], &wav[44..], 2));

    for (query, status) in [("?format=midi", 400), ("?speed=9", 400), ("?voice=nobody", 400)] {
        assert_eq!(admin.get(&format!("{path}{query}")).await?.status, status, "{query}");
    }
    assert_eq!(admin.get("/v1/workspace/alpha/chat/999/speech").await?.status, 404);
    assert_eq!(admin.get("/v1/workspace/beta/chat/1/speech").await?.status, 404);
    assert_eq!(admin.anonymous().get(&path).await?.status, 403);
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn the_daily_minutes_are_limited_by_the_settings() -> Result<()> {
    let model = model_server::start().await?;
    let options = configured(Backend::Sqlite, &model).with("STT_MINUTES_PER_DAY", "1");
    let server = TestServer::start(options.with("TTS_MINUTES_PER_DAY", "1")).await?;
    let admin = server.admin();
    let path = "/v1/openai/audio/transcriptions";
    hear(admin, path, Form::new().part("file", recording(100))).await?.ok()?;
    let refused = hear(admin, path, Form::new().part("file", recording(100))).await?;
    assert_eq!((refused.status, &refused.body["error"]["type"]), (429, &json!("rate_limit_error")));
    let message = refused.body["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("1 minutes a day"), "{message}");
    // Words are counted separately.
    let body = json!({ "input": "a ".repeat(500), "voice": "ada" });
    assert_eq!(sound(admin, "/v1/openai/audio/speech", &body).await?.0, 200);
    assert_eq!(sound(admin, "/v1/openai/audio/speech", &body).await?.0, 429);
    Ok(())
}

#[tokio::test]
async fn providers_are_chosen_while_the_server_runs_and_failures_are_reported() -> Result<()> {
    let model = model_server::start().await?;
    let empty = tempfile::tempdir()?;
    let models = empty.path().join("all-MiniLM-L6-v2").display().to_string();
    let options = Options::from(Backend::Sqlite).with("CARREL_MODEL_DIR", models);
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    let (ear, mouth) = ("/v1/openai/audio/transcriptions", "/v1/openai/audio/speech");
    let body = json!({ "input": "Hello", "voice": "alloy" });
    let without_model = hear(admin, ear, Form::new().part("file", recording(100))).await?;
    assert_eq!(without_model.status, 503, "{}", without_model.body);
    assert!(without_model.body.to_string().contains("carrel model fetch whisper-base"));
    let (status, _, sound_sent) = sound(admin, mouth, &body).await?;
    // The built-in voices need a program that may not be installed.
    assert!(status == 200 || status == 503, "{status}");
    let is_named = String::from_utf8_lossy(&sound_sent).contains("espeak-ng");
    assert!(status == 200 || is_named, "{}", String::from_utf8_lossy(&sound_sent));

    let mut settings = json!({
        "SpeechToTextProvider": "generic-openai", "STTOpenAICompatibleEndpoint": model.base_url(),
        "STTOpenAICompatibleModel": "fail-400", "TextToSpeechProvider": "kokoro",
        "TTSKokoroEndpoint": model.base_url().trim_end_matches("/v1"), "TTSKokoroVoiceModel": "bob",
    });
    admin.post("/v1/system/update-env", settings.clone()).await?.ok()?;
    let refused = hear(admin, ear, Form::new().part("file", recording(100))).await?;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let (status, kind, sound_sent) = sound(admin, mouth, &json!({ "input": "Hello" })).await?;
    assert_eq!(
        (status, kind.as_str(), &sound_sent[..]),
        (200, "audio/mpeg", &b"[mp3 bob]Hello."[..])
    );
    settings["STTOpenAICompatibleModel"] = json!("fail-500");
    admin.post("/v1/system/update-env", settings.clone()).await?.ok()?;
    let failed = hear(admin, ear, Form::new().part("file", recording(100))).await?;
    assert_eq!(failed.status, 503, "{}", failed.body);
    let needs = json!({ "SpeechToTextProvider": "deepgram" });
    let needs = admin.post("/v1/system/update-env", needs).await?;
    assert!(needs.body.to_string().contains("STTDeepgramApiKey"), "{}", needs.body);
    Ok(())
}

#[tokio::test]
async fn a_recording_becomes_a_document_by_the_configured_provider() -> Result<()> {
    let model = model_server::start().await?;
    let options = configured(Backend::Sqlite, &model)
        .with("WHISPER_PROVIDER", "generic-openai")
        .with("WHISPER_GENERIC_OPEN_AI_BASE_URL", model.base_url())
        .with("WHISPER_GENERIC_OPEN_AI_API_KEY", "secret-of-the-clerk");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    let clerk = json!({ "WhisperGenericOpenAiModel": "clerk" });
    admin.post("/v1/system/update-env", clerk).await?.ok()?;
    let sound = [b"RIFF", vec![0; 96].as_slice()].concat();
    let stored = admin.upload("meeting.mp3", &sound, &[]).await?.ok()?;
    let text = stored["documents"][0]["pageContent"].as_str().context("no text")?;
    assert_eq!(text.trim(), "[00:00:00] Good morning.\n[00:01:01] I heard 100 bytes.");
    let request = model.received().pop().context("nothing was asked")?;
    assert_eq!(request.authorization.as_deref(), Some("Bearer secret-of-the-clerk"));
    assert_eq!(request.body["model"], "clerk");
    let missing = json!({ "WhisperGenericOpenAiModel": "fail-500" });
    admin.post("/v1/system/update-env", missing).await?.ok()?;
    let failed = admin.upload("other.mp3", &sound, &[]).await?;
    assert!(failed.body.to_string().contains("the ear was asked to fail"), "{}", failed.body);
    Ok(())
}
