//! Text detection: a network marks the pixels of an image that belong to text.
use std::sync::Arc;

use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::boxes::{Marks, TextBox, find};
use crate::engine::OcrError;
use crate::picture::Picture;

/// Longer side of the network's input, in pixels.
const USUAL_SIDE: usize = 768;
/// Longest side for small print.
const LONGEST_SIDE: usize = 1_408;
/// Lines that are lower than this in the network's input are small print.
const SMALL_PRINT: f32 = 14.0;
/// The height that small print is enlarged to.
const ENLARGED: f32 = 18.0;
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
        let usual = self.find_at(picture, USUAL_SIDE)?;
        let longest = picture.width().max(picture.height());
        match side_for_small_print(usual_height(&usual), longest) {
            Some(side) => self.find_at(picture, side),
            None => Ok(usual),
        }
    }

    fn find_at(&self, picture: &Picture, longest: usize) -> Result<Vec<TextBox>, OcrError> {
        let (width, height) = input_size(picture.width(), picture.height(), longest);
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

/// Returns the median height of boxes, or zero if there is none.
fn usual_height(boxes: &[TextBox]) -> f32 {
    let mut heights: Vec<f32> = boxes.iter().map(|found| 2.0 * found.reach.1).collect();
    heights.sort_by(f32::total_cmp);
    heights.get(heights.len() / 2).copied().unwrap_or_default()
}

/// Returns the longer side of the network's input in which small print can be read, if most lines of
/// the image are small print.
fn side_for_small_print(line_height: f32, longest: usize) -> Option<usize> {
    let seen_height = line_height * USUAL_SIDE as f32 / longest as f32;
    let side = (USUAL_SIDE as f32 * ENLARGED / seen_height) as usize;
    (longest > USUAL_SIDE && seen_height < SMALL_PRINT).then_some(side.min(LONGEST_SIDE))
}

/// Returns the size of the network's input for an image, with a longer side of at most `longest`.
fn input_size(width: usize, height: usize, longest: usize) -> (usize, usize) {
    let side = width.max(height) as f32;
    let scale = (longest as f32 / side).min((SMALL_SIDE as f32 / side).clamp(1.0, 2.0));
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
        assert_eq!(input_size(2_480, 3_508, LONGEST_SIDE), (992, 1_408));
        assert_eq!(input_size(2_480, 3_508, USUAL_SIDE), (544, 768));
        assert_eq!(input_size(400, 100, USUAL_SIDE), (736, 192));
        assert_eq!(input_size(100, 20, USUAL_SIDE), (192, 32));
        assert_eq!(input_size(40_000, 10, LONGEST_SIDE), (1_408, 32));
    }

    #[test]
    fn pages_with_small_print_are_seen_larger() {
        assert_eq!(side_for_small_print(20.0, 768), None);
        assert_eq!(side_for_small_print(65.0, 3_508), None);
        assert_eq!(side_for_small_print(60.0, 3_508), Some(1_052));
        assert_eq!(side_for_small_print(20.0, 3_508), Some(LONGEST_SIDE));
        assert_eq!(side_for_small_print(0.0, 3_508), Some(LONGEST_SIDE));
    }

    #[test]
    fn the_height_of_most_lines_tells_small_print() {
        let line = |reach| TextBox { middle: (0.0, 0.0), direction: (1.0, 0.0), reach };
        assert_eq!(usual_height(&[]), 0.0);
        assert_eq!(usual_height(&[line((90.0, 4.0)), line((9.0, 30.0)), line((80.0, 5.0))]), 10.0);
    }
}
