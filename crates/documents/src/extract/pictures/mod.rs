//! The text of pictures: image files, scanned pages, and pictures within documents.
mod layout;

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use carrel_domain::document::Extracted;
use carrel_ocr::{
    DETECTOR, DICTIONARY, DecodeError, Engine, Languages, Picture, RECOGNIZER, Reading,
};
use serde::{Deserialize, Serialize};

use super::extract_error::ExtractError;
use super::pdf::Line;
use super::{Input, PAGE_END, by_nobody};
pub use layout::lines;

/// Whether pictures are read, in a worker's job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ocr {
    /// The model lies in this directory. Languages are as [`Languages::parse`] reads them.
    Ready { directory: PathBuf, seconds: u64, languages: String },
    /// The model was not fetched.
    NoModel,
    /// The operator allows no time for it.
    Off,
}

impl Ocr {
    /// Why pictures are not read, where that is so for every picture.
    pub fn missing(&self) -> Option<UnreadPicture> {
        match self {
            Self::Ready { .. } => None,
            Self::NoModel => Some(UnreadPicture::NoModel),
            Self::Off => Some(UnreadPicture::Off),
        }
    }
}

/// Why a picture was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadPicture {
    NoModel,
    Off,
    /// Reading pictures took the time allowed, in seconds.
    OutOfTime(u64),
    /// No image file, damaged, too large, or of an unusual kind.
    Unreadable(String),
    Failed,
}

impl UnreadPicture {
    /// A clause that gives the reason.
    pub fn why(&self) -> String {
        match self {
            Self::NoModel => {
                "this server has no model for reading pictures (the operator can fetch \
                              it with `carrel model fetch ocr`)"
                    .to_owned()
            }
            Self::Off => {
                "reading pictures is turned off on this server (CARREL_OCR_TIMEOUT is 0)".to_owned()
            }
            Self::OutOfTime(seconds) => format!(
                "reading earlier pictures took the {seconds} seconds allowed (CARREL_OCR_TIMEOUT)"
            ),
            Self::Unreadable(why) => why.clone(),
            Self::Failed => "the model for reading pictures failed".to_owned(),
        }
    }
}

impl From<DecodeError> for UnreadPicture {
    fn from(error: DecodeError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Reads pictures for as long as that may take in all.
pub struct Pictures(Result<Reader, UnreadPicture>);

struct Reader {
    files: ModelFiles,
    languages: Languages,
    allowed: Duration,
    /// Milliseconds that were spent on reading pictures.
    spent: Arc<AtomicU64>,
    engine: OnceCell<Option<Engine>>,
}

/// The files of the model, opened before the process gives up opening any.
struct ModelFiles {
    detector: File,
    recognizer: File,
    dictionary: File,
}

impl Pictures {
    /// Reads none.
    pub fn none() -> Self {
        Self(Err(UnreadPicture::NoModel))
    }

    /// Opens the files of the model; it is loaded when a picture is first read. The milliseconds that
    /// are spent are added to `spent`.
    pub fn open(ocr: &Ocr, spent: Arc<AtomicU64>) -> Self {
        let Ocr::Ready { directory, seconds, languages } = ocr else {
            return Self(Err(ocr.missing().unwrap_or(UnreadPicture::NoModel)));
        };
        let open = |name: &str| File::open(directory.join(name));
        let files = open(DETECTOR.name).and_then(|detector| {
            let (recognizer, dictionary) = (open(RECOGNIZER.name)?, open(DICTIONARY.name)?);
            Ok(ModelFiles { detector, recognizer, dictionary })
        });
        let reader = files.map(|files| Reader {
            files,
            languages: Languages::parse(languages).unwrap_or_default(),
            allowed: Duration::from_secs(*seconds),
            spent,
            engine: OnceCell::new(),
        });
        Self(reader.map_err(|_| UnreadPicture::NoModel))
    }

    /// Why no picture is read.
    pub fn missing(&self) -> Option<&UnreadPicture> {
        self.0.as_ref().err()
    }

    /// The lines of text in a picture.
    pub fn read(&self, picture: &Picture) -> Result<Reading, UnreadPicture> {
        let reader = self.0.as_ref().map_err(Clone::clone)?;
        let start = Instant::now();
        let spent = Duration::from_millis(reader.spent.load(Ordering::Relaxed));
        let left = reader.allowed.saturating_sub(spent);
        if left.is_zero() {
            return Err(UnreadPicture::OutOfTime(reader.allowed.as_secs()));
        }
        let engine =
            reader.engine.get_or_init(|| load(reader)).as_ref().ok_or(UnreadPicture::Failed)?;
        let read = engine.read(picture, start + left);
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        reader.spent.fetch_add(took.max(1), Ordering::Relaxed);
        read.map_err(|error| {
            eprintln!("failed to read a picture: {error}");
            UnreadPicture::Failed
        })
    }

    /// As [`Pictures::read`], as lines of a page of that height, in points of `scale` to those of the
    /// picture. Says whether time was up before the end.
    pub fn lines(&self, picture: &Picture, scale: f64) -> Result<(Vec<Line>, bool), UnreadPicture> {
        let reading = self.read(picture)?;
        let is_cut = reading.is_cut;
        Ok((lines(reading, scale), is_cut))
    }
}

/// `None` when the files are not those of the model.
fn load(reader: &Reader) -> Option<Engine> {
    let bytes = |file: &File| -> io::Result<Vec<u8>> {
        let (mut file, mut bytes) = (file, Vec::new());
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let ModelFiles { detector, recognizer, dictionary } = &reader.files;
    let read = || Some((bytes(detector).ok()?, bytes(recognizer).ok()?, bytes(dictionary).ok()?));
    let (detector, recognizer, dictionary) = read()?;
    let dictionary = String::from_utf8(dictionary).ok()?;
    let loaded = Engine::load(detector, recognizer, &dictionary, &reader.languages);
    loaded.inspect_err(|error| eprintln!("failed to load the model: {error}")).ok()
}

/// An image file; a TIFF file may have several pages.
pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    if let Some(missing) = input.pictures().missing() {
        return Err(not_read(missing));
    }
    let bytes = input.bytes()?;
    let mut pages = Vec::new();
    for (picture, number) in carrel_ocr::pages(&bytes).map_err(unreadable)?.zip(1..) {
        let read =
            picture.map_err(UnreadPicture::from).and_then(|it| input.pictures().lines(&it, 1.0));
        let lines = match read {
            Ok((lines, false)) => lines,
            Ok((lines, true)) => {
                input.warn(format!("Page {number} was read in part: the time limit was reached."));
                lines
            }
            Err(why) if number == 1 => return Err(not_read(&why)),
            Err(why) => {
                input.warn(format!("Page {number} was not read: {}.", why.why()));
                let is_last = matches!(why, UnreadPicture::OutOfTime(_));
                if is_last {
                    break;
                }
                Vec::new()
            }
        };
        pages.push(lines);
    }
    if pages.iter().all(Vec::is_empty) {
        input.warn("No text was found in the picture.");
    }
    let texts = super::pdf::written(&pages);
    let text = match texts.as_slice() {
        [only] => only.clone(),
        several => several.iter().map(|page| format!("{page}{PAGE_END}")).collect(),
    };
    if text.len() as u64 > input.limits.text {
        return Err(ExtractError::TextTooLarge);
    }
    Ok(vec![by_nobody(text, "an image uploaded by the user.")])
}

/// The text of a picture within a document, `None` where there is none. What cannot be read is noted.
pub fn text_within(input: &Input<'_>, name: &str, bytes: &[u8]) -> Option<String> {
    if input.pictures().missing().is_some() {
        input.skip_picture(name);
        return None;
    }
    // Drawings of lines, and formats of single programs, are no pictures of text.
    let picture = carrel_ocr::pages(bytes).ok()?.next()?;
    let read = picture.map_err(UnreadPicture::from).and_then(|it| input.pictures().lines(&it, 1.0));
    match read {
        Ok((lines, _)) => super::pdf::written(&[lines]).pop().filter(|text| !text.is_empty()),
        Err(why) => {
            input.warn(format!("The picture {name} in it was not read: {}.", why.why()));
            None
        }
    }
}

fn unreadable(error: DecodeError) -> ExtractError {
    not_read(&UnreadPicture::from(error))
}

/// The refusal of an image file.
fn not_read(why: &UnreadPicture) -> ExtractError {
    match why {
        UnreadPicture::NoModel | UnreadPicture::Off => {
            let why = why.why();
            ExtractError::said(format!("The file is a picture, and {why}, so it cannot be read."))
        }
        _ => ExtractError::refused(format!("cannot be read as a picture: {}.", why.why())),
    }
}
