//! Decodes Opus packets to one channel at [`RATE`].
use opus_pure::OpusDecoder;

use super::{AudioError, RATE};

/// The longest packet, in samples: 120 ms.
const LONGEST_PACKET: usize = RATE * 120 / 1000;
/// Opus counts time in samples of 48 kHz.
const CLOCK: usize = 48_000 / RATE;

pub struct OpusPackets {
    decoder: OpusDecoder,
    /// Samples at the beginning that precede the sound.
    skip: usize,
    room: Vec<f32>,
}

impl OpusPackets {
    /// Creates a decoder. `head` is the identification header of RFC 7845.
    pub fn new(head: &[u8]) -> Result<Self, AudioError> {
        let number =
            |at: usize| head.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let (family, skip) = (head.get(18).copied().unwrap_or(0), number(10).unwrap_or(0));
        // Other channel mappings consist of several streams.
        if family != 0 {
            return Err(AudioError::UnknownCodec);
        }
        let decoder = OpusDecoder::new(RATE as i32, 1).map_err(|_| AudioError::UnknownCodec)?;
        Ok(Self { decoder, skip: usize::from(skip) / CLOCK, room: vec![0.0; LONGEST_PACKET] })
    }

    /// Returns the samples of a packet, or `None` if it is damaged.
    pub fn decode(&mut self, packet: &[u8]) -> Option<Vec<f32>> {
        if packet.is_empty() {
            return None;
        }
        let length = self.decoder.decode(packet, LONGEST_PACKET, &mut self.room).ok()?;
        let skipped = self.skip.min(length);
        self.skip -= skipped;
        let samples = self.room[skipped..length].iter();
        Some(
            samples
                .map(|sample| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 })
                .collect(),
        )
    }
}
