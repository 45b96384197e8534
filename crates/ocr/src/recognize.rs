//! Text recognition: a network reads a line from left to right, a few pixels at a time.
use std::sync::Arc;

use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::boxes::TextBox;
use crate::detect::normal;
use crate::engine::OcrError;
use crate::languages::Languages;
use crate::picture::Picture;
use crate::rules;

/// Height of a line in the network's input.
const HEIGHT: usize = 48;
/// Longer lines are compressed.
const LONGEST: usize = 3_200;
const SHORTEST: usize = 16;

pub struct Recognizer {
    model: Model,
    threads: Arc<ThreadPool>,
    /// Class names. The first class means no character, the last is a space.
    characters: Vec<String>,
    /// Which classes are read; empty for all.
    is_read: Vec<bool>,
}

/// The text of a line, and the network's confidence, from 0 to 1.
#[derive(Clone, Debug, Default)]
pub struct RecognizedLine {
    pub text: String,
    pub confidence: f32,
}

impl Recognizer {
    pub fn new(
        model: Model,
        threads: Arc<ThreadPool>,
        dictionary: &str,
        languages: &Languages,
    ) -> Self {
        let characters: Vec<String> = dictionary.lines().map(str::to_owned).collect();
        let allowed = characters.iter().map(|text| text.chars().all(|c| languages.allow(c)));
        let is_read = [true].into_iter().chain(allowed).chain([true]).collect();
        Self { model, threads, characters, is_read }
    }

    /// Reads the line in a box, in the direction of the box.
    pub fn read(&self, picture: &Picture, line: &TextBox) -> Result<RecognizedLine, OcrError> {
        let input = input(picture, line);
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let output = self.model.run_one((&input).into(), Some(options)).map_err(OcrError::run)?;
        let output: NdTensor<f32, 3> = output.try_into().map_err(|_| OcrError::shape())?;
        let [1, steps, classes] = output.shape() else { return Err(OcrError::shape()) };
        if classes != self.characters.len() + 2 {
            return Err(OcrError::Model("its dictionary belongs to another model".to_owned()));
        }
        let values = output.data().ok_or_else(OcrError::shape)?;
        let best = values.chunks_exact(classes).take(steps).map(|step| self.best(step));
        Ok(self.joined(best))
    }

    /// Returns the most likely class of those that are read.
    fn best(&self, step: &[f32]) -> (usize, f32) {
        let mut best = (0, f32::MIN);
        for (class, (value, is_read)) in step.iter().zip(&self.is_read).enumerate() {
            if *is_read && *value > best.1 {
                best = (class, *value);
            }
        }
        best
    }

    /// Joins the steps to a text. Consecutive steps of the same class are one character.
    fn joined(&self, steps: impl Iterator<Item = (usize, f32)>) -> RecognizedLine {
        let (mut text, mut last) = (String::new(), 0);
        let (mut sum, mut count) = (0.0, 0.0);
        for (class, value) in steps {
            if class != 0 && class != last {
                match self.characters.get(class - 1) {
                    Some(character) => text.push_str(character),
                    None => text.push(' '),
                }
                sum += value.clamp(0.0, 1.0);
                count += 1.0;
            }
            last = class;
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        RecognizedLine { text, confidence: if count > 0.0 { sum / count } else { 0.0 } }
    }
}

/// Returns the part of the image in a box, leveled and scaled to the network's height.
fn input(picture: &Picture, line: &TextBox) -> NdTensor<f32, 4> {
    let (half_length, half_height) = (line.reach.0.max(0.5), line.reach.1.max(0.5));
    let length = (HEIGHT as f32 * half_length / half_height).ceil() as usize;
    let width = length.clamp(SHORTEST, LONGEST).next_multiple_of(8);
    let (step_u, step_v) = (2.0 * half_length / width as f32, 2.0 * half_height / HEIGHT as f32);
    // Averages if several pixels of the image map to one.
    let samples = (step_u.max(step_v).round() as usize).clamp(1, 3);
    let (direction, across) = (line.direction, (-line.direction.1, line.direction.0));
    let plane = HEIGHT * width;
    let mut values = vec![0.0; 3 * plane];
    for row in 0..HEIGHT {
        for column in 0..width {
            let mut color = [0.0; 3];
            for sample in 0..samples * samples {
                let (i, j) = (sample % samples, sample / samples);
                let part = |at: usize, i: usize| at as f32 + (i as f32 + 0.5) / samples as f32;
                let u = part(column, i) * step_u - half_length;
                let v = part(row, j) * step_v - half_height;
                let x = line.middle.0 + u * direction.0 + v * across.0;
                let y = line.middle.1 + u * direction.1 + v * across.1;
                for (sum, part) in color.iter_mut().zip(picture.between(x, y)) {
                    *sum += part;
                }
            }
            for (channel, sum) in color.into_iter().enumerate() {
                let mean = sum / (samples * samples) as f32;
                values[channel * plane + row * width + column] = normal(mean);
            }
        }
    }
    rules::remove(&mut values, width, HEIGHT);
    NdTensor::from_data([1, 3, HEIGHT, width], values)
}
