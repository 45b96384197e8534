//! Reads the lines of text in an image, from top to bottom, with their positions.
use std::sync::Arc;
use std::time::Instant;

use rten::{Model, ThreadPool};

use crate::boxes::TextBox;
use crate::detect::Detector;
use crate::languages::Languages;
use crate::order;
use crate::picture::Picture;
use crate::recognize::{RecognizedLine, Recognizer};

/// Lowest confidence of lines that are kept.
const LEAST_CONFIDENCE: f32 = 0.5;
/// Number of lines that are read to determine the page's orientation.
const TRIED: usize = 4;
/// Confidence at which the orientation counts as correct.
const CONFIDENT: f32 = 0.75;

#[derive(Debug, thiserror::Error)]
pub enum OcrError {
    /// The files are not those of the model.
    #[error("the model cannot be used: {0}")]
    Model(String),
    #[error("the model failed: {0}")]
    Run(String),
}

impl OcrError {
    pub(crate) fn run(error: rten::RunError) -> Self {
        Self::Run(error.to_string())
    }

    pub(crate) fn shape() -> Self {
        Self::Model("its output has an unexpected shape".to_owned())
    }
}

/// A line of text and its position on the leveled page, in pixels of the image from the upper left
/// corner.
#[derive(Clone, Debug, PartialEq)]
pub struct TextLine {
    pub text: String,
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
    /// True if the line runs from top to bottom.
    pub is_vertical: bool,
}

/// The text of an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecognizedText {
    /// From top to bottom, and from left to right at the same height.
    pub lines: Vec<TextLine>,
    /// True if the time was up before all lines were read.
    pub is_cut: bool,
}

/// The loaded models.
pub struct Engine {
    detector: Detector,
    recognizer: Recognizer,
}

impl Engine {
    /// Loads the models from the contents of their files. Uses one thread besides the caller's.
    pub fn load(
        detector: Vec<u8>,
        recognizer: Vec<u8>,
        dictionary: &str,
        languages: &Languages,
    ) -> Result<Self, OcrError> {
        let model =
            |bytes: Vec<u8>| Model::load(bytes).map_err(|error| OcrError::Model(error.to_string()));
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        let (detector, recognizer) = (model(detector)?, model(recognizer)?);
        Ok(Self {
            detector: Detector::new(detector, Arc::clone(&threads)),
            recognizer: Recognizer::new(recognizer, threads, dictionary, languages),
        })
    }

    /// Reads the text of an image, until the end of the text or of the time.
    pub fn read(&self, picture: &Picture, until: Instant) -> Result<RecognizedText, OcrError> {
        if Instant::now() >= until {
            return Ok(RecognizedText { lines: Vec::new(), is_cut: true });
        }
        let boxes = self.detector.find(picture)?;
        let direction = self.direction(picture, &boxes)?;
        let level =
            |x: f32, y: f32| (x * direction.0 + y * direction.1, y * direction.0 - x * direction.1);
        let mut placed: Vec<(TextLine, TextBox)> = boxes
            .iter()
            .map(|found| {
                let line = order::as_read(found, direction);
                let (u, v) = level(line.middle.0, line.middle.1);
                let is_vertical =
                    line.direction.0 * direction.0 + line.direction.1 * direction.1 < 0.5;
                let (across, down) = match is_vertical {
                    true => (line.reach.1, line.reach.0),
                    false => line.reach,
                };
                let (left, right, top, bottom) = (u - across, u + across, v - down, v + down);
                (TextLine { text: String::new(), left, right, top, bottom, is_vertical }, line)
            })
            .collect();
        sort(&mut placed);
        // The upper left corner of the leveled page, so that no position is negative.
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)];
        let corners = corners.map(|(x, y)| level(x, y));
        let start = corners.iter().fold((f32::MAX, f32::MAX), |start, corner| {
            (start.0.min(corner.0), start.1.min(corner.1))
        });
        let mut reading = RecognizedText::default();
        for (mut line, place) in placed {
            if Instant::now() >= until {
                reading.is_cut = true;
                break;
            }
            let RecognizedLine { text, confidence } = self.recognizer.read(picture, &place)?;
            if !text.is_empty() && confidence >= LEAST_CONFIDENCE {
                line.text = text;
                (line.left, line.right) = (line.left - start.0, line.right - start.0);
                (line.top, line.bottom) = (line.top - start.1, line.bottom - start.1);
                reading.lines.push(line);
            }
        }
        Ok(reading)
    }

    /// Returns the reading direction of the page's lines.
    fn direction(&self, picture: &Picture, boxes: &[TextBox]) -> Result<(f32, f32), OcrError> {
        let is_sideways = order::is_sideways(boxes);
        let direction = order::direction(boxes, is_sideways);
        let back = (-direction.0, -direction.1);
        let tried = order::longest(boxes, is_sideways, TRIED);
        let forwards = self.confidence(picture, &tried, direction)?;
        if tried.is_empty() || (!is_sideways && forwards >= CONFIDENT) {
            return Ok(direction);
        }
        let backwards = self.confidence(picture, &tried, back)?;
        Ok(if backwards > forwards + 0.05 { back } else { direction })
    }

    /// Returns the confidence of lines that are read in a direction.
    fn confidence(
        &self,
        picture: &Picture,
        lines: &[TextBox],
        direction: (f32, f32),
    ) -> Result<f32, OcrError> {
        let mut sum = 0.0;
        for line in lines {
            sum += self.recognizer.read(picture, &order::as_read(line, direction))?.confidence;
        }
        Ok(sum / lines.len().max(1) as f32)
    }
}

/// Sorts from top to bottom, and from left to right at the same height.
fn sort(lines: &mut Vec<(TextLine, TextBox)>) {
    lines.sort_by(|(one, _), (other, _)| {
        (one.top + one.bottom).total_cmp(&(other.top + other.bottom))
    });
    let mut sorted: Vec<(TextLine, TextBox)> = Vec::with_capacity(lines.len());
    let mut row = 0;
    for line in lines.drain(..) {
        let middle = (line.0.top + line.0.bottom) / 2.0;
        let is_beside = sorted.get(row).is_some_and(|(first, _)| {
            let reach = (first.bottom - first.top).min(line.0.bottom - line.0.top) / 4.0;
            ((first.top + first.bottom) / 2.0 - middle).abs() < reach
        });
        if !is_beside {
            order_row(&mut sorted[row..]);
            row = sorted.len();
        }
        sorted.push(line);
    }
    order_row(&mut sorted[row..]);
    *lines = sorted;
}

fn order_row(row: &mut [(TextLine, TextBox)]) {
    row.sort_by(|(one, _), (other, _)| one.left.total_cmp(&other.left));
}
