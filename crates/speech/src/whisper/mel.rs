//! The log-mel spectrogram, Whisper's input: 80 or more bands of 25 ms of sound, every 10 ms.
//!
//! The bands are those of Slaney's Auditory Toolbox (1998), each of equal area; the window is a
//! Hann window.
use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use crate::audio::RATE;

/// Samples from one frame to the next.
pub const HOP: usize = 160;
/// Samples of one frame.
const WINDOW: usize = 400;
/// Samples before the middle of a frame.
pub const REACH: usize = WINDOW / 2;
const BINS: usize = WINDOW / 2 + 1;

pub struct Spectrogram {
    bands: usize,
    window: Vec<f32>,
    fourier: Arc<dyn RealToComplex<f32>>,
    /// For each band, its first bin and the weights from there on.
    filters: Vec<(usize, Vec<f32>)>,
}

impl Spectrogram {
    pub fn new(bands: usize) -> Self {
        let hann = |at: usize| (0.5 - 0.5 * (TAU * at as f64 / WINDOW as f64).cos()) as f32;
        Self {
            bands,
            window: (0..WINDOW).map(hann).collect(),
            fourier: RealFftPlanner::new().plan_fft_forward(WINDOW),
            filters: filters(bands),
        }
    }

    /// Returns `frames` frames, each with its bands side by side.
    ///
    /// `samples` begin [`REACH`] before the middle of the first frame. Missing samples count as
    /// silence.
    pub fn of(&self, samples: &[f32], frames: usize) -> Vec<f32> {
        let mut out = vec![0.0; frames * self.bands];
        let (mut input, mut output) =
            (self.fourier.make_input_vec(), self.fourier.make_output_vec());
        let mut scratch = self.fourier.make_scratch_vec();
        let mut power = [0.0_f32; BINS];
        for (frame, row) in out.chunks_mut(self.bands).enumerate() {
            let start = (frame * HOP).min(samples.len());
            let part = &samples[start..(start + WINDOW).min(samples.len())];
            input.fill(0.0);
            for ((input, sample), window) in input.iter_mut().zip(part).zip(&self.window) {
                *input = sample * window;
            }
            // The plan itself created buffers of the right lengths.
            let transformed =
                self.fourier.process_with_scratch(&mut input, &mut output, &mut scratch);
            debug_assert!(transformed.is_ok());
            for (power, bin) in power.iter_mut().zip(&output) {
                *power = bin.norm_sqr();
            }
            for (value, (first, weights)) in row.iter_mut().zip(&self.filters) {
                let sum: f32 = weights.iter().zip(&power[*first..]).map(|(w, p)| w * p).sum();
                *value = sum.max(1e-10).log10();
            }
        }
        let loudest = out.iter().copied().fold(f32::MIN, f32::max);
        for value in &mut out {
            *value = (value.max(loudest - 8.0) + 4.0) / 4.0;
        }
        out
    }
}

/// Returns triangular filters on the mel scale, of equal area on the frequency scale.
fn filters(bands: usize) -> Vec<(usize, Vec<f32>)> {
    let (lowest, highest) = (mel(0.0), mel(RATE as f64 / 2.0));
    let edge = |at: usize| hertz(lowest + (highest - lowest) * at as f64 / (bands + 1) as f64);
    let frequency = |bin: usize| (bin * RATE) as f64 / WINDOW as f64;
    let filter = |band: usize| {
        let (left, middle, right) = (edge(band), edge(band + 1), edge(band + 2));
        let weight = |bin: usize| {
            let (up, down) = (
                (frequency(bin) - left) / (middle - left),
                (right - frequency(bin)) / (right - middle),
            );
            (up.min(down).max(0.0) * 2.0 / (right - left)) as f32
        };
        let first = (0..BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
        (first, (first..BINS).map(weight).take_while(|&weight| weight > 0.0).collect())
    };
    (0..bands).map(filter).collect()
}

/// Converts a frequency to mel: linear up to 1,000 Hz, logarithmic above.
fn mel(hertz: f64) -> f64 {
    if hertz < 1000.0 {
        hertz * 3.0 / 200.0
    } else {
        15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4_f64.ln()
    }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone that swells every second, and one that rises from 0 Hz; two seconds.
    fn signal() -> Vec<f32> {
        let at = |index: usize| {
            let seconds = index as f64 / RATE as f64;
            let tone = 0.5 * (TAU * 440.0 * seconds).sin() * seconds.fract();
            (tone + 0.1 * (TAU * 3000.0 * seconds * seconds).sin()) as f32
        };
        (0..2 * RATE).map(at).collect()
    }

    /// The expected values are those of the feature extractor of faster-whisper 1.2.1.
    #[test]
    fn the_spectrogram_equals_that_of_the_reference() {
        let samples = signal();
        let mirrored: Vec<f32> = samples[1..=REACH].iter().rev().chain(&samples).copied().collect();
        let mel = Spectrogram::new(80).of(&mirrored, 3000);
        let expected: [(usize, [f32; 6]); 7] = [
            (0, [0.09763, 0.16731, -0.56524, -0.56524, -0.56524, -0.56524]),
            (1, [1.06091, 0.36661, -0.56524, -0.56524, -0.56524, -0.56524]),
            (50, [-0.56524, 1.19823, -0.56524, -0.56524, -0.56524, -0.56524]),
            (120, [-0.56524, 0.9993, -0.56524, -0.56524, -0.56524, -0.56524]),
            (199, [0.31687, 1.34727, 0.1853, -0.18412, -0.03941, -0.56524]),
            (200, [0.82902, 1.26636, 0.67551, 0.32548, 0.46313, -0.17216]),
            (250, [-0.56524; 6]),
        ];
        for (frame, values) in expected {
            for (band, value) in [0, 10, 20, 40, 60, 79].into_iter().zip(values) {
                let found = mel[frame * 80 + band];
                assert!((found - value).abs() < 2e-4, "{frame} {band}: {found} {value}");
            }
        }
    }
}
