//! Text detection: a network marks the pixels of an image that belong to text.
use std::sync::Arc;

use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::boxes::{Marks, TextBox, find};
use crate::engine::OcrError;
use crate::picture::Picture;

/// Longer side of the network's input, in pixels. Pages with small print need this much.
const LONGEST_SIDE: usize = 1_408;
/// Smaller images are enlarged, up to twice.
const SMALL_SIDE: usize = 736;
/// Sides are multiples of this.
const STEP: usize = 32;

pub struct Detector {
    model: Model,
    threads: Arc<ThreadPool>,
}

impl Detector {
    pub fn new(model: Model, threads: Arc<ThreadPool>) -> Self {
        Self { model, threads }
    }

    /// Returns the boxes around lines of text, in pixels of the image.
    pub fn find(&self, picture: &Picture) -> Result<Vec<TextBox>, OcrError> {
        let (width, height) = seen_size(picture.width(), picture.height());
        let scaled = picture.scaled(width, height);
        let input = input(&scaled);
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let marked = self.model.run_one((&input).into(), Some(options)).map_err(OcrError::run)?;
        let marked: NdTensor<f32, 4> = marked.try_into().map_err(|_| OcrError::shape())?;
        let [_, 1, rows, columns] = marked.shape() else { return Err(OcrError::shape()) };
        let marks = marked.to_vec();
        let scale_x = picture.width() as f32 / columns as f32;
        let scale_y = picture.height() as f32 / rows as f32;
        let found = find(&Marks { width: columns, height: rows, marks: &marks });
        Ok(found.into_iter().map(|found| found.scaled(scale_x, scale_y)).collect())
    }
}

/// Returns the size of the network's input for an image.
fn seen_size(width: usize, height: usize) -> (usize, usize) {
    let longest = width.max(height) as f32;
    let scale = (LONGEST_SIDE as f32 / longest).min((SMALL_SIDE as f32 / longest).clamp(1.0, 2.0));
    let side = |side: usize| {
        let steps = (side as f32 * scale / STEP as f32).round() as usize;
        steps.max(1) * STEP
    };
    (side(width), side(height))
}

fn input(picture: &Picture) -> NdTensor<f32, 4> {
    let (width, height) = (picture.width(), picture.height());
    let plane = width * height;
    let mut values = vec![0.0; 3 * plane];
    for y in 0..height {
        for x in 0..width {
            let color = picture.point(x as isize, y as isize);
            for (channel, part) in color.into_iter().enumerate() {
                values[channel * plane + y * width + x] = normal(f32::from(part));
            }
        }
    }
    NdTensor::from_data([1, 3, height, width], values)
}

/// Maps a color value to the networks' range, -1 to 1.
pub fn normal(part: f32) -> f32 {
    part / 127.5 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_of_the_network_is_neither_large_nor_tiny() {
        assert_eq!(seen_size(2_480, 3_508), (992, 1_408));
        assert_eq!(seen_size(400, 100), (736, 192));
        assert_eq!(seen_size(100, 20), (192, 32));
        assert_eq!(seen_size(40_000, 10), (1_408, 32));
    }
}
