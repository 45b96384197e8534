//! Recordings: transcribed if a model is installed, otherwise refused with a reason.
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::visitor::{Page, Visitor};
use e2e::{Backend, Mode, Options, TestServer, on_both_databases};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

on_both_databases!(transcription_of_a_long_recording_resumes_after_a_kill);

fn recording(name: &str) -> Result<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recordings");
    std::fs::read(folder.join(name)).with_context(|| format!("failed to read {name}"))
}

/// Whether the model is in the directory of the tests' models.
fn has_model() -> bool {
    let models = std::env::var_os("CARREL_MODEL_DIR").map(PathBuf::from);
    let is_there = models
        .is_some_and(|models| models.with_file_name("whisper-base").join("config.json").exists());
    if !is_there {
        eprintln!("skipped: no model beside CARREL_MODEL_DIR (carrel model fetch whisper-base)");
    }
    is_there
}

#[tokio::test]
async fn a_recording_becomes_a_document_with_times() -> Result<()> {
    if !has_model() {
        return Ok(());
    }
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let types = admin.get("/v1/document/accepted-file-types").await?.ok()?;
    assert!(types["types"].get("audio/mpeg").is_some(), "{types}");
    admin.post("/v1/workspace/new", json!({ "name": "Talks" })).await?.ok()?;
    let into = [("addToWorkspaces", "talks")];
    let added = admin.upload("talk.webm", &recording("talk.webm")?, &into).await?.ok()?;
    assert!(added["documents"][0].get("warnings").is_none(), "{added}");
    let search = json!({ "query": "When does the meeting begin?", "topN": 1, "scoreThreshold": 0 });
    let found = admin.post("/v1/workspace/talks/vector-search", search).await?.ok()?;
    let first = &found["results"][0];
    let text = first["text"].as_str().unwrap_or_default();
    assert!(text.contains("[00:00:0") && text.contains("Monday"), "{found}");
    let second = first["metadata"]["time"].as_str().unwrap_or_default();
    assert!(second.starts_with("00:00:0"), "{found}");
    Ok(())
}

#[tokio::test]
async fn without_a_model_a_recording_is_refused_with_the_command() -> Result<()> {
    let nowhere = tempfile::tempdir()?;
    let models = nowhere.path().join("all-MiniLM-L6-v2");
    let models = models.to_str().context("no UTF-8")?;
    let options = Options::from(Backend::Sqlite).with("CARREL_MODEL_DIR", models);
    let server = TestServer::start(options).await?;
    let types = server.admin().get("/v1/document/accepted-file-types").await?.ok()?;
    assert!(types["types"].get("audio/mpeg").is_none(), "{types}");
    let refused = server.admin().upload("talk.mp3", &recording("talk.mp3")?, &[]).await?;
    assert_eq!(refused.status, 422);
    let reason = refused.body.to_string();
    assert!(reason.contains("carrel model fetch whisper-base"), "{reason}");
    Ok(())
}

/// Seconds between the starts of two talks.
const PERIOD: usize = 25;

/// Returns a recording of repeated talks, each followed by silence.
fn long(times: usize) -> Result<Vec<u8>> {
    let talk = recording("talk.wav")?;
    let data = talk.windows(4).position(|name| name == b"data").context("no sound")? + 8;
    let mut sound = talk[data..].to_vec();
    // 8,000 samples a second, of two bytes each.
    sound.resize(PERIOD * 16_000, 0);
    let sound = sound.repeat(times);
    let mut long = talk[..data].to_vec();
    long[4..8].copy_from_slice(&(u32::try_from(data + sound.len())? - 8).to_le_bytes());
    long[data - 4..data].copy_from_slice(&u32::try_from(sound.len())?.to_le_bytes());
    long.extend(sound);
    Ok(long)
}

async fn upload(visitor: &mut Visitor, name: &str, content: Vec<u8>) -> Result<Page> {
    let form = Form::new().part("file", Part::bytes(content).file_name(name.to_owned()));
    let request = visitor.request(Method::POST, "/w/talks/documents/upload");
    visitor.send(request.multipart(form)).await
}

/// Waits until the only document of a job meets a condition.
async fn until(
    server: &TestServer,
    job: &str,
    condition: impl Fn(&Value) -> bool,
) -> Result<Value> {
    for _ in 0..3_000 {
        let found = server.admin().get(&format!("/v1{job}")).await?.ok()?;
        if condition(&found) {
            return Ok(found);
        }
        ensure!(found["job"]["state"] != "failed", "{found}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("the job does not get there: {}", server.log()?)
}

fn seconds_transcribed(found: &Value) -> u64 {
    found["items"][0]["recording"]["secondsHeard"].as_u64().unwrap_or_default()
}

/// Number of talks in the long recording.
const TALKS: usize = 10;

async fn transcription_of_a_long_recording_resumes_after_a_kill(backend: Backend) -> Result<()> {
    if !has_model() {
        return Ok(());
    }
    let options = Options::from(backend).with("STT_MINUTES_PER_DAY", "1");
    let mut server = TestServer::start(options).await?;
    let mut owner = Visitor::first(&server, Mode::Owner).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Talks" })).await?.ok()?;
    let sound = long(TALKS)?;
    let seconds = (TALKS * PERIOD) as u64;
    let queued = upload(&mut owner, "long talk.wav", sound).await?;
    let job = queued.leads_to().to_owned();
    ensure!(job.starts_with("/jobs/"), "{}", queued.text);
    let before = until(&server, &job, |found| seconds_transcribed(found) >= 50).await?;
    let item = &before["items"][0];
    assert_eq!(
        (&item["state"], &item["recording"]["isTranscribed"]),
        (&json!("queued"), &json!(false))
    );
    assert_eq!(item["recording"]["name"], "long talk.wav");
    let in_all = item["recording"]["secondsInAll"].as_u64().unwrap_or_default();
    assert!(in_all.abs_diff(seconds) <= 1, "{before}");
    let page = owner.get(&job).await?;
    assert!(page.says("Transcribing") && page.says("long talk.wav"), "{}", page.text);
    assert!(page.says(&format!(" / 00:{:02}:{:02}", in_all / 60, in_all % 60)), "{}", page.text);
    let listed = server.carrel().run(&["jobs"])?.stdout;
    assert!(listed.contains("  running  talks  0 of 1 documents"), "{listed}");
    assert!(listed.contains(&format!(" of {in_all} seconds transcribed")), "{listed}");
    server.kill()?;
    server.run().await?;
    let after =
        until(&server, &job, |found| seconds_transcribed(found) > seconds_transcribed(&before))
            .await?;
    assert!(
        server.log()?.contains("resuming the transcription of a recording"),
        "{}",
        server.log()?
    );
    assert_eq!(after["items"][0]["recording"]["isTranscribed"], json!(false), "{after}");
    let done = until(&server, &job, |found| found["job"]["state"] == "done").await?;
    let transcribed = &done["items"][0]["recording"];
    assert_eq!(
        (&transcribed["isTranscribed"], seconds_transcribed(&done).abs_diff(seconds) <= 1),
        (&json!(true), true),
        "{done}"
    );
    // Every talk is transcribed exactly once.
    let path = done["items"][0]["path"].as_str().context("no path")?;
    let text = server
        .document_files()?
        .into_iter()
        .find(|file| path.ends_with(&*file.file_name().unwrap_or_default().to_string_lossy()));
    let text = std::fs::read_to_string(text.context("no file")?)?;
    let meetings = text.to_lowercase().matches("monday morning").count();
    assert_eq!(meetings, TALKS, "{text}");
    let left = |name: &str| Ok::<_, anyhow::Error>(server.storage().join(name).read_dir()?.count());
    assert_eq!((left("recordings")?, left("transcripts")?, left("tmp")?), (0, 0, 0));
    counted_once(&server, seconds).await?;
    // The restarted server has another address.
    let session = owner.cookie().map(str::to_owned);
    let mut owner = Visitor::new(server.admin())?;
    owner.set_cookie(session);
    let refused = upload(&mut owner, "again.mp3", recording("talk.mp3")?).await?;
    assert_eq!(refused.status, 429, "{}", refused.text);
    Ok(())
}

/// Checks that the audit log records the user and the seconds of a transcription, but no text.
async fn counted_once(server: &TestServer, seconds: u64) -> Result<()> {
    let log = server.admin().get("/v1/admin/event-logs").await?.ok()?;
    let events = log["events"].as_array().cloned().unwrap_or_default();
    let usage_events: Vec<_> =
        events.iter().filter(|event| event["event"] == "speech_transcribed").collect();
    let [event] = usage_events.as_slice() else { bail!("{log}") };
    let counted = [seconds, seconds + 1]
        .iter()
        .any(|seconds| event.to_string().contains(&seconds.to_string()));
    assert!(counted && event.to_string().contains("whisper-base"), "{event}");
    assert!(!log.to_string().to_lowercase().contains("monday"), "what was said is in the log");
    Ok(())
}

#[tokio::test]
async fn recordings_sent_to_the_api_are_counted_and_limited_too() -> Result<()> {
    if !has_model() {
        return Ok(());
    }
    let options = Options::from(Backend::Sqlite).with("STT_MINUTES_PER_DAY", "1");
    let server = TestServer::start(options).await?;
    server.admin().upload("long.wav", &long(3)?, &[]).await?.ok()?;
    let refused = server.admin().upload("talk.mp3", &recording("talk.mp3")?, &[]).await?;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(refused.body.to_string().contains("1 minutes a day"), "{}", refused.body);
    server.admin().upload("a.txt", b"a text", &[]).await?.ok()?;
    counted_once(&server, 3 * PERIOD as u64).await
}
