//! The stretch of sound that the model hears next, of a recording that is decoded as it goes.
use super::mel::{HOP, REACH};
use super::weights::FRAMES;
use crate::audio::{AudioError, RATE};

/// Samples of one window: 30 seconds.
pub const WINDOW: usize = 2 * FRAMES * HOP;

/// Where sound comes from: the next samples, or `None` at its end.
pub type SampleSource<'a> = dyn FnMut() -> Result<Option<Vec<f32>>, AudioError> + 'a;

pub struct Windows<'a> {
    source: &'a mut SampleSource<'a>,
    /// Sound from `start` on.
    samples: Vec<f32>,
    start: usize,
    /// Where the next window begins, in samples from the beginning of the recording.
    at: usize,
    ended: bool,
}

impl<'a> Windows<'a> {
    /// The first window begins after so many seconds of the recording.
    pub fn starting_at(source: &'a mut SampleSource<'a>, seconds: f64) -> Result<Self, AudioError> {
        let at = (seconds.max(0.0) * RATE as f64).round() as usize;
        let mut windows = Self { source, samples: Vec::new(), start: 0, at, ended: false };
        windows.skip()?;
        Ok(windows)
    }

    /// Passes over what comes before the window, but for its margin, without keeping it.
    fn skip(&mut self) -> Result<(), AudioError> {
        let keep = self.at.saturating_sub(REACH);
        while !self.ended && self.start < keep {
            match (self.source)()? {
                Some(samples) if self.start + samples.len() <= keep => self.start += samples.len(),
                Some(samples) => {
                    self.samples.extend_from_slice(&samples[keep - self.start..]);
                    self.start = keep;
                }
                None => self.ended = true,
            }
        }
        if self.ended {
            // The recording is shorter than that.
            self.at = self.at.min(self.start + self.samples.len());
        }
        Ok(())
    }

    /// Where the next window begins, in seconds.
    pub fn seconds(&self) -> f64 {
        self.at as f64 / RATE as f64
    }

    /// The sound of the window, shorter at the end of the recording.
    pub fn sound(&mut self) -> Result<&[f32], AudioError> {
        let keep = self.at.saturating_sub(REACH);
        if keep > self.start {
            self.samples.drain(..(keep - self.start).min(self.samples.len()));
            self.start = keep;
        }
        while !self.ended && self.start + self.samples.len() < self.at + WINDOW + REACH {
            match (self.source)()? {
                Some(samples) => self.samples.extend(samples),
                None => self.ended = true,
            }
        }
        Ok(self.within())
    }

    fn within(&self) -> &[f32] {
        let start = (self.at - self.start).min(self.samples.len());
        &self.samples[start..(start + WINDOW).min(self.samples.len())]
    }

    /// The window's sound with what stands before it: at the beginning of the recording that is its mirror image.
    pub fn with_margin(&self) -> Vec<f32> {
        let window = self.within();
        let before = &self.samples[..self.at - self.start];
        let mirrored = window.iter().skip(1).take(REACH).rev();
        let mut all = Vec::with_capacity(WINDOW + 2 * REACH);
        if before.len() >= REACH {
            all.extend_from_slice(&before[before.len() - REACH..]);
        } else {
            all.resize(REACH.saturating_sub(window.len().saturating_sub(1)), 0.0);
            all.extend(mirrored);
        }
        all.extend_from_slice(window);
        let after = self.at - self.start + window.len();
        let after = &self.samples[after.min(self.samples.len())..];
        all.extend_from_slice(&after[..after.len().min(REACH)]);
        all
    }

    /// Goes on by so many samples.
    pub fn advance(&mut self, samples: usize) {
        self.at += samples.next_multiple_of(HOP).max(HOP);
    }
}
