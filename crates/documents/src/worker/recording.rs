//! Transcribes recordings that become documents, with visible progress and a checkpoint from which
//! the work resumes after a kill.
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use carrel_domain::document::{Extracted, ReadRequest};
use carrel_domain::speech::SpeechModelName;
use sha2::{Digest, Sha256};

use super::checkpoint::{Checkpoint, CheckpointEntry, Checkpoints, SavedSegment, Transcribed};
use super::pool::Readers;
use super::transcriber::TranscribingWorker;
use super::transcript::{TranscriptLine, TranscriptionOptions};
use super::{Work, failures};
use crate::extract::extract_error::ExtractError;
use crate::extract::recordings::{Lines, TranscriptEnd, TranscriptionMode, transcript};
use crate::extract::{Limits, ReadingModels};

/// Bytes of a file digested at once.
const PIECE: usize = 64 << 10;

/// A transcript in progress.
struct Growing<'a> {
    lines: Lines,
    request: &'a ReadRequest,
    checkpoint: Option<Checkpoint>,
}

impl Growing<'_> {
    fn take_in(&mut self, entry: CheckpointEntry) {
        match &entry {
            CheckpointEntry::Language(_) => {}
            CheckpointEntry::Segment(SavedSegment { start, end, text }) => {
                self.lines.push(*start, *end, text)
            }
            CheckpointEntry::Done(seconds) => self.request.recording.advance_to(*seconds),
        }
        let added = self.checkpoint.as_mut().map(|checkpoint| checkpoint.add(&entry));
        if let Some(Err(error)) = added {
            tracing::warn!(%error, "failed to save the checkpoint of a recording");
            self.checkpoint = None;
        }
    }
}

impl Readers {
    /// Returns the document of a recording. The part transcribed by an earlier process is reused.
    /// Dropping the future kills the worker and keeps the checkpoint.
    pub(crate) async fn transcribe_document(
        &self,
        file: File,
        limits: Limits,
        listening: TranscriptionMode,
        request: &ReadRequest,
        checkpoints: Option<&Checkpoints>,
    ) -> Result<Vec<Extracted>, ExtractError> {
        let TranscriptionMode::Ready { directory, .. } = &listening else {
            return Err(listening.refusal());
        };
        let model = name(directory);
        let _turn = self.recording_turn(&request.owner).await?;
        request
            .recording
            .begin(SpeechModelName { provider: "native".to_owned(), model: model.clone() });
        let (file, checkpoint) = opened(file, checkpoints.cloned(), model).await?;
        let mut growing = Growing { lines: Lines::default(), request, checkpoint };
        let saved = growing.checkpoint.as_mut().map(Checkpoint::take_saved).unwrap_or_default();
        let Transcribed { language, segments, done } = saved;
        if done > 0.0 {
            tracing::info!(seconds = done.floor(), "resuming the transcription of a recording");
            request.recording.advance_to(done);
        }
        for SavedSegment { start, end, text } in segments {
            growing.lines.push(start, end, &text);
        }
        let models = ReadingModels { listening, ..ReadingModels::none() };
        let mut job = self.job("", limits, models, request.time_limit);
        job.work = Work::Transcribe(TranscriptionOptions::going_on(done, language));
        let mut worker = TranscribingWorker::start(self, job, file)?;
        let ended = loop {
            match worker.next_line().await? {
                TranscriptLine::Duration(seconds) => request.recording.set_duration(seconds),
                TranscriptLine::Language(code) => growing.take_in(CheckpointEntry::Language(code)),
                TranscriptLine::Segment(line_segment) => {
                    let segment = SavedSegment {
                        start: line_segment.start,
                        end: line_segment.end,
                        text: line_segment.text,
                    };
                    growing.take_in(CheckpointEntry::Segment(segment));
                    if growing.lines.text.len() as u64 > limits.text {
                        return Err(ExtractError::TextTooLarge);
                    }
                }
                TranscriptLine::Progress(seconds) => {
                    growing.take_in(CheckpointEntry::Done(seconds))
                }
                TranscriptLine::End { is_cut: false } => break Ok(TranscriptEnd::Whole),
                TranscriptLine::End { is_cut: true } => break Ok(TranscriptEnd::Cut),
                TranscriptLine::OutOfTime(seconds) => break Ok(TranscriptEnd::OutOfTime(seconds)),
                TranscriptLine::Failed(error) => break Err(error),
            }
        };
        if let Some(Err(error)) = growing.checkpoint.map(Checkpoint::remove) {
            tracing::warn!(%error, "failed to remove the checkpoint of a recording");
        }
        Ok(vec![transcript(growing.lines, ended?)])
    }
}

/// Returns the name of the model in a directory.
pub(super) fn name(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or(directory.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Returns the rewound file and its checkpoint, if one can be opened.
async fn opened(
    mut file: File,
    checkpoints: Option<Checkpoints>,
    model: String,
) -> Result<(File, Option<Checkpoint>), ExtractError> {
    let Some(checkpoints) = checkpoints else { return Ok((file, None)) };
    let open = move || {
        let digest = digest(&mut file)?;
        let checkpoint = checkpoints.of(digest, &model).unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to save the checkpoint of a recording");
            None
        });
        io::Result::Ok((file, checkpoint))
    };
    let opened = tokio::task::spawn_blocking(open).await;
    Ok(opened.map_err(|_| failures::crashed())??)
}

fn digest(file: &mut File) -> io::Result<[u8; 32]> {
    let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
    file.rewind()?;
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => hash.update(&piece[..read]),
        }
    }
    file.rewind()?;
    Ok(hash.finalize().into())
}
