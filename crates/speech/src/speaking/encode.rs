//! Encodes sound piece by piece, at 24,000 samples a second on one channel.
use carrel_domain::speech::AudioFormat;
use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr as _;
use flacenc::error::Verify as _;
use opus_pure::{Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead};
use rusty_mp3::{Mp3Encoder, Mp3EncoderConfig};

use super::SPOKEN_RATE;

/// Bit rate for speech, in bits per second.
const OPUS_RATE: i32 = 32_000;
const MP3_KILOBITS: u32 = 64;
/// Samples of one Opus packet: 20 ms.
const OPUS_FRAME: usize = SPOKEN_RATE as usize / 50;

/// The supported formats, the default first.
pub const FORMATS: [AudioFormat; 5] =
    [AudioFormat::Mp3, AudioFormat::Opus, AudioFormat::Flac, AudioFormat::Wav, AudioFormat::Pcm];

pub enum AudioEncoder {
    Pcm,
    Wav {
        is_begun: bool,
    },
    Mp3 {
        encoder: Box<Mp3Encoder>,
        is_begun: bool,
    },
    Opus(Box<Opus>),
    /// The header contains the length, so the file is written at the end.
    Flac(Vec<i32>),
}

pub struct Opus {
    encoder: OpusEncoder,
    writer: Option<OggOpusWriter<Vec<u8>>>,
    waiting: Vec<f32>,
}

impl AudioEncoder {
    /// Creates an encoder. Returns `None` if the format is not supported.
    pub fn new(format: AudioFormat) -> Result<Option<Self>, String> {
        Ok(Some(match format {
            AudioFormat::Pcm => Self::Pcm,
            AudioFormat::Wav => Self::Wav { is_begun: false },
            AudioFormat::Flac => Self::Flac(Vec::new()),
            AudioFormat::Mp3 => {
                let config = Mp3EncoderConfig { bitrate_kbps: MP3_KILOBITS, vbr_quality: None };
                Self::Mp3 { encoder: Box::new(Mp3Encoder::new(config)), is_begun: false }
            }
            AudioFormat::Opus => {
                let encoder = OpusEncoder::new(SPOKEN_RATE as i32, 1, Application::Audio);
                let mut encoder = encoder.map_err(|error| error.to_string())?;
                encoder.bitrate_bps = OPUS_RATE;
                let head = OpusHead::for_encoder(&encoder, SPOKEN_RATE);
                let writer =
                    OggOpusWriter::new(Vec::new(), head).map_err(|error| error.to_string())?;
                Self::Opus(Box::new(Opus { encoder, writer: Some(writer), waiting: Vec::new() }))
            }
            AudioFormat::Aac => return Ok(None),
        }))
    }

    /// Encodes samples and returns the finished bytes.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>, String> {
        match self {
            Self::Pcm => Ok(pcm(samples)),
            Self::Wav { is_begun } => {
                let mut bytes = if *is_begun { Vec::new() } else { wav_head() };
                *is_begun = true;
                bytes.extend(pcm(samples));
                Ok(bytes)
            }
            Self::Mp3 { encoder, is_begun } => {
                let pushed = encoder.push_pcm_f32(samples, 1, SPOKEN_RATE);
                pushed.map_err(|error| format!("{error:?}"))?;
                Ok(packets(encoder, is_begun))
            }
            Self::Opus(opus) => opus.push(samples),
            Self::Flac(all) => {
                all.extend(samples.iter().map(|&sample| i32::from(whole(sample))));
                Ok(Vec::new())
            }
        }
    }

    /// Returns the remaining bytes.
    pub fn finish(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Pcm => Ok(Vec::new()),
            Self::Wav { is_begun } => Ok(if is_begun { Vec::new() } else { wav_head() }),
            Self::Mp3 { mut encoder, mut is_begun } => {
                encoder.finish();
                Ok(packets(&mut encoder, &mut is_begun))
            }
            Self::Opus(opus) => opus.finish(),
            Self::Flac(samples) => flac(&samples),
        }
    }
}

impl Opus {
    fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>, String> {
        self.waiting.extend(samples);
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let whole = self.waiting.len() / OPUS_FRAME * OPUS_FRAME;
        let Some(writer) = &mut self.writer else { return Ok(Vec::new()) };
        for frame in self.waiting[..whole].chunks_exact(OPUS_FRAME) {
            let length = self.encoder.encode(frame, OPUS_FRAME, &mut packet);
            let length = length.map_err(|error| error.to_string())?;
            writer.write_packet(&packet[..length]).map_err(|error| error.to_string())?;
        }
        self.waiting.drain(..whole);
        Ok(writer.get_mut().map(std::mem::take).unwrap_or_default())
    }

    fn finish(mut self) -> Result<Vec<u8>, String> {
        let rest = self.waiting.len() % OPUS_FRAME;
        // Appends silence to make up for the encoder's delay.
        let padding = (OPUS_FRAME - rest) % OPUS_FRAME + OPUS_FRAME;
        let mut bytes = self.push(&vec![0.0; padding])?;
        if let Some(writer) = self.writer.take() {
            bytes.extend(writer.finish().map_err(|error| error.to_string())?);
        }
        Ok(bytes)
    }
}

/// Returns the finished packets except the first. That one states the length, which is not known
/// yet, and players that trust it would play nothing.
fn packets(encoder: &mut Mp3Encoder, is_begun: &mut bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(packet) = encoder.next_packet() {
        if std::mem::replace(is_begun, true) {
            bytes.extend(packet);
        }
    }
    bytes
}

/// Converts a sample to 16 bits.
fn whole(sample: f32) -> i16 {
    (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16
}

fn pcm(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|&sample| whole(sample).to_le_bytes()).collect()
}

/// Returns the header of a file of unknown length.
fn wav_head() -> Vec<u8> {
    let mut head = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    head.extend(SPOKEN_RATE.to_le_bytes());
    head.extend((SPOKEN_RATE * 2).to_le_bytes());
    head.extend(b"\x02\0\x10\0data\xff\xff\xff\xff");
    head
}

fn flac(samples: &[i32]) -> Result<Vec<u8>, String> {
    let config = flacenc::config::Encoder::default().into_verified();
    let config = config.map_err(|(_, error)| error.to_string())?;
    let rate = SPOKEN_RATE as usize;
    // Some players require blocks of equal length.
    let mut samples = samples.to_vec();
    samples.resize(samples.len().max(1).next_multiple_of(config.block_size), 0);
    let source = flacenc::source::MemSource::from_samples(&samples, 1, 16, rate);
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size);
    let mut sink = ByteSink::new();
    let written = stream.map_err(|error| error.to_string())?.write(&mut sink);
    written.map_err(|error| format!("{error:?}"))?;
    Ok(sink.as_slice().to_vec())
}
