//! Reads pictures with the model or with Tesseract, within a time limit for each file.
use std::cell::{Cell, OnceCell, RefCell};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use carrel_ocr::{
    DETECTOR, DICTIONARY, Engine, Languages, Legibility, OcrError, Picture, RECOGNIZER,
    RecognizedText,
};

use super::tesseract::{self, GrayPage, Runner, Tesseract, TesseractError};
use super::unread::{self, UnreadPicture};
use super::{Ocr, lines};
use crate::extract::pdf::PageLine;

/// Fewest lines that are worth a warning; a picture without text may have one.
const FEWEST_DOUBTFUL: usize = 2;
const DOUBTFUL_TEXT: &str = "Most text in its pictures could not be read reliably, and what was \
    read may be wrong. The model knows languages in Latin script, Chinese and Japanese; to read \
    others, the operator can install Tesseract and name the languages in TARGET_OCR_LANG.";

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
    /// The lines of all pictures.
    legibility: Cell<Legibility>,
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
            legibility: Cell::default(),
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
        if let Ok(read) = &read {
            let all = reader.legibility.get();
            let lines = all.lines + read.legibility.lines;
            let doubtful = all.doubtful + read.legibility.doubtful;
            reader.legibility.set(Legibility { lines, doubtful });
        }
        read
    }

    /// Returns a sentence about text in the pictures that the model could hardly read, if that is
    /// most of it.
    pub fn doubtful_text(&self) -> Option<&'static str> {
        let reader = self.0.as_ref().ok()?;
        let Legibility { lines, doubtful } = reader.legibility.get();
        let is_doubtful = doubtful >= FEWEST_DOUBTFUL && 2 * doubtful > lines;
        is_doubtful.then_some(DOUBTFUL_TEXT)
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
                    Ok(RecognizedText {
                        lines: tesseract::lines(&table),
                        ..RecognizedText::default()
                    })
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
