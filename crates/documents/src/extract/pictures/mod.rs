//! Reads the text of pictures: image files, scanned pages, and pictures within documents.
mod layout;
pub(crate) mod tesseract;
mod unread;

use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use carrel_domain::document::Extracted;
use carrel_ocr::{
    DETECTOR, DICTIONARY, DecodeError, Engine, Languages, OcrError, Picture, RECOGNIZER,
    RecognizedText,
};
use serde::{Deserialize, Serialize};

use super::extract_error::ExtractError;
use super::pdf::PageLine;
use super::{Input, PAGE_END, by_nobody};
pub use layout::lines;
pub use tesseract::Tesseract;
use tesseract::{GrayPage, Runner, TesseractError};
pub use unread::UnreadPicture;

/// Whether and how a worker reads pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ocr {
    /// The model is in this directory. Languages are in the form of [`Languages::parse`].
    Ready { directory: PathBuf, seconds: u64, languages: String },
    /// Tesseract is installed.
    Tesseract { tesseract: Tesseract, seconds: u64 },
    /// Tesseract is not installed, but needed for these languages.
    NoProgram { languages: String },
    /// The model is not installed.
    NoModel,
    /// The operator has switched it off.
    Off,
}

impl Ocr {
    /// Returns the time limit for the pictures of a file, if pictures are read.
    pub(crate) fn seconds_mut(&mut self) -> Option<&mut u64> {
        match self {
            Self::Ready { seconds, .. } | Self::Tesseract { seconds, .. } => Some(seconds),
            _ => None,
        }
    }

    /// Returns why no picture is read, if so.
    pub fn missing(&self) -> Option<UnreadPicture> {
        match self {
            Self::Ready { .. } | Self::Tesseract { .. } => None,
            Self::NoProgram { languages } => Some(UnreadPicture::NoProgram(languages.clone())),
            Self::NoModel => Some(UnreadPicture::NoModel),
            Self::Off => Some(UnreadPicture::Off),
        }
    }
}

/// Reads pictures within a total time limit.
pub struct Pictures(Result<Reader, UnreadPicture>);

struct Reader {
    engine: ReadingEngine,
    allowed: Duration,
    /// Milliseconds spent on pictures.
    milliseconds_used: Arc<AtomicU64>,
    /// Whether a picture was read.
    is_used: Cell<bool>,
    /// Configured languages that cannot be read.
    missing: RefCell<Vec<String>>,
}

enum ReadingEngine {
    /// The model, loaded when a picture is first read.
    Native {
        files: ModelFiles,
        languages: Languages,
        engine: OnceCell<Option<Box<Engine>>>,
    },
    Tesseract(Runner),
}

/// The files of the model, opened before the process is confined.
struct ModelFiles {
    detector: File,
    recognizer: File,
    dictionary: File,
}

impl Pictures {
    /// Reads no pictures.
    pub fn none() -> Self {
        Self(Err(UnreadPicture::NoModel))
    }

    /// Opens the files of the model, or calls `run` to create the runner of the program. Adds the
    /// time spent, in milliseconds, to `milliseconds_used`.
    pub fn open(
        ocr: &Ocr,
        milliseconds_used: Arc<AtomicU64>,
        run: impl FnOnce(&Tesseract) -> io::Result<Runner>,
    ) -> Self {
        let (engine, seconds, missing) = match ocr {
            Ocr::Ready { directory, seconds, languages } => {
                let languages = Languages::parse(languages).unwrap_or_default();
                let missing = languages.unreadable().to_vec();
                let opened = ModelFiles::open(directory);
                let engine = opened.map(|files| ReadingEngine::Native {
                    files,
                    languages,
                    engine: OnceCell::new(),
                });
                (engine, seconds, missing)
            }
            Ocr::Tesseract { tesseract, seconds } => {
                (run(tesseract).map(ReadingEngine::Tesseract), seconds, Vec::new())
            }
            _ => return Self(Err(ocr.missing().unwrap_or(UnreadPicture::NoModel))),
        };
        let reader = engine.map(|engine| Reader {
            engine,
            allowed: Duration::from_secs(*seconds),
            milliseconds_used,
            is_used: Cell::new(false),
            missing: RefCell::new(missing),
        });
        Self(reader.map_err(|_| match ocr {
            Ocr::Tesseract { .. } => UnreadPicture::Failed,
            _ => UnreadPicture::NoModel,
        }))
    }

    /// Returns why no picture is read, if so.
    pub fn missing(&self) -> Option<&UnreadPicture> {
        self.0.as_ref().err()
    }

    /// Returns a sentence about the configured languages that could not be read, if a picture was
    /// read.
    pub fn missing_languages(&self) -> Option<String> {
        let reader = self.0.as_ref().ok().filter(|reader| reader.is_used.get())?;
        let missing = reader.missing.borrow();
        let install = match reader.engine {
            ReadingEngine::Native { .. } => unread::install_beside_model(&missing),
            ReadingEngine::Tesseract(_) => unread::install_languages(&missing),
        };
        (!missing.is_empty()).then(|| {
            let languages = missing.join(", ");
            format!(
                "Text in its pictures that is in the language {languages} was not read: {install}."
            )
        })
    }

    /// Returns the lines of text in a picture.
    pub fn read(&self, picture: &Picture) -> Result<RecognizedText, UnreadPicture> {
        let reader = self.0.as_ref().map_err(Clone::clone)?;
        let start = Instant::now();
        let used = Duration::from_millis(reader.milliseconds_used.load(Ordering::Relaxed));
        let left = reader.allowed.saturating_sub(used);
        if left.is_zero() {
            return Err(UnreadPicture::OutOfTime(reader.allowed.as_secs()));
        }
        let read = reader.read(picture, left);
        let elapsed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        reader.milliseconds_used.fetch_add(elapsed.max(1), Ordering::Relaxed);
        reader.is_used.set(true);
        read
    }

    /// Works like [`Pictures::read`], but returns lines of a page of the picture's height, scaled
    /// by `scale`, and whether the time was up before the end.
    pub fn lines(
        &self,
        picture: &Picture,
        scale: f64,
    ) -> Result<(Vec<PageLine>, bool), UnreadPicture> {
        let reading = self.read(picture)?;
        let is_cut = reading.is_cut;
        Ok((lines(reading, scale), is_cut))
    }
}

impl Reader {
    fn read(&self, picture: &Picture, left: Duration) -> Result<RecognizedText, UnreadPicture> {
        match &self.engine {
            ReadingEngine::Native { files, languages, engine } => {
                let engine = engine.get_or_init(|| load(files, languages).map(Box::new)).as_ref();
                let until = Instant::now() + left;
                engine.ok_or(UnreadPicture::Failed)?.read(picture, until).map_err(failed)
            }
            ReadingEngine::Tesseract(runner) => match runner.read(&GrayPage::of(picture), left) {
                Ok((table, missing)) => {
                    self.missing.replace(missing);
                    Ok(RecognizedText { lines: tesseract::lines(&table), is_cut: false })
                }
                Err(TesseractError::OutOfTime) => {
                    Err(UnreadPicture::OutOfTime(self.allowed.as_secs()))
                }
                Err(TesseractError::NoLanguage(languages)) => {
                    Err(UnreadPicture::NoLanguage(languages))
                }
                Err(TesseractError::Failed(why)) => {
                    eprintln!("tesseract failed to read a picture: {why}");
                    Err(UnreadPicture::ProgramFailed)
                }
            },
        }
    }
}

fn failed(error: OcrError) -> UnreadPicture {
    eprintln!("failed to read a picture: {error}");
    UnreadPicture::Failed
}

impl ModelFiles {
    fn open(directory: &Path) -> io::Result<Self> {
        let open = |name: &str| File::open(directory.join(name));
        let (detector, recognizer) = (open(DETECTOR.name)?, open(RECOGNIZER.name)?);
        Ok(Self { detector, recognizer, dictionary: open(DICTIONARY.name)? })
    }
}

/// Loads the model. Returns `None` if the files are not those of the model.
fn load(files: &ModelFiles, languages: &Languages) -> Option<Engine> {
    let bytes = |file: &File| -> io::Result<Vec<u8>> {
        let (mut file, mut bytes) = (file, Vec::new());
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let ModelFiles { detector, recognizer, dictionary } = files;
    let read = || Some((bytes(detector).ok()?, bytes(recognizer).ok()?, bytes(dictionary).ok()?));
    let (detector, recognizer, dictionary) = read()?;
    let dictionary = String::from_utf8(dictionary).ok()?;
    let loaded = Engine::load(detector, recognizer, &dictionary, languages);
    loaded.inspect_err(|error| eprintln!("failed to load the model: {error}")).ok()
}

/// Reads an image file; a TIFF file may have several pages.
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

/// Returns the text of a picture within a document, if it has any. Adds a warning for an unreadable
/// picture.
pub fn embedded_text(input: &Input<'_>, name: &str, bytes: &[u8]) -> Option<String> {
    if input.pictures().missing().is_some() {
        input.skip_picture(name);
        return None;
    }
    // Vector drawings and proprietary formats are not pictures of text.
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

/// Returns the refusal of an image file.
fn not_read(why: &UnreadPicture) -> ExtractError {
    match why {
        UnreadPicture::NoModel
        | UnreadPicture::Off
        | UnreadPicture::NoProgram(_)
        | UnreadPicture::NoLanguage(_) => {
            let why = why.why();
            ExtractError::with_message(format!(
                "The file is a picture, and {why}, so it cannot be read."
            ))
        }
        _ => ExtractError::unreadable(format!("cannot be read as a picture: {}.", why.why())),
    }
}
