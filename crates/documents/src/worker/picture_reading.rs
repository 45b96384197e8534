//! Selects what reads pictures, from the configuration and the installed programs.
use std::path::PathBuf;
use std::time::Duration;

use carrel_ocr::Languages;

use crate::extract::pictures::Ocr;
use crate::extract::pictures::tesseract::Tesseract;
use crate::ocr_model;

/// Tesseract's language if none is configured.
const DEFAULT_LANGUAGE: &str = "eng";

/// Configuration of reading pictures.
#[derive(Clone, Debug)]
pub struct PictureReading {
    /// The directory of the model.
    pub directory: PathBuf,
    /// Time limit for the pictures of one file; zero switches OCR off.
    pub time: Duration,
    pub languages: Languages,
    pub engine: OcrEngine,
    /// The directories that are searched for programs.
    pub programs: Vec<PathBuf>,
}

/// The engine that reads pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OcrEngine {
    /// The model, or Tesseract if a configured language is unknown to the model.
    #[default]
    Auto,
    /// The model.
    Native,
    /// Tesseract.
    Tesseract,
}

impl OcrEngine {
    /// Parses `auto`, `native` or `tesseract`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "native" => Some(Self::Native),
            "tesseract" => Some(Self::Tesseract),
            _ => None,
        }
    }
}

impl PictureReading {
    /// Returns how pictures are read now. A model or program installed later needs no restart.
    pub fn now(&self) -> Ocr {
        let seconds = self.time.as_secs().max(1);
        let named = Some(self.languages.codes()).filter(|codes| !codes.is_empty());
        let languages = named.clone().unwrap_or_else(|| DEFAULT_LANGUAGE.to_owned());
        let is_foreign = !self.languages.unreadable().is_empty();
        let program = match self.engine {
            OcrEngine::Native => None,
            OcrEngine::Auto if !is_foreign => None,
            OcrEngine::Auto | OcrEngine::Tesseract => {
                let candidates = self.programs.iter().map(|directory| directory.join("tesseract"));
                candidates.into_iter().find(|path| path.is_file())
            }
        };
        let has_model = ocr_model::is_complete(&self.directory);
        match (self.engine, program) {
            (_, Some(program)) => {
                Ocr::Tesseract { tesseract: Tesseract { program, languages }, seconds }
            }
            (OcrEngine::Tesseract, None) => Ocr::NoProgram { languages },
            _ if has_model => Ocr::Ready {
                directory: self.directory.clone(),
                seconds,
                languages: named.unwrap_or_default(),
            },
            (OcrEngine::Auto, None) if is_foreign => Ocr::NoProgram { languages },
            _ => Ocr::NoModel,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn reading(engine: OcrEngine, languages: &str, programs: &[PathBuf]) -> PictureReading {
        PictureReading {
            directory: PathBuf::from("/nowhere"),
            time: Duration::from_secs(9),
            languages: Languages::parse(languages).unwrap(),
            engine,
            programs: programs.to_vec(),
        }
    }

    #[test]
    fn tesseract_reads_languages_that_the_model_does_not_know() {
        let directory = tempfile::tempdir().unwrap();
        let programs = [PathBuf::from("/nowhere"), directory.path().to_owned()];
        let now = |engine, languages| reading(engine, languages, &programs).now();
        let no_program = |languages: &str| Ocr::NoProgram { languages: languages.to_owned() };
        assert_eq!(now(OcrEngine::Auto, "eng,ara"), no_program("eng,ara"));
        assert_eq!(now(OcrEngine::Tesseract, ""), no_program("eng"));
        fs::write(directory.path().join("tesseract"), "").unwrap();
        let with = |ocr| match ocr {
            Ocr::Tesseract { tesseract, seconds: 9 } => tesseract.languages,
            other => format!("{other:?}"),
        };
        assert_eq!(with(now(OcrEngine::Auto, "eng,ara")), "eng,ara");
        assert_eq!(with(now(OcrEngine::Tesseract, "deu")), "deu");
        assert_eq!(with(now(OcrEngine::Tesseract, "")), "eng");
        assert_eq!(now(OcrEngine::Auto, "deu"), Ocr::NoModel);
        assert_eq!(now(OcrEngine::Native, "ara"), Ocr::NoModel);
    }
}
