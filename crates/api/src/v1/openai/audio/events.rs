//! Transcripts and audio as server-sent events, in the format of OpenAI's clients.
use std::convert::Infallible;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use carrel_domain::Result;
use carrel_domain::speech::{AudioStream, Transcript, TranscriptPart};
use carrel_http::sse::MAX_SILENCE;
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::error::openai::stream_error;
use crate::streaming::{self, HEARTBEAT, event};
use crate::v1::openai::wire::audio::answer::usage;

struct TranscriptEvents {
    parts: Receiver<Result<TranscriptPart>>,
    /// The part that arrived before the response headers were sent.
    first: Option<Result<TranscriptPart>>,
    transcript: Transcript,
    is_over: bool,
}

/// Streams `transcript.text.delta` for each segment of speech, then `transcript.text.done`.
///
/// # Errors
/// An error that occurs before the response begins.
pub(super) async fn transcript(
    mut parts: Receiver<Result<TranscriptPart>>,
) -> Result<HttpResponse> {
    // Until the headers are sent, the status can still report a failure.
    let first = match timeout(MAX_SILENCE, parts.recv()).await {
        Ok(Some(Err(error))) => return Err(error),
        Ok(first) => first,
        Err(_) => None,
    };
    let transcript_events =
        TranscriptEvents { parts, first, transcript: Transcript::default(), is_over: false };
    let events = stream::unfold(transcript_events, |mut transcript_events| async move {
        let event = transcript_events.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(event)), transcript_events))
    });
    Ok(streaming::response().streaming(events))
}

impl TranscriptEvents {
    async fn next(&mut self) -> Option<String> {
        while !self.is_over {
            let part = match self.first.take() {
                Some(first) => Some(first),
                None => match timeout(MAX_SILENCE, self.parts.recv()).await {
                    Ok(part) => part,
                    Err(_) => return Some(HEARTBEAT.to_owned()),
                },
            };
            match part {
                Some(Ok(part)) => {
                    let text = self.push_part(part);
                    if !text.is_empty() {
                        let delta = json!({ "type": "transcript.text.delta", "delta": text });
                        return Some(event(&delta));
                    }
                }
                Some(Err(error)) => {
                    self.is_over = true;
                    return Some(event(&stream_error(&error)));
                }
                None => {
                    self.is_over = true;
                    let (text, usage) = (self.transcript.text(), usage(&self.transcript));
                    let event_body =
                        json!({ "type": "transcript.text.done", "text": text, "usage": usage });
                    return Some(event(&event_body));
                }
            }
        }
        None
    }

    /// Returns the text that a part adds.
    fn push_part(&mut self, part: TranscriptPart) -> String {
        let is_first =
            self.transcript.segments.iter().all(|segment| segment.text.trim().is_empty());
        let text = match &part {
            TranscriptPart::Segment(segment) if is_first => segment.text.trim_start().to_owned(),
            TranscriptPart::Segment(segment) => segment.text.clone(),
            _ => String::new(),
        };
        self.transcript.push(part);
        text
    }
}

/// Streams `speech.audio.delta` for each chunk of audio in base64, then `speech.audio.done`. `length` is
/// the length of the text in characters; four characters count as a token.
pub(super) fn speech(audio: AudioStream, length: usize) -> HttpResponse {
    let events = stream::unfold(Some(audio), move |state| async move {
        let mut audio = state?;
        let (first_event, next) = match audio.next().await {
            Some(Ok(chunk)) => {
                let data = STANDARD.encode(&chunk);
                let delta = json!({ "type": "speech.audio.delta", "audio": data });
                (delta, Some(audio))
            }
            Some(Err(error)) => (stream_error(&error), None),
            None => {
                let input = length.div_ceil(4);
                let usage = json!({
                    "input_tokens": input, "output_tokens": 0, "total_tokens": input,
                });
                (json!({ "type": "speech.audio.done", "usage": usage }), None)
            }
        };
        Some((Ok::<_, Infallible>(Bytes::from(event(&first_event))), next))
    });
    streaming::response().streaming(events)
}
