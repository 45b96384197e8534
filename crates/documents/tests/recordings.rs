//! Recordings as documents: transcripts with the time of each line, and refusals.
//!
//! `carrel model fetch whisper-base` installs the model next to `CARREL_MODEL_DIR`. Without it,
//! tests that transcribe are skipped and say so.
#![expect(clippy::unwrap_used, reason = "tests say what they expect with `unwrap`, helpers too")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use carrel_documents::{Limits, ReadingModels, TranscriptionMode, extract_with, speech_model};
use carrel_domain::document::Extracted;

const LIMITS: Limits = Limits { file: 8 << 10, text: 1 << 20, inflated: 64 << 20 };

fn recording(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/recordings");
    fs::read(folder.join(name)).unwrap()
}

fn model() -> Option<TranscriptionMode> {
    let embedder = env::var_os("CARREL_MODEL_DIR").map(PathBuf::from)?;
    let directory = embedder.with_file_name(speech_model::WHISPER_BASE);
    if !speech_model::is_complete(&directory) {
        eprintln!("skipped: no model in {} (carrel model fetch whisper-base)", directory.display());
        return None;
    }
    Some(TranscriptionMode::Ready { directory, seconds: 600, threads: 2 })
}

fn extract(
    name: &str,
    content: &[u8],
    listening: TranscriptionMode,
) -> carrel_domain::Result<Vec<Extracted>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    extract_with(name, file.path(), LIMITS, &ReadingModels { listening, ..ReadingModels::none() })
}

fn refusal(name: &str, content: &[u8], listening: TranscriptionMode) -> String {
    extract(name, content, listening).unwrap_err().to_string()
}

#[test]
fn a_recording_becomes_lines_with_their_times() {
    let Some(model) = model() else { return };
    // The files exceed the limit of text, and one has the wrong extension.
    for (name, content) in
        [("talk.mp3", recording("talk.m4a")), ("film.mp4", recording("film.mp4"))]
    {
        let documents = extract(name, &content, model.clone()).unwrap();
        let [Extracted { text, warnings, .. }] = documents.as_slice() else {
            panic!("{documents:?}")
        };
        assert!(text.starts_with("[00:00:0"), "{text}");
        let plain = text.to_lowercase();
        assert!(plain.contains("meeting begins on monday morning at"), "{text}");
        assert!(plain.contains("signed contract"), "{text}");
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

#[test]
fn without_a_model_the_refusal_names_the_command() {
    let expected = "The file is a recording, and this server has no transcription model (the operator \
                    can fetch it with `carrel model fetch whisper-base`), so it cannot be read.";
    for name in ["a.mp3", "a.wav", "a.opus", "a.m4a", "a.webm", "a.mp4", "a.flac", "a.mkv"] {
        assert_eq!(refusal(name, &recording("talk.mp3"), TranscriptionMode::NoModel), expected);
    }
    let off = refusal("a.mp3", &recording("talk.mp3"), TranscriptionMode::Off);
    assert!(off.contains("turned off on this server (CARREL_TRANSCRIPTION_TIMEOUT is 0)"), "{off}");
}

#[test]
fn files_that_are_not_recordings_are_refused_with_a_reason() {
    let Some(model) = model() else { return };
    for (content, expected) in [
        (Vec::new(), "a.mp3 is empty."),
        (b"a text, and no sound ".repeat(100), "a.mp3 is not a recording, or is damaged."),
        (silent_wav(3), "No text content found in a.mp3. The recording contains no speech."),
    ] {
        assert_eq!(refusal("a.mp3", &content, model.clone()), expected);
    }
}

#[test]
fn a_transcript_beyond_the_time_limit_is_cut_with_a_warning() {
    let Some(TranscriptionMode::Ready { directory, .. }) = model() else { return };
    let long = [silent_wav(1), vec![0; 40 * 16_000]].concat();
    let listening = TranscriptionMode::Ready { directory, seconds: 0, threads: 1 };
    let refused = refusal("a.wav", &long, listening);
    assert!(refused.contains("CARREL_TRANSCRIPTION_TIMEOUT"), "{refused}");
}

fn silent_wav(seconds: u32) -> Vec<u8> {
    let bytes = seconds * 16_000;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    wav.extend(bytes.to_le_bytes());
    wav.resize(wav.len() + bytes as usize, 0);
    wav
}
