//! Converts the sample rate of one channel.
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use super::RATE;

/// Samples processed at a time.
const CHUNK: usize = 1024;

/// Collects samples until they suffice for a step.
pub struct Resampler {
    rate: u32,
    target: u32,
    /// `None` if the two rates are equal.
    engine: Option<Fft<f32>>,
    waiting: Vec<f32>,
    /// Samples at the beginning of the output that precede the input.
    delay: usize,
    consumed: u64,
    produced: u64,
}

impl Resampler {
    /// Creates a resampler to [`RATE`]. Returns `None` if the rate cannot be converted.
    pub fn new(rate: u32) -> Option<Self> {
        Self::between(rate, RATE as u32)
    }

    /// Creates a resampler between two rates.
    pub fn between(rate: u32, target: u32) -> Option<Self> {
        let engine = match rate == target {
            true => None,
            false => {
                let (rate, target) = (rate as usize, target as usize);
                Some(Fft::new(rate, target, CHUNK, 1, FixedSync::Input).ok()?)
            }
        };
        let delay = engine.as_ref().map_or(0, |engine| engine.output_delay());
        Some(Self { rate, target, engine, waiting: Vec::new(), delay, consumed: 0, produced: 0 })
    }

    /// Returns the sample rate of the input.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    pub fn push(&mut self, samples: Vec<f32>) -> Vec<f32> {
        self.consumed += samples.len() as u64;
        if self.engine.is_none() {
            self.produced += samples.len() as u64;
            return samples;
        }
        self.waiting.extend(samples);
        let mut output_samples = Vec::new();
        let mut start = 0;
        while let Some(step) = self.step(start, false) {
            start += step.0;
            output_samples.extend(step.1);
        }
        self.waiting.drain(..start);
        self.deliver(output_samples, u64::MAX)
    }

    /// Returns the remaining samples, so that the output is as long as the input.
    pub fn finish(mut self) -> Vec<f32> {
        if self.engine.is_none() {
            return Vec::new();
        }
        let whole = (self.consumed * u64::from(self.target)).div_ceil(u64::from(self.rate));
        let mut rest = Vec::new();
        while self.produced < whole {
            let Some((read, produced)) = self.step(0, true) else { break };
            self.waiting.drain(..read.min(self.waiting.len()));
            let delivered = self.deliver(produced, whole - self.produced);
            rest.extend(delivered);
        }
        rest
    }

    /// Processes one chunk. Returns the number of samples read and the samples produced. At the
    /// end, silence fills the chunk.
    fn step(&mut self, start: usize, is_end: bool) -> Option<(usize, Vec<f32>)> {
        let engine = self.engine.as_mut()?;
        let needed = engine.input_frames_next();
        let waiting = &self.waiting[start..];
        if waiting.len() < needed && !is_end {
            return None;
        }
        let mut padded = Vec::new();
        let input = if waiting.len() < needed {
            padded.extend_from_slice(waiting);
            padded.resize(needed, 0.0);
            &padded[..]
        } else {
            &waiting[..needed]
        };
        let mut output = vec![0.0; engine.output_frames_next()];
        let length = output.len();
        let from = SequentialSlice::new(input, 1, needed).ok()?;
        let mut into = SequentialSlice::new_mut(&mut output, 1, length).ok()?;
        let (read, produced) =
            engine.process_into_buffer(&from, &mut into, Some(&Indexing::new())).ok()?;
        output.truncate(produced);
        Some((read, output))
    }

    fn deliver(&mut self, mut samples: Vec<f32>, most: u64) -> Vec<f32> {
        let skipped = self.delay.min(samples.len());
        samples.drain(..skipped);
        self.delay -= skipped;
        samples.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        self.produced += samples.len() as u64;
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_pitch_position_and_length() {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
            let tone = |at: f64| (at * 440.0 * std::f64::consts::TAU).sin() as f32;
            let input: Vec<f32> =
                (0..rate * 2).map(|i| tone(f64::from(i) / f64::from(rate))).collect();
            let mut resampler = Resampler::new(rate).unwrap();
            let mut output = Vec::new();
            for part in input.chunks(777) {
                output.extend(resampler.push(part.to_vec()));
            }
            output.extend(resampler.finish());
            assert_eq!(output.len(), 2 * RATE, "{rate}");
            for (index, found) in output.iter().enumerate().skip(400).take(2 * RATE - 800) {
                let expected = tone(index as f64 / RATE as f64);
                // Within one sample: a filter of odd length delays by half an input sample.
                assert!((found - expected).abs() < 0.18, "{rate} Hz, {index}: {found} {expected}");
            }
        }
    }
}
