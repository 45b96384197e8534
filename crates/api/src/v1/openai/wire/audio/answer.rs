//! Transcripts in the formats of OpenAI's clients.
use actix_web::HttpResponse;
use carrel_domain::speech::{
    SegmentScores, SpeechSegment, SpokenWord, Transcript, TranscriptionTask,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::subtitles::{srt, vtt};
use super::{TranscriptFormat, TranscriptShape};

/// A transcript with all details.
#[derive(Serialize, ToSchema)]
pub struct VerboseTranscript {
    /// `transcribe` or `translate`.
    task: &'static str,
    /// A code or a name, as the model reports it.
    language: String,
    /// In seconds.
    duration: f64,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Vec<Segment>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<Word>>,
    usage: Duration,
}

/// A segment of speech. Scores are 0 if the model gives none.
#[derive(Serialize, ToSchema)]
struct Segment {
    id: usize,
    seek: usize,
    /// In seconds.
    start: f64,
    end: f64,
    text: String,
    tokens: Vec<u32>,
    temperature: f32,
    avg_logprob: f32,
    compression_ratio: f32,
    no_speech_prob: f32,
}

#[derive(Serialize, ToSchema)]
struct Word {
    word: String,
    /// In seconds.
    start: f64,
    end: f64,
}

/// The usage, in seconds of audio.
#[derive(Serialize, ToSchema)]
struct Duration {
    /// `duration`.
    r#type: &'static str,
    /// Length of the recording in seconds, rounded up.
    seconds: u64,
}

impl VerboseTranscript {
    fn of(transcript: &Transcript, answer: &TranscriptShape) -> Self {
        let segments = transcript.segments.iter().enumerate().map(Segment::of);
        Self {
            task: match answer.task {
                TranscriptionTask::Transcribe => "transcribe",
                TranscriptionTask::Translate => "translate",
            },
            language: transcript.language.clone().unwrap_or_default(),
            duration: milliseconds(transcript.duration),
            text: transcript.text(),
            segments: answer.segments.then(|| segments.collect()),
            words: answer.words.then(|| transcript.words().map(Word::of).collect()),
            usage: Duration { r#type: "duration", seconds: seconds(transcript) },
        }
    }
}

impl Segment {
    fn of((id, segment): (usize, &SpeechSegment)) -> Self {
        let SpeechSegment { start, end, text, words: _, scores } = segment;
        let scores = scores.clone().unwrap_or_default();
        let SegmentScores {
            tokens,
            temperature,
            average_log_probability: avg_logprob,
            compression_ratio,
            no_speech_probability: no_speech_prob,
        } = scores;
        let seek = (start * 100.0) as usize;
        Self {
            id,
            // The unit is a frame of 10 milliseconds.
            seek,
            start: milliseconds(*start),
            end: milliseconds(*end),
            text: text.clone(),
            tokens,
            temperature,
            avg_logprob,
            compression_ratio,
            no_speech_prob,
        }
    }
}

impl Word {
    fn of(word: &SpokenWord) -> Self {
        let SpokenWord { text, start, end } = word;
        Self { word: text.clone(), start: milliseconds(*start), end: milliseconds(*end) }
    }
}

/// Rounds to milliseconds.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn seconds(transcript: &Transcript) -> u64 {
    transcript.duration.ceil() as u64
}

/// Returns the length of the recording as the usage.
pub fn usage(transcript: &Transcript) -> Value {
    json!({ "type": "duration", "seconds": seconds(transcript) })
}

/// Responds with a transcript in the requested format.
pub fn whole(transcript: &Transcript, answer: &TranscriptShape) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let text = "text/plain; charset=utf-8";
    match answer.format {
        TranscriptFormat::Json => {
            response.json(json!({ "text": transcript.text(), "usage": usage(transcript) }))
        }
        TranscriptFormat::Verbose => response.json(VerboseTranscript::of(transcript, answer)),
        TranscriptFormat::Text => response.content_type(text).body(transcript.text() + "\n"),
        TranscriptFormat::Srt => response.content_type(text).body(srt(&transcript.segments)),
        TranscriptFormat::Vtt => {
            response.content_type("text/vtt; charset=utf-8").body(vtt(&transcript.segments))
        }
    }
}
