//! Reads the lines of text in an image, from top to bottom, with their positions.
use std::sync::Arc;
use std::time::Instant;

use rten::{Model, ThreadPool};

use crate::boxes::TextBox;
use crate::detect::Detector;
use crate::grid::{self, Grid};
use crate::languages::Languages;
use crate::level::Level;
use crate::order;
use crate::picture::Picture;
use crate::recognize::{RecognizedLine, Recognizer};

/// Lowest confidence of lines that are kept.
const LEAST_CONFIDENCE: f32 = 0.5;
/// Confidence below which a line is doubtful. Legible lines in a known script have at least 0.97.
const DOUBTFUL: f32 = 0.95;
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextLine {
    pub text: String,
    pub left: f32,
    pub right: f32,
    pub top: f32,
    pub bottom: f32,
    /// True if the line runs from top to bottom.
    pub is_vertical: bool,
    /// True if it is the text of a cell between ruled lines, in one line at the middle of its row.
    pub is_cell: bool,
}

/// The text of an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecognizedText {
    /// From top to bottom, and from left to right at the same height.
    pub lines: Vec<TextLine>,
    /// True if the time was up before all lines were read.
    pub is_cut: bool,
    /// How legible the lines were, including those that were left out.
    pub legibility: Legibility,
}

/// Counts of lines that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Legibility {
    pub lines: usize,
    /// Lines that the model read with little confidence, as if they were in an unknown script.
    pub doubtful: usize,
}

/// A box and what was read in it.
type ReadLine = (TextBox, RecognizedLine);

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
            return Ok(RecognizedText { is_cut: true, ..RecognizedText::default() });
        }
        let boxes = self.detector.find(picture)?;
        let (direction, tried) = self.direction(picture, &boxes)?;
        let level = Level::new(picture, direction);
        let boxes = boxes.iter().map(|found| order::as_read(found, direction));
        let mut placed: Vec<(TextLine, TextBox)> =
            boxes.map(|line| (level.line(&line), line)).collect();
        sort(&mut placed);
        let grid = grid(picture, &level, &mut placed);
        let mut reading = RecognizedText::default();
        for (mut line, place) in placed {
            if Instant::now() >= until {
                reading.is_cut = true;
                break;
            }
            let read_before = tried.iter().find(|(tried, _)| *tried == place);
            let RecognizedLine { text, confidence } = match read_before {
                Some((_, line)) => line.clone(),
                None => self.recognizer.read(picture, &place)?,
            };
            if !text.is_empty() {
                reading.legibility.lines += 1;
                reading.legibility.doubtful += usize::from(confidence < DOUBTFUL);
            }
            if !text.is_empty() && confidence >= LEAST_CONFIDENCE {
                line.text = text;
                reading.lines.push(line);
            }
        }
        reading.lines = grid.join_cells(reading.lines);
        Ok(reading)
    }

    /// Returns the reading direction of the page's lines, and the lines that were read to determine
    /// it.
    fn direction(
        &self,
        picture: &Picture,
        boxes: &[TextBox],
    ) -> Result<((f32, f32), Vec<ReadLine>), OcrError> {
        let is_sideways = order::is_sideways(boxes);
        let direction = order::direction(boxes, is_sideways);
        let tried = order::longest(boxes, is_sideways, TRIED);
        let forwards = self.lines(picture, &tried, direction)?;
        if tried.is_empty() || (!is_sideways && confidence(&forwards) >= CONFIDENT) {
            return Ok((direction, forwards));
        }
        let back = (-direction.0, -direction.1);
        let backwards = self.lines(picture, &tried, back)?;
        Ok(match confidence(&backwards) > confidence(&forwards) + 0.05 {
            true => (back, backwards),
            false => (direction, forwards),
        })
    }

    /// Reads lines in a direction.
    fn lines(
        &self,
        picture: &Picture,
        boxes: &[TextBox],
        direction: (f32, f32),
    ) -> Result<Vec<ReadLine>, OcrError> {
        let read = boxes.iter().map(|found| {
            let line = order::as_read(found, direction);
            Ok((line, self.recognizer.read(picture, &line)?))
        });
        read.collect()
    }
}

/// Returns the ruled lines of the page, if it may have a table, and divides what they cross.
fn grid(picture: &Picture, level: &Level, placed: &mut Vec<(TextLine, TextBox)>) -> Grid {
    let lines: Vec<TextLine> = placed.iter().map(|(line, _)| line.clone()).collect();
    if !grid::may_be_table(&lines) {
        return Grid::default();
    }
    let grid = Grid::find(&level.upright_page(picture), &lines);
    let divided = placed.drain(..).flat_map(|(line, found)| {
        let parts = grid.parts(&line);
        if parts.len() == 1 {
            return vec![(line, found)];
        }
        let parts = parts.into_iter().map(|part| level.part(&found, part));
        parts.map(|part| (level.line(&part), part)).collect()
    });
    *placed = divided.collect();
    grid
}

/// Returns the mean confidence of lines.
fn confidence(lines: &[ReadLine]) -> f32 {
    let sum: f32 = lines.iter().map(|(_, line)| line.confidence).sum();
    sum / lines.len().max(1) as f32
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
