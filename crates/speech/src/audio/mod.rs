//! Decodes recordings to 16,000 samples a second on one channel, a packet at a time.
//!
//! The format is detected from the content, not from the name. Of a video, the audio track is read.
mod opus;
mod resampler;
mod source;

use std::io::{ErrorKind, Read, Seek};

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use opus::OpusPackets;
pub(crate) use resampler::Resampler;
use source::AudioSource;

/// Samples in a second.
pub const RATE: usize = 16_000;
/// The longest recording, in seconds.
pub const LONGEST_RECORDING: u64 = 12 * 60 * 60;
/// Consecutive damaged packets after which decoding stops.
const MAX_BROKEN_PACKETS: u32 = 1_000;
/// Accepted sample rates, in samples per second.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// Why a file cannot be decoded. Each text completes "the file …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    #[error("is empty")]
    Empty,
    #[error("is not a recording, or is damaged")]
    Unknown,
    #[error("has no audio track")]
    NoSound,
    #[error("has audio in an unsupported encoding; save it as WAV, FLAC, MP3, AAC, Vorbis or Opus")]
    UnknownCodec,
    #[error("is damaged: none of its audio can be decoded")]
    Damaged,
    #[error("is longer than {} hours, the limit for recordings", .0 / 3600)]
    TooLong(u64),
}

/// A decoder of a file's sound.
pub struct Sound<'a> {
    format: Box<dyn FormatReader + 'a>,
    track: u32,
    duration: Option<f64>,
    decoder: Decoder,
    resampler: Option<Resampler>,
    /// Samples returned so far.
    delivered: u64,
    failures: u32,
    ended: bool,
    is_cut: bool,
}

enum Decoder {
    /// The decoder trims the samples that precede the sound.
    Any(Box<dyn AudioDecoder>),
    Opus(Box<OpusPackets>),
}

impl<'a> Sound<'a> {
    /// Reads the head of a file of `length` bytes.
    pub fn open(
        source: impl Read + Seek + Send + Sync + 'a,
        length: u64,
    ) -> Result<Self, AudioError> {
        if length == 0 {
            return Err(AudioError::Empty);
        }
        let source =
            MediaSourceStream::new(Box::new(AudioSource::new(source, length)), Default::default());
        let (options, metadata) = (FormatOptions::default(), MetadataOptions::default());
        let format = symphonia::default::get_probe()
            .probe(&Hint::new(), source, options, metadata)
            .map_err(|_| AudioError::Unknown)?;
        let track = format
            .first_track_known_codec(TrackType::Audio)
            .or_else(|| format.default_track(TrackType::Audio))
            .ok_or(AudioError::NoSound)?;
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
        let decoder = decoder(parameters.ok_or(AudioError::UnknownCodec)?)?;
        let (track, duration) = (track.id, duration(track));
        if duration.is_some_and(|seconds| seconds > LONGEST_RECORDING as f64) {
            return Err(AudioError::TooLong(LONGEST_RECORDING));
        }
        Ok(Self {
            format,
            track,
            duration,
            decoder,
            resampler: None,
            delivered: 0,
            failures: 0,
            ended: false,
            is_cut: false,
        })
    }

    /// Returns the duration that the file states, in seconds.
    pub fn duration(&self) -> Option<f64> {
        self.duration
    }

    /// Whether the file ended before its sound did.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Returns the next samples, from -1 to 1, or `None` at the end.
    pub fn next_samples(&mut self) -> Result<Option<Vec<f32>>, AudioError> {
        while !self.ended {
            let Some(packet) = self.packet() else {
                self.ended = true;
                let rest = self.resampler.take().map(Resampler::finish).unwrap_or_default();
                if self.delivered + rest.len() as u64 == 0 {
                    return Err(if self.failures > 0 {
                        AudioError::Damaged
                    } else {
                        AudioError::NoSound
                    });
                }
                return self.deliver(rest).map(Some);
            };
            let samples = self.decode(&packet)?;
            if !samples.is_empty() {
                return self.deliver(samples).map(Some);
            }
        }
        Ok(None)
    }

    fn deliver(&mut self, samples: Vec<f32>) -> Result<Vec<f32>, AudioError> {
        self.delivered += samples.len() as u64;
        if self.delivered > LONGEST_RECORDING * RATE as u64 {
            return Err(AudioError::TooLong(LONGEST_RECORDING));
        }
        Ok(samples)
    }

    /// Returns the next packet of the track. Everything after damage to the container is lost.
    fn packet(&mut self) -> Option<Packet> {
        loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Some(packet),
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => {
                    self.is_cut |= !matches!(&error, Error::IoError(cause)
                        if cause.kind() == ErrorKind::UnexpectedEof && self.is_whole());
                    return None;
                }
            }
        }
    }

    /// Whether the stated duration has been decoded.
    fn is_whole(&self) -> bool {
        let delivered = self.delivered as f64 / RATE as f64;
        self.duration.is_none_or(|seconds| delivered + 0.5 >= seconds)
    }

    /// Returns the samples of one packet, or none if it is damaged.
    fn decode(&mut self, packet: &Packet) -> Result<Vec<f32>, AudioError> {
        let decoded = match &mut self.decoder {
            Decoder::Opus(decoder) => decoder.decode(&packet.data),
            Decoder::Any(decoder) => match decoder.decode(packet) {
                Ok(buffer) => Some(one_channel(&buffer)),
                Err(Error::DecodeError(_) | Error::IoError(_)) => None,
                Err(_) => {
                    self.ended = true;
                    None
                }
            }
            .map(|(samples, rate)| resample(&mut self.resampler, samples, rate))
            .transpose()?,
        };
        match decoded {
            Some(samples) => {
                self.failures = 0;
                Ok(samples)
            }
            None => {
                self.failures += 1;
                if self.failures >= MAX_BROKEN_PACKETS {
                    return Err(AudioError::Damaged);
                }
                Ok(Vec::new())
            }
        }
    }
}

fn decoder(parameters: &AudioCodecParameters) -> Result<Decoder, AudioError> {
    if parameters.codec == CODEC_ID_OPUS {
        let head = parameters.extra_data.as_deref().unwrap_or_default();
        return Ok(Decoder::Opus(Box::new(OpusPackets::new(head)?)));
    }
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default());
    decoder.map(Decoder::Any).map_err(|_| AudioError::UnknownCodec)
}

/// Returns the duration of a track in seconds.
fn duration(track: &Track) -> Option<f64> {
    let base = track.time_base?;
    let ticks = track.num_frames.or_else(|| track.duration.map(|ticks| ticks.get()))?;
    let seconds = ticks as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get());
    (seconds > 0.0).then_some(seconds)
}

/// Returns the mean of the channels and the sample rate.
fn one_channel(buffer: &GenericAudioBufferRef<'_>) -> (Vec<f32>, u32) {
    let (channels, rate) = (buffer.spec().channels().count().max(1), buffer.spec().rate());
    let mut samples = Vec::new();
    buffer.copy_to_vec_interleaved::<f32>(&mut samples);
    if channels > 1 {
        let mean = |frame: &[f32]| frame.iter().sum::<f32>() / channels as f32;
        samples = samples.chunks_exact(channels).map(mean).collect();
    }
    for sample in &mut samples {
        *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
    }
    (samples, rate)
}

fn resample(
    resampler: &mut Option<Resampler>,
    samples: Vec<f32>,
    rate: u32,
) -> Result<Vec<f32>, AudioError> {
    if !RATES.contains(&rate) {
        return Err(AudioError::UnknownCodec);
    }
    let mut before = Vec::new();
    if resampler.as_ref().is_some_and(|resampler| resampler.rate() != rate) {
        before = resampler.take().map(Resampler::finish).unwrap_or_default();
    }
    let resampler = match resampler {
        Some(resampler) => resampler,
        None => resampler.insert(Resampler::new(rate).ok_or(AudioError::UnknownCodec)?),
    };
    let samples = resampler.push(samples);
    Ok(if before.is_empty() { samples } else { [before, samples].concat() })
}
