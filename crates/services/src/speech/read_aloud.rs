//! Reading answers aloud. The audio is streamed while it is made and stored for later requests.
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use carrel_domain::audit::By;
use carrel_domain::speech::{
    AudioFormat, LONGEST_SPOKEN_TEXT, SpeechModelName, SpeechRequest, SpeechSynthesizer, SpeechUse,
    Speed,
};
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::pieces::pieces;
use super::{SpeechService, acquire, check_format, spoken_text, voice, wav};

/// The maximum length of an answer, in spoken characters: about an hour.
const MAX_ANSWER_CHARS: usize = 50_000;

/// The number of characters synthesized at a time. Small, so that the first audio comes soon.
const PIECE_CHARS: usize = 1_000;

/// The maximum size of the audio of one answer, in bytes.
const MAX_AUDIO_BYTES: usize = 256 << 20;

/// How to read an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadAloud {
    /// The voice, by its id. The voice of the settings if absent.
    pub voice: Option<String>,
    /// The format. If absent, MP3 if supported, otherwise WAV.
    pub format: Option<AudioFormat>,
    /// The speaking rate.
    pub speed: Speed,
}

/// The audio of an answer.
pub enum SpokenAnswer {
    /// A stored file.
    Stored(PathBuf, AudioFormat),
    /// Audio in progress. Dropping the receiver cancels the work.
    Streaming(Receiver<Result<Vec<u8>>>, AudioFormat),
}

/// Returns whether a file name is that of a stored answer.
pub(super) fn is_name(name: &str) -> bool {
    let Some((digest, ending)) = name.split_once('.') else { return false };
    digest.len() == 64
        && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        && AudioFormat::named(ending).is_some()
}

impl SpeechService {
    /// Reads an answer aloud. The audio is stored for 30 days, within the newest 512 MiB, under a
    /// name derived from the text and the options, so that an edited answer is read again.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] if the answer has no words or too many; otherwise those of
    /// [`SpeechService::speak`].
    pub async fn read_aloud(
        &self,
        answer: &str,
        request: ReadAloud,
        by: &By,
    ) -> Result<SpokenAnswer> {
        let text = spoken_text(answer);
        let length = text.chars().count();
        if length == 0 {
            return Err(Error::unprocessable("the answer contains nothing to speak"));
        }
        if length > MAX_ANSWER_CHARS {
            let reason = format!(
                "answers of more than {MAX_ANSWER_CHARS} characters are not read \
                 aloud"
            );
            return Err(Error::unprocessable(reason));
        }
        let model = self.models.synthesizer()?;
        let ReadAloud { voice: requested_voice, format, speed } = request;
        let output = OutputFormat::of(&*model, format, length)?;
        let voice = voice(requested_voice, &model.name());
        let voice_id = voice.clone().unwrap_or_else(|| model.usual_voice());
        let name = name(&text, &model.name(), &voice_id, speed, output.format);
        let path = self.files.path(&name);
        if tokio::fs::try_exists(&path).await.map_err(Error::of_file)? {
            return Ok(SpokenAnswer::Stored(path, output.format));
        }
        self.meter.check(SpeechUse::Synthesized, by).await?;
        let permit = acquire(&self.syntheses).await?;
        self.meter.count_spoken(&text, &model.name(), by).await?;
        let request = SpeechRequest {
            text: String::new(),
            voice,
            format: output.requested,
            speed,
            instructions: None,
        };
        let file = self.files.begin().map_err(Error::of_file)?;
        let (sender, receiver) = mpsc::channel(8);
        let mut reading = Reading { model, request, output, file, sender, bytes: 0 };
        let (files, tasks) = (self.files.clone(), self.tasks.clone());
        self.tasks.spawn(async move {
            let result = tokio::select! {
                result = reading.run(&text) => result,
                () = tasks.stopping() => Err(Error::unavailable("this server", "it is stopping")),
            };
            drop(permit);
            let Reading { file, sender, output, bytes, .. } = reading;
            let result = match result {
                Ok(true) => {
                    let store = move || {
                        finish(file, output, bytes)
                            .and_then(|file| files.persist(&name, file, SystemTime::now()))
                    };
                    let result = tokio::task::spawn_blocking(store).await;
                    // The listener has received everything even if the file cannot be stored.
                    if let Ok(Err(error)) = result {
                        tracing::warn!(%error, "failed to store a spoken answer");
                    }
                    return;
                }
                Ok(false) => return,
                Err(error) => Err(error),
            };
            // The listener may have left.
            let _ = sender.send(result).await;
        });
        Ok(SpokenAnswer::Streaming(receiver, output.format))
    }
}

/// The format in which an answer is stored, and the format of its pieces.
#[derive(Clone, Copy)]
struct OutputFormat {
    format: AudioFormat,
    requested: AudioFormat,
    /// The length of a piece, in characters.
    piece: usize,
}

impl OutputFormat {
    fn of(
        model: &dyn SpeechSynthesizer,
        requested: Option<AudioFormat>,
        length: usize,
    ) -> Result<Self> {
        let formats = model.formats();
        let has = |format: AudioFormat| formats.contains(&format);
        let default_format = match formats.first() {
            _ if has(AudioFormat::Mp3) => AudioFormat::Mp3,
            _ if has(AudioFormat::Pcm) => AudioFormat::Wav,
            Some(first) => *first,
            None => return Err(Error::unavailable("speech synthesis", "it returns no audio")),
        };
        let format = requested.unwrap_or(default_format);
        match format {
            // These formats consist of independent frames that can be concatenated.
            AudioFormat::Mp3 | AudioFormat::Aac | AudioFormat::Pcm => {
                check_format(model, format, "format")?;
                Ok(Self { format, requested: format, piece: PIECE_CHARS })
            }
            AudioFormat::Wav if has(AudioFormat::Pcm) => {
                Ok(Self { format, requested: AudioFormat::Pcm, piece: PIECE_CHARS })
            }
            AudioFormat::Wav | AudioFormat::Flac | AudioFormat::Opus => {
                check_format(model, format, "format")?;
                if length > LONGEST_SPOKEN_TEXT {
                    let reason = format!(
                        "{} is limited to answers of {LONGEST_SPOKEN_TEXT} characters; request mp3",
                        format.as_str()
                    );
                    return Err(Error::invalid("format", reason));
                }
                Ok(Self { format, requested: format, piece: LONGEST_SPOKEN_TEXT })
            }
        }
    }

    /// Returns whether this server writes the WAV header.
    fn has_wav_header(self) -> bool {
        self.format == AudioFormat::Wav && self.requested == AudioFormat::Pcm
    }
}

struct Reading {
    model: Arc<dyn SpeechSynthesizer>,
    request: SpeechRequest,
    output: OutputFormat,
    file: NamedTempFile,
    sender: Sender<Result<Vec<u8>>>,
    /// The number of audio bytes so far.
    bytes: usize,
}

impl Reading {
    /// Speaks the text. Returns `false` if the listener has left.
    async fn run(&mut self, text: &str) -> Result<bool> {
        if self.output.has_wav_header() && !self.push(wav::header(None).to_vec()).await? {
            return Ok(false);
        }
        for piece in pieces(text, self.output.piece) {
            let request = SpeechRequest { text: piece.to_owned(), ..self.request.clone() };
            let mut audio = self.model.speak(request).await?.audio;
            while let Some(chunk) = audio.next().await {
                let chunk = chunk?;
                self.bytes += chunk.len();
                if self.bytes > MAX_AUDIO_BYTES {
                    let reason = format!(
                        "it returned more than {MAX_AUDIO_BYTES} bytes of audio for \
                         one answer"
                    );
                    return Err(Error::unavailable("speech synthesis", reason));
                }
                if !self.push(chunk).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn push(&mut self, chunk: Vec<u8>) -> Result<bool> {
        self.file.write_all(&chunk).map_err(Error::of_file)?;
        Ok(self.sender.send(Ok(chunk)).await.is_ok())
    }
}

/// Writes the final length to the header of a WAV file.
fn finish(
    mut file: NamedTempFile,
    output: OutputFormat,
    bytes: usize,
) -> std::io::Result<NamedTempFile> {
    if output.has_wav_header() {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&wav::header(u32::try_from(bytes).ok()))?;
    }
    Ok(file)
}

/// Returns the file name of an answer, derived from everything that affects the audio.
fn name(
    text: &str,
    model: &SpeechModelName,
    voice: &str,
    speed: Speed,
    format: AudioFormat,
) -> String {
    let mut hash = Sha256::new();
    let speed = speed.factor().to_string();
    for part in [&model.provider, &model.model, voice, &speed, text] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}.{}", format.as_str())
}
