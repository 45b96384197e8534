//! Windows of a recording that is decoded on the fly.
use super::mel::{HOP, REACH};
use super::weights::FRAMES;
use crate::audio::{AudioError, RATE};

/// Samples of one window: 30 seconds.
pub const WINDOW: usize = 2 * FRAMES * HOP;

/// Returns the next samples, or `None` at the end.
pub type SampleSource<'a> = dyn FnMut() -> Result<Option<Vec<f32>>, AudioError> + 'a;

pub struct Windows<'a> {
    source: &'a mut SampleSource<'a>,
    /// Samples from `start` on.
    samples: Vec<f32>,
    start: usize,
    /// Start of the next window, in samples from the beginning of the recording.
    at: usize,
    ended: bool,
}

impl<'a> Windows<'a> {
    /// Creates windows, the first of which begins at `seconds`.
    pub fn starting_at(source: &'a mut SampleSource<'a>, seconds: f64) -> Result<Self, AudioError> {
        let at = (seconds.max(0.0) * RATE as f64).round() as usize;
        let mut windows = Self { source, samples: Vec::new(), start: 0, at, ended: false };
        windows.skip()?;
        Ok(windows)
    }

    /// Drops samples before the window, except for its margin.
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
            // The recording is shorter than the requested start.
            self.at = self.at.min(self.start + self.samples.len());
        }
        Ok(())
    }

    /// Returns the start of the next window in seconds.
    pub fn seconds(&self) -> f64 {
        self.at as f64 / RATE as f64
    }

    /// Returns the samples of the window; fewer at the end of the recording.
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

    /// Returns the window's samples with the margin before them. At the beginning of the recording,
    /// the margin is a mirror image.
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

    /// Advances by a number of samples.
    pub fn advance(&mut self, samples: usize) {
        self.at += samples.next_multiple_of(HOP).max(HOP);
    }
}
