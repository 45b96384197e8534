//! Transcribes recordings with a provider. This process does not decode them.
use carrel_domain::document::{Extracted, IncomingFile, ReadRequest};
use carrel_domain::speech::{Recording, Transcriber, TranscriptPart, TranscriptionRequest};
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::recordings::Lines;
use super::{Limits, base, by_nobody};

/// Returns the transcript of a file, in the form of local transcripts.
pub(super) async fn read(
    transcriber: &dyn Transcriber,
    file: &IncomingFile,
    limits: Limits,
    request: &ReadRequest,
) -> Result<Vec<Extracted>> {
    let name = base(&file.name);
    let length = tokio::fs::metadata(&file.content).await.map_err(Error::of_file)?.len();
    if length == 0 {
        return Err(Error::unprocessable(format!("{name} is empty.")));
    }
    let recording = Recording { content: file.content.clone(), length, name: name.to_owned() };
    request.recording.begin(transcriber.name());
    let transcribe = transcribe(transcriber, recording, limits, request);
    let text = match request.time_limit {
        Some(limit) => timeout(limit, transcribe)
            .await
            .map_err(|_| Error::unprocessable(format!("{name} took too long to transcribe.")))??,
        None => transcribe.await?,
    };
    if text.is_empty() {
        let reason = format!("No text content found in {name}. The recording contains no speech.");
        return Err(Error::unprocessable(reason));
    }
    Ok(vec![by_nobody(text, "a recording uploaded by the user.")])
}

async fn transcribe(
    transcriber: &dyn Transcriber,
    recording: Recording,
    limits: Limits,
    request: &ReadRequest,
) -> Result<String> {
    let mut parts = transcriber.transcribe(TranscriptionRequest::of(recording)).await?;
    let mut lines = Lines::default();
    while let Some(part) = parts.next().await {
        match part? {
            TranscriptPart::Recording { duration, .. } => request.recording.set_duration(duration),
            TranscriptPart::Segment(segment) => {
                lines.push(segment.start, segment.end, &segment.text);
                request.recording.advance_to(segment.end);
            }
            TranscriptPart::Progress(seconds) => request.recording.advance_to(seconds),
        }
        if lines.text.len() as u64 > limits.text {
            return Err(Error::TooLarge { what: "the text in the file", limit: limits.text });
        }
    }
    Ok(lines.finish())
}
