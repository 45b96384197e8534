//! Transcription and speech synthesis for clients, with limited concurrency and daily limits.
mod meter;
mod pieces;
mod read_aloud;
mod spoken_text;
mod wav;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carrel_domain::audit::By;
use carrel_domain::speech::{
    AudioFormat, LONGEST_SPOKEN_TEXT, RecordingKind, Speech, SpeechModelName, SpeechModels,
    SpeechRequest, SpeechSynthesizer, SpeechUse, TranscriptPart, TranscriptStream,
    TranscriptionRequest, Voice,
};
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use tempfile::NamedTempFile;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::background::BackgroundTasks;
use crate::generated_files::GeneratedFiles;

pub use meter::{SettingLookup, SpeechMeter};
pub use read_aloud::{ReadAloud, SpokenAnswer};
pub use spoken_text::spoken_text;

/// The maximum numbers of concurrent transcriptions and syntheses.
const MAX_TRANSCRIPTIONS: usize = 2;
const MAX_SYNTHESES: usize = 8;

/// The maximum time a request waits for others.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// The minimum number of bytes per second of a recording, used to estimate the length if it is
/// unknown.
pub(crate) const BYTES_A_SECOND: u64 = 2_000;

/// The voices of OpenAI, which clients name for any provider.
const COMMON_VOICES: [&str; 13] = [
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
    "shimmer", "verse",
];

/// Providers that may know the voices of OpenAI by name.
const COMMON_VOICE_PROVIDERS: [&str; 3] = ["openai", "generic-openai", "kokoro"];

/// The directory of spoken answers, relative to the storage directory.
const DIRECTORY: &str = "spoken-answers";

/// The maximum size of all stored spoken answers, in bytes.
const MAX_STORED_BYTES: u64 = 512 << 20;

/// Transcribes recordings and speaks texts.
pub struct SpeechService {
    models: Arc<dyn SpeechModels>,
    meter: SpeechMeter,
    files: Arc<GeneratedFiles>,
    tasks: BackgroundTasks,
    transcriptions: Arc<Semaphore>,
    syntheses: Arc<Semaphore>,
}

impl SpeechService {
    /// Creates the service. `root` is the storage directory, `scratch` a directory for temporary
    /// files on the same disk.
    pub fn new(
        models: Arc<dyn SpeechModels>,
        meter: SpeechMeter,
        (root, scratch): (&Path, &Path),
        tasks: BackgroundTasks,
    ) -> Self {
        let (directory, scratch) = (root.join(DIRECTORY), scratch.to_owned());
        let files = Arc::new(GeneratedFiles::new(
            directory,
            scratch,
            MAX_STORED_BYTES,
            read_aloud::is_name,
        ));
        let transcriptions = Arc::new(Semaphore::new(MAX_TRANSCRIPTIONS));
        let syntheses = Arc::new(Semaphore::new(MAX_SYNTHESES));
        Self { models, meter, files, tasks, transcriptions, syntheses }
    }

    /// Returns the model that transcribes dictation.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if none is configured or a setting is invalid.
    pub fn transcription_model(&self) -> Result<SpeechModelName> {
        Ok(self.models.transcriber(RecordingKind::Dictation)?.name())
    }

    /// Returns the model that speaks. Fails like [`SpeechService::hears`].
    pub fn synthesis_model(&self) -> Result<SpeechModelName> {
        Ok(self.models.synthesizer()?.name())
    }

    /// Returns the available voices and audio formats.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no model is configured or it does not respond.
    pub async fn voices(&self) -> Result<(Vec<Voice>, Vec<AudioFormat>)> {
        let model = self.models.synthesizer()?;
        Ok((model.voices().await?, model.formats()))
    }

    /// Transcribes a recording. `file` is the file named by the request and is deleted afterwards.
    /// Dropping the receiver cancels the work. The seconds are counted and recorded in the audit
    /// log before the receiver ends.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if the daily limit is used up or too many requests are queued;
    /// otherwise those of [`carrel_domain::speech::Transcriber::transcribe`].
    pub async fn transcribe(
        &self,
        request: TranscriptionRequest,
        file: NamedTempFile,
        by: &By,
    ) -> Result<Receiver<Result<TranscriptPart>>> {
        self.meter.check(SpeechUse::Transcribed, by).await?;
        let model = self.models.transcriber(RecordingKind::Dictation)?;
        let permit = acquire(&self.transcriptions).await?;
        let (name, length) = (model.name(), request.recording.length);
        let parts = model.transcribe(request).await?;
        let (sender, receiver) = mpsc::channel(16);
        let (meter, tasks, by) = (self.meter.clone(), self.tasks.clone(), by.clone());
        self.tasks.spawn(async move {
            let progress = tokio::select! {
                progress = forward(parts, &sender) => progress,
                () = tasks.stopping() => Transcribed::default(),
            };
            drop((permit, file));
            let seconds = progress.seconds(length);
            if let Err(error) = meter.count_transcribed(seconds, &name, &by).await {
                tracing::warn!(%error, "failed to count transcribed seconds");
            }
            drop(sender);
        });
        Ok(receiver)
    }

    /// Speaks a text of at most 4,096 characters, without its Markdown.
    ///
    /// # Errors
    /// [`Error::Invalid`] in the fields of the OpenAI protocol; [`Error::Exhausted`] as for
    /// [`SpeechService::transcribe`]; otherwise those of [`SpeechSynthesizer::speak`].
    pub async fn speak(&self, mut request: SpeechRequest, by: &By) -> Result<Speech> {
        if request.text.chars().count() > LONGEST_SPOKEN_TEXT {
            let reason = format!("must not be longer than {LONGEST_SPOKEN_TEXT} characters");
            return Err(Error::invalid("input", reason));
        }
        request.text = spoken_text(&request.text);
        if request.text.is_empty() {
            return Err(Error::invalid("input", "it contains nothing to speak"));
        }
        self.meter.check(SpeechUse::Synthesized, by).await?;
        let model = self.models.synthesizer()?;
        check_format(&*model, request.format, "response_format")?;
        request.voice = voice(request.voice, &model.name());
        let permit = acquire(&self.syntheses).await?;
        self.meter.count_spoken(&request.text, &model.name(), by).await?;
        let Speech { format, audio } = model.speak(request).await?;
        let audio = audio.map(move |chunk| {
            let _permit = &permit;
            chunk
        });
        Ok(Speech { format, audio: Box::pin(audio) })
    }

    /// Deletes spoken answers older than 30 days, and the oldest ones if the total exceeds 512 MiB.
    /// Returns the number deleted.
    pub async fn sweep(&self, now: SystemTime) -> Result<usize> {
        let files = self.files.clone();
        let result = tokio::task::spawn_blocking(move || files.sweep(now)).await;
        result.map_err(Error::internal)?.map_err(Error::of_file)
    }
}

/// How far a recording was transcribed.
#[derive(Clone, Copy, Default)]
struct Transcribed {
    /// The number of seconds transcribed.
    seconds: f64,
    is_complete: bool,
}

impl Transcribed {
    /// Returns the seconds to count, rounded up. Estimated from the length in bytes if the model
    /// does not report them.
    fn seconds(self, length: u64) -> u32 {
        let seconds = self.seconds.ceil() as u32;
        match (seconds, self.is_complete) {
            (0, true) => u32::try_from(length.div_ceil(BYTES_A_SECOND)).unwrap_or(u32::MAX),
            (seconds, _) => seconds,
        }
    }
}

/// Forwards the parts until the end, an error, or until the receiver is dropped.
async fn forward(mut parts: TranscriptStream, to: &Sender<Result<TranscriptPart>>) -> Transcribed {
    let (mut progress, mut duration) = (Transcribed::default(), 0.0_f64);
    loop {
        let part = tokio::select! {
            part = parts.next() => part,
            () = to.closed() => return progress,
        };
        match &part {
            None => {
                return Transcribed { seconds: progress.seconds.max(duration), is_complete: true };
            }
            Some(Ok(TranscriptPart::Recording { duration: total, .. })) => duration = *total,
            Some(Ok(TranscriptPart::Segment(segment))) => {
                progress.seconds = progress.seconds.max(segment.end);
            }
            Some(Ok(TranscriptPart::Progress(seconds))) => {
                progress.seconds = progress.seconds.max(*seconds);
            }
            Some(Err(_)) => {}
        }
        let Some(part) = part else { return progress };
        let is_last = part.is_err();
        if to.send(part).await.is_err() || is_last {
            return progress;
        }
    }
}

/// Creates a WAV file with one second of silence.
pub(crate) fn second_of_silence() -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    let samples = [0; 48_000];
    file.write_all(&wav::header(Some(48_000)))?;
    file.write_all(&samples)?;
    Ok(file)
}

async fn acquire(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    let exhausted = || Error::exhausted("Too much audio is being processed; try again later");
    let permit = tokio::time::timeout(MAX_WAIT, semaphore.clone().acquire_owned()).await;
    permit.map_err(|_| exhausted())?.map_err(Error::internal)
}

fn check_format(
    model: &dyn SpeechSynthesizer,
    format: AudioFormat,
    field: &'static str,
) -> Result<()> {
    let formats = model.formats();
    if formats.contains(&format) {
        return Ok(());
    }
    let known = formats.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(", ");
    Err(Error::invalid(field, format!("{} supports only {known}", model.name().provider)))
}

/// Returns the voice to request. Providers with other voices use their default for a voice of
/// OpenAI.
fn voice(requested: Option<String>, model: &SpeechModelName) -> Option<String> {
    let has_common_voices = COMMON_VOICE_PROVIDERS.contains(&model.provider.as_str());
    let voice = requested.filter(|voice| !voice.trim().is_empty() && voice != "default");
    voice.filter(|voice| has_common_voices || !COMMON_VOICES.contains(&voice.as_str()))
}

#[cfg(test)]
mod tests;
