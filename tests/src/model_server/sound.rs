//! Transcripts and speech that depend only on the request.
use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use super::error;

/// The available voices.
const VOICES: [&str; 2] = ["ada", "bob"];

/// Returns a transcript of two sentences, the second with the number of bytes sent.
pub(super) fn transcription(form: &Value, length: usize) -> HttpResponse {
    if let Some(status) = failure(form) {
        return error(status, "the ear was asked to fail");
    }
    let second = format!(" I heard {length} bytes.");
    let text = format!("Good morning.{second}");
    if form["response_format"] != "verbose_json" {
        return HttpResponse::Ok().json(json!({ "text": text }));
    }
    let segment = |id, start: f64, end: f64, text: &str| {
        json!({
            "id": id, "seek": 0, "start": start, "end": end, "text": text, "tokens": [1, 2],
            "temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 1.0, "no_speech_prob": 0.0,
        })
    };
    let mut answer = json!({
        "task": "transcribe", "language": "english", "duration": 90.5, "text": text,
        "segments": [segment(0, 0.0, 1.5, " Good morning."), segment(1, 61.0, 90.0, &second)],
    });
    if form.get("timestamp_granularities[]").is_some() {
        let words = [("Good", 0.0, 0.5), ("morning.", 0.5, 1.5), ("I", 61.0, 62.0)];
        let word = |(word, start, end)| json!({ "word": word, "start": start, "end": end });
        answer["words"] = words.into_iter().map(word).collect();
    }
    HttpResponse::Ok().json(answer)
}

/// Returns the text itself after a mark of the format, in two pieces, so that tests can check it.
pub(super) fn speech(body: &Value) -> HttpResponse {
    if let Some(status) = failure(body) {
        return error(status, "the voice was asked to fail");
    }
    let (input, voice) = (body["input"].as_str(), body["voice"].as_str().unwrap_or_default());
    let Some(input) = input.filter(|input| !input.is_empty()) else {
        return error(400, "input: a text is needed");
    };
    if voice == "nobody" {
        return error(400, "there is no voice of this name");
    }
    if body["model"] == "tone" {
        return HttpResponse::Ok().content_type("audio/wav").body(tone());
    }
    let format = body["response_format"].as_str().unwrap_or("mp3");
    let pieces = [format!("[{format} {voice}]"), input.to_owned()];
    let pieces = pieces.map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
    HttpResponse::Ok().content_type("audio/mpeg").streaming(stream::iter(pieces))
}

/// Returns five seconds of audio that a browser can play: WAV with 8 kHz and 8 bits.
fn tone() -> Vec<u8> {
    let samples: Vec<u8> =
        (0..40_000_u32).map(|at| if at / 10 % 2 == 0 { 118 } else { 138 }).collect();
    let length = samples.len() as u32;
    let mut wav = b"RIFF".to_vec();
    wav.extend((length + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend([8_000_u32.to_le_bytes(), 8_000_u32.to_le_bytes()].concat());
    wav.extend(b"\x01\0\x08\0data");
    wav.extend(length.to_le_bytes());
    wav.extend(samples);
    wav
}

pub(super) fn voices() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "voices": VOICES }))
}

fn failure(body: &Value) -> Option<u16> {
    let status = body["model"].as_str()?.strip_prefix("fail-")?.parse().ok()?;
    (400..=599).contains(&status).then_some(status)
}
